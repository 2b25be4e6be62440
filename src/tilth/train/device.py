"""Choose device, precision and threads for a fit, say what was chosen, and put back what was changed."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tilth.core.errors import RecipeError, missing_extra

if TYPE_CHECKING:
    import torch

PRECISIONS = ("auto", "fp32", "bf16")


def load_torch() -> None:
    """Import torch so that its idle threads sleep, or raise `MissingExtra`.

    Threads that spin while they wait make two training processes on a busy machine several times slower than one. The
    thread library reads its settings when it loads, so they are in the environment for that moment only, and never
    where the user set them.
    """
    if "torch" in sys.modules:
        return
    wanted = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"}
    ours = {name: value for name, value in wanted.items() if name not in os.environ}
    os.environ.update(ours)
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError as error:
        raise missing_extra("torch", "train", "training") from error
    finally:
        for name in ours:
            del os.environ[name]


def choose_device(name: str) -> torch.device:
    """Resolve auto, cpu or cuda."""
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.partition(":")[0] not in ("cpu", "cuda"):
        raise RecipeError(f'no device "{name}"', where="train.device", wanted="auto, cpu or cuda")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise RecipeError("this machine has no CUDA device", where="train.device", do="Use device: auto")
    return torch.device(name)


def choose_precision(name: str, device: torch.device) -> str:
    """Resolve auto to bf16 where the processor multiplies it in hardware, else fp32."""
    import torch

    if name not in PRECISIONS:
        raise RecipeError(f'no precision "{name}"', where="train.precision", wanted=", ".join(PRECISIONS))
    if name != "auto":
        return name
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    features = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return "bf16" if features.get("amx_bf16") or features.get("avx512_bf16") else "fp32"


def choose_threads(wanted: int | None) -> int:
    """Return how many threads to compute with: as asked, as OMP_NUM_THREADS says, else the cores that are free now."""
    if wanted is not None:
        return wanted
    said = os.environ.get("OMP_NUM_THREADS", "")
    if said.isdecimal() and int(said) > 0:
        return int(said)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return max(1, min(16, cores - round(busy)))


@contextlib.contextmanager
def settings(threads: int) -> Iterator[None]:
    """Compute with this many threads and a random state of our own; the process's own come back after."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.random.fork_rng():
            yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def autocast(precision: str, device: torch.device) -> Iterator[None]:
    """Multiply in bf16 where the precision says so; weights stay float32."""
    import torch

    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16"):
        yield
