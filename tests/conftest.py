"""What tests share: where the data sets lie, how many times a storm strikes, quiet threads."""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests import servers
from tilth.core import errors

# Set before anything imports torch: waiting threads must not spin on busy cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "0")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

# A shared machine may stall; how long an example takes is no fault of the code.
settings.register_profile("tilth", deadline=None)
settings.load_profile("tilth")

# Servers that tests start (tests/servers) live as long as pytest's first process, and are shared by its workers.
os.environ.setdefault("TILTH_SERVERS_OWNER", str(os.getpid()))
os.environ.setdefault("TILTH_SERVERS_RUN", f"{os.getpid()}-{time.time_ns()}")

# Programs that tests start are no modules to look for examples in.
collect_ignore_glob = ["servers/_*.py"]

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With TILTH_PART=i/n keep the i-th of n parts, so that several machines share the full storms."""
    said = os.environ.get("TILTH_PART", "1/1")
    number, _, parts = said.partition("/")
    if int(parts) > 1:
        mine = [item for item in items if zlib.crc32(item.nodeid.encode()) % int(parts) == int(number) - 1]
        config.hook.pytest_deselected(items=[item for item in items if item not in mine])
        items[:] = mine


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the servers, in pytest's first process, after its workers have ended."""
    if os.environ["TILTH_SERVERS_OWNER"] == str(os.getpid()):
        servers.stop_all(servers.HOME / os.environ["TILTH_SERVERS_RUN"])


@pytest.fixture(scope="session")
def shared() -> Path:
    """The data sets beside the repository; tests that need them skip where they are not."""
    if not SHARED.is_dir():
        pytest.skip(f"the shared data sets are not at {SHARED.name}/ beside the repository")
    return SHARED


@pytest.fixture(autouse=True)
def _no_secret_outlives_its_test() -> Iterator[None]:
    """What one test revealed is not taken out of what another says."""
    before = errors.known_secrets.copy()
    yield
    errors.known_secrets.clear()
    errors.known_secrets.update(before)
