"""What tests share: where the data sets lie, how many times a storm strikes, quiet threads."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import pytest
from hypothesis import settings

# Set before anything imports torch: waiting threads must not spin on busy cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "0")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

# A shared machine may stall; how long an example takes is no fault of the code.
settings.register_profile("tilth", deadline=None)
settings.load_profile("tilth")

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With TILTH_PART=i/n keep the i-th of n parts, so that several machines share the full storms."""
    said = os.environ.get("TILTH_PART", "1/1")
    number, _, parts = said.partition("/")
    if int(parts) > 1:
        mine = [item for item in items if zlib.crc32(item.nodeid.encode()) % int(parts) == int(number) - 1]
        config.hook.pytest_deselected(items=[item for item in items if item not in mine])
        items[:] = mine


@pytest.fixture(scope="session")
def shared() -> Path:
    """The data sets beside the repository; tests that need them skip where they are not."""
    if not SHARED.is_dir():
        pytest.skip(f"the shared data sets are not at {SHARED.name}/ beside the repository")
    return SHARED
