"""Measure texts once: statistics kept by content, so that a run with other thresholds decides again without measuring.

A worker opens the shard's file of an earlier pass, takes from it what it knows by the text's own hash, and measures the
rest. The file holds numbers and hashes, no text; losing it costs time and nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.ipc as ipc
import xxhash

from tilth.bytes.cache import Cache
from tilth.core.batch import STATISTICS, Batch, cell_bytes, with_column
from tilth.core.operator import Mapper
from tilth.core.shard import Shard
from tilth.run.memory import Memory

WRITE = ipc.IpcWriteOptions(compression="zstd")
Keys = npt.NDArray[np.bytes_]
"""128-bit hashes; NumPy pads with zero bytes, so the fixed width makes comparing exact."""
Names = frozenset[str] | None
"""Which statistics; None for all."""
_KEY = np.dtype("S16")
_FEW = 8
"""Sorted parts to search before they are joined into one."""


@dataclass(frozen=True, kw_only=True)
class Measures:
    """Where a project keeps what was measured; picklable."""

    folder: str
    """One file a shard and a set of statistics; the folder's name holds the version of the statistics."""
    answers: Cache | None = None
    """Where answers of slow operators are kept."""

    @contextlib.contextmanager
    def of(self, shard: Shard) -> Iterator[Measured]:
        """Open a shard's measurements; what was measured anew is written when the work went well."""
        stem = Path(self.folder) / shard.id
        measured = Measured(stem, self.memory())
        yield measured
        for names, known in measured.known.items():
            # An executor on another machine may have no such folder, nor the right to make it.
            with contextlib.suppress(OSError):
                if known.fresh:
                    _write(_path(stem, names), known.whole())

    def memory(self) -> Memory | None:
        """Return what was answered before, where it is kept."""
        return None if self.answers is None else Memory(self.answers)

    def keep(self, shards: Collection[str]) -> None:
        """Remove what was measured of other shards than these (by id), which are no longer read."""
        for path in Path(self.folder).glob("*.arrow"):
            if path.name.rpartition("-")[0] not in shards:
                path.unlink(missing_ok=True)


class Measured:
    """The statistics of one shard's texts, by content.

    >>> measured = Measured()
    >>> batch = pa.RecordBatch.from_pydict({"_id": ["a"], "text": ["two words"]})
    >>> batch = measured.attach(batch, "text", frozenset({"words"}))
    >>> batch.column("_stats.text").to_pylist(), measured.fresh
    ([{'words': 2}], 1)
    """

    def __init__(self, stem: Path | None = None, memory: Memory | None = None) -> None:
        self._stem, self.memory = stem, memory
        self.known: dict[Names, Known] = {}

    @property
    def fresh(self) -> int:
        """How many texts were measured here."""
        return sum(known.fresh for known in self.known.values())

    def attach(self, batch: Batch, column: str, names: Names = None) -> Batch:
        """Add the statistics of a text column (those named, or all), unless the batch carries them."""
        name = STATISTICS + column
        at = batch.schema.get_field_index(name)
        if at >= 0 and names is not None and names <= {field.name for field in batch.schema.field(at).type}:
            return batch
        if at >= 0 and names is None and len(batch.schema.field(at).type) == len(_all()):
            return batch
        if names not in self.known:
            held = _read(_path(self._stem, names)) if self._stem is not None else None
            self.known[names] = Known(names, held)
        return with_column(batch, name, self.known[names].of(batch.column(column)))


