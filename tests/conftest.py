"""What tests share: where the data sets lie, how many times a storm strikes, quiet threads."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Set before anything imports torch: waiting threads must not spin on busy cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "0")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The data sets beside the repository; tests that need them skip where they are not."""
    if not SHARED.is_dir():
        pytest.skip(f"the shared data sets are not at {SHARED.name}/ beside the repository")
    return SHARED
