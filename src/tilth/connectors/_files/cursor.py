"""Remember the state of files, to see on the next run which are new or changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from tilth.connectors._files.listing import Found
from tilth.core.shard import Cursor

PIECE = 64 << 10
"""A file up to three times this size is hashed whole, a larger one at its head, middle and tail."""


def state_of(found: Found) -> list[Any]:
    """Return a file's size, time of change and content sample hash, as JSON values."""
    hasher = hashlib.blake2b(digest_size=16)
    with found.path.open("rb") as raw:
        if found.bytes <= 3 * PIECE:
            hasher.update(raw.read(3 * PIECE))
        else:
            for place in (0, found.bytes // 2, found.bytes - PIECE):
                raw.seek(place)
                hasher.update(raw.read(PIECE))
    return [found.bytes, found.mtime_ns, hasher.hexdigest()]


def changed(state: Sequence[Any], before: Sequence[Any] | None) -> bool:
    """Tell whether a file may have changed; one that is hashed whole is known by its hash alone."""
    return before is None or _essence(state) != _essence(before)


def fingerprint_of(cursor: Cursor) -> str:
    """Return 32 hex digits that are equal as long as no file is new, gone or changed.

    The time of change counts for files over 192 KiB only, of which the hash is a sample. The root does not count.
    """
    files: Mapping[str, Sequence[Any]] = cursor.position.get("files", {})
    lines = [[file, *_essence(state)] for file, state in sorted(files.items())]
    return hashlib.blake2b(json.dumps(lines).encode(), digest_size=16).hexdigest()


def _essence(state: Sequence[Any]) -> tuple[Any, ...]:
    size, mtime_ns, digest = state
    return (size, digest) if size <= 3 * PIECE else (size, mtime_ns, digest)
