"""Hash what files hold."""

from __future__ import annotations

from pathlib import Path

import xxhash


def digest(*files: Path) -> str:
    """Return the xxh3-128 of files' bytes, one after the other, as 32 hex digits."""
    hasher = xxhash.xxh3_128()
    for file in files:
        with file.open("rb") as opened:
            while block := opened.read(1 << 20):
                hasher.update(block)
    return hasher.hexdigest()