class Known:
    """One set of statistics, by a hash of the text."""

    def __init__(self, names: Names, held: pa.Table | None = None) -> None:
        self._names = names
        self.fresh = 0
        self._parts: list[_Part] = []
        if held is not None and held.num_rows:
            self._parts.append(_part(_keys_of(held), held.column("statistics").combine_chunks()))

    def of(self, texts: pa.Array) -> pa.StructArray:
        """Return the statistics of texts, measuring those that are not known."""
        from tilth.text import statistics

        if not len(texts):
            return statistics.measure(texts, select=self._names)
        keys = _hashes(texts)
        missing = np.arange(len(keys))
        taken: list[pa.StructArray] = []
        order: list[npt.NDArray[np.int64]] = []
        for known, place, found in self._parts:
            at, hit = _places(known, keys[missing])
            if hit.any():
                taken.append(found.take(pa.array(place[at[hit]])))
                order.append(missing[hit])
                missing = missing[~hit]
            if not len(missing):
                break
        if len(missing):
            some = texts if len(missing) == len(keys) else texts.take(pa.array(missing))
            fresh = statistics.measure(some, select=self._names)
            self.fresh += len(missing)
            self._remember(keys[missing], fresh)
            if len(missing) == len(keys):
                return fresh
            taken.append(fresh)
            order.append(missing)
        places = np.empty(len(keys), np.int64)
        places[np.concatenate(order)] = np.arange(len(keys))
        return (taken[0] if len(taken) == 1 else pa.concat_arrays(taken)).take(pa.array(places))

    def whole(self) -> pa.Table:
        """Return all that is known, each text once, in the order of the keys."""
        keys, at = np.unique(np.concatenate([part.keys for part in self._parts]), return_index=True)
        before = np.cumsum([0, *(len(part.keys) for part in self._parts)])[:-1]
        places = np.concatenate([part.places + start for part, start in zip(self._parts, before, strict=True)])[at]
        written = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(keys), [None, pa.py_buffer(keys.tobytes())])
        found = pa.concat_arrays([part.found for part in self._parts]).take(pa.array(places))
        return pa.Table.from_arrays([written, found], names=["key", "statistics"])

    def _remember(self, keys: Keys, found: pa.StructArray) -> None:
        self._parts.append(_part(keys, found))
        if len(self._parts) > _FEW:
            table = self.whole()
            self._parts = [_part(_keys_of(table), table.column("statistics").combine_chunks())]


class _Part(NamedTuple):
    """Statistics, and the keys of their texts in order with the place of each."""

    keys: Keys
    places: npt.NDArray[np.int64]
    found: pa.StructArray


def _part(keys: Keys, found: pa.StructArray) -> _Part:
    order = np.argsort(keys, kind="stable")
    return _Part(keys[order], order, found)


def wanted(operators: Sequence[Any], column: str) -> Names:
    """Return the statistics of a column that the first operator and those after it need, until one may change the text.

    None means all: an operator that uses statistics without saying which.
    """
    names: set[str] = set()
    for at, operator in enumerate(operators):
        if at and isinstance(operator, Mapper):
            break
        if column in getattr(operator, "measured", ()):
            uses = getattr(operator, "uses", None)
            if uses is None:
                return None
            names |= uses
    return frozenset(names)


def without(batch: Batch, columns: Sequence[str] | None = None) -> Batch:
    """Take statistics off a batch: of these text columns (their texts changed), or all."""
    gone = [
        name
        for name in batch.schema.names
        if name.startswith(STATISTICS) and (columns is None or name.removeprefix(STATISTICS) in columns)
    ]
    return batch.drop_columns(gone) if gone else batch


def _hashes(texts: pa.Array) -> Keys:
    """Hash each text to 128 bits (xxh3); a null counts as a text of its own."""
    digests = [b"\0" * 16 if cell is None else xxhash.xxh3_128_digest(cell) for cell in cell_bytes(texts)]
    return np.frombuffer(b"".join(digests), _KEY)


def _places(known: Keys, wanted: Keys) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Find keys among sorted ones: where each would stand, and whether it is there."""
    if not len(known):
        return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), np.bool_)
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return at.astype(np.int64), known[at] == wanted


def _keys_of(table: pa.Table) -> Keys:
    column = table.column("key").combine_chunks()
    return np.frombuffer(column.buffers()[1], _KEY, count=len(column), offset=column.offset * 16)


def _read(path: Path) -> pa.Table | None:
    try:
        with pa.OSFile(str(path)) as file:
            return ipc.open_file(file).read_all()
    except (FileNotFoundError, pa.ArrowInvalid, OSError):
        # Cut short or of another make: measure again.
        return None


def _path(stem: Path, names: Names) -> Path:
    said = "all" if names is None else hashlib.blake2b(" ".join(sorted(names)).encode(), digest_size=6).hexdigest()
    return stem.with_name(f"{stem.name}-{said}.arrow")


def _all() -> tuple[str, ...]:
    from tilth.text import statistics

    return statistics.NAMES


def _write(path: Path, table: pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}-{os.getpid()}-{uuid.uuid4().hex[:8]}")
    with ipc.new_file(str(draft), table.schema, options=WRITE) as writer:
        writer.write_table(table)
    draft.replace(path)
