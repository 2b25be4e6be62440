"""Name units of work, what workers wrote, how far a source was read, and committed states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NewType

RunKey = NewType("RunKey", str)
"""What one commit is for: the same work has the same key, so doing it twice commits once."""


@dataclass(frozen=True, kw_only=True)
class Shard:
    """A unit of work: small, picklable, and the same whichever worker gets it."""

    id: str
    """A stable name, safe in a file name; a part file is named after it."""
    where: Mapping[str, Any] = field(default_factory=dict)
    """What the reader needs to find the rows: JSON values only."""
    bytes: int = 0
    """About how large the input is; 0 when unknown."""
    rows: int | None = None
    """How many rows, where that is known without reading."""


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """How far a source was read; JSON values only, committed with the rows it stands for."""

    position: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What one worker wrote for one shard."""

    shard: str
    """The id of the shard."""
    parts: tuple[Part, ...] = ()
    rows: int = 0
    notes: Mapping[str, Any] = field(default_factory=dict)
    """Small counts and the like, JSON values only."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One immutable file that a worker wrote, named by its shard and content."""

    path: str
    """Relative to the table's root."""
    rows: int
    bytes: int
    digest: str
    """BLAKE2b-128 of the file's bytes, in hex."""


@dataclass(frozen=True, kw_only=True)
class Version:
    """A committed state of a data set."""

    table: str
    number: int
    key: RunKey
    """The run key it was committed under."""
    fingerprint: str = ""
    cursor: Cursor | None = None
