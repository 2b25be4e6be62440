"""Bring texts with the same shingle set together, and find the others' sets again by where they lie.

A text's shingles are written once, beside its name. Later exchanges carry places (`at`) only: `row * partitions +
partition`, so that `at % partitions`, where `core.engine.partition_of` sends the number, is where the set lies.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import ID, Batch
from tilth.core.engine import KEY, Reader, Rows
from tilth.core.groups import headed
from tilth.core.shard import Shard
from tilth.refine._columns import texts
from tilth.refine._ranks import named
from tilth.text import kernel, minhash

Places = npt.NDArray[np.uint64]
Hashes = npt.NDArray[np.uint64]

_LIGHT = [("size", pa.int64()), ("bands", pa.large_binary())]
KEYED = pa.schema(
    [(KEY, pa.uint64()), (ID, pa.string()), ("check", pa.uint64()), *_LIGHT, ("shingles", pa.large_binary())]
)
SETS = pa.schema([(ID, pa.string()), ("leader", pa.string()), *_LIGHT, ("shingles", pa.large_binary())])
"""A row of the data that holds a text: `leader` is the first name with the same set; only it keeps the set."""
BLOCK_BYTES = 32 << 20
"""How many bytes of sets are compared at a time."""
_ROW_BITS = 44


@dataclass(frozen=True, kw_only=True)
class Sets:
    """Bring texts with the same shingle set together: one leads, and the others need no comparing."""

    column: str
    ngram: int
    numbers: kernel.Numbers
    cut: minhash.Bands
    permutations: int
    seed: int
    prefer: str | None = None
    operator: Any = None
    """Whose options these are: named in messages."""

    def emit(self, batch: Batch) -> Batch:
        """Key each text that is not blank by its set and numbers."""
        found = kernel.sketch(
            texts(batch, self.column, self.operator),
            ngram=self.ngram,
            numbers=self.numbers,
            permutations=self.permutations,
            seed=self.seed,
        )
        sizes = np.diff(found.offsets)
        keys, checks = _keys(found.hashes, found.offsets, found.numbers)
        bands = band_keys(found.signatures, self.cut, found.numbers)
        keyed = pa.RecordBatch.from_arrays(
            [
                pa.array(keys),
                named(batch, self.prefer, self.operator),
                pa.array(checks),
                pa.array(sizes),
                _binary(bands.reshape(-1), np.arange(0, bands.size + 1, bands.shape[1])),
                _binary(found.hashes, found.offsets),
            ],
            schema=KEYED,
        )
        return keyed if (sizes > 0).all() else keyed.filter(pa.array(sizes > 0))

    def gather(self, keyed: Iterator[Batch]) -> Iterable[Batch]:
        """Let the first name of each set lead."""
        for batch, head, again, _ in headed(keyed, KEY):
            follows = head.to_numpy() != np.arange(batch.num_rows)
            leader, light = batch.column(ID), [batch.column(name) for name in ("bands", "shingles")]
            if follows.any():
                for name in ("check", "size"):
                    its = batch.column(name)
                    follows &= its.to_numpy() == its.take(head).to_numpy()
                mask = pa.array(follows)
                leader = pc.if_else(mask, leader.take(head), leader)
                light = [pc.if_else(mask, None, column) for column in light]
            found = pa.RecordBatch.from_arrays([batch.column(ID), leader, batch.column("size"), *light], schema=SETS)
            if again < found.num_rows:
                yield found.slice(again)


def _keys(hashes: Hashes, offsets: npt.NDArray[np.int64], numbers: Hashes) -> tuple[Hashes, Hashes]:
    """Return two hashes a set that do not depend on its order: of its sum and of its sum of squares."""
    keys: Hashes = np.zeros(len(numbers), np.uint64)
    checks: Hashes = np.zeros(len(numbers), np.uint64)
    filled = np.flatnonzero(np.diff(offsets))
    if len(filled):
        keys[filled] = np.add.reduceat(hashes, offsets[filled])
        checks[filled] = np.add.reduceat(hashes * hashes, offsets[filled])
    checks += numbers
    keys ^= minhash.mix(numbers)
    return minhash.mix(keys), minhash.mix(checks)


def band_keys(signed: npt.NDArray[np.uint32], cut: minhash.Bands, salt: Hashes) -> Hashes:
    """Return `cut.bands` keys a signature; alike bands (under an equal salt) share theirs."""
    used = signed[:, : cut.bands * cut.rows].astype(np.uint64).reshape(len(signed), cut.bands, cut.rows)
    numbers: Hashes = np.arange(1, cut.bands + 1, dtype=np.uint64)
    keys = minhash.mix(np.add.outer(salt, numbers))
    for row in range(cut.rows):
        keys = minhash.mix(keys ^ used[:, :, row])
    return keys


def _binary(words: Hashes, offsets: npt.NDArray[np.int64]) -> pa.Array:
    """Return one string of bytes a row, without copying."""
    buffers = [None, pa.py_buffer(np.ascontiguousarray(offsets * 8, np.int64)), pa.py_buffer(words)]
    return pa.Array.from_buffers(pa.large_binary(), len(offsets) - 1, buffers)


def words_of(column: pa.Array) -> tuple[Hashes, npt.NDArray[np.int64]]:
    """Return the 64-bit words of byte strings without nulls, and where each row's begin and end."""
    _, offsets, data = column.buffers()
    ends = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1] // 8
    words = np.frombuffer(data, np.uint64) if data is not None and data.size else np.zeros(0, np.uint64)
    return words[ends[0] : ends[-1]], ends - ends[0]


def located(sets: Rows, partitions: int, *columns: str) -> Rows:
    """Read these columns of the sets, and `at`, where each lies."""
    return Rows(shards=sets.shards, read=_Located(sets.read, partitions, columns))


@dataclass(frozen=True)
class _Located:
    read: Reader
    partitions: int
    columns: tuple[str, ...]

    def __call__(self, shard: Shard) -> Iterator[Batch]:
        row, place = 0, int(shard.id.removeprefix("p"))
        for batch in self.read(shard):
            at = np.arange(row, row + batch.num_rows, dtype=np.uint64) * np.uint64(self.partitions) + np.uint64(place)
            row += batch.num_rows
            yield batch.select(list(self.columns)).append_column("at", pa.array(at))


class Block(NamedTuple):
    """Some sets: the places asked for, from `first` to `last`."""

    first: int
    last: int
    names: pa.Array
    hashes: Hashes
    offsets: npt.NDArray[np.int64]


def by_partition(places: Places, partitions: int) -> tuple[Places, npt.NDArray[np.int64]]:
    """Return the distinct places as `blocks` reads them, partition by partition, and where among them each one is."""
    count = np.uint64(partitions)
    # Rotate, so that sorting by number sorts by partition, then row.
    turned = ((places % count) << np.uint64(_ROW_BITS)) | (places // count)
    distinct, at = np.unique(turned, return_inverse=True)
    return (distinct & np.uint64((1 << _ROW_BITS) - 1)) * count + (distinct >> np.uint64(_ROW_BITS)), at


def blocks(sets: Rows, places: Places, partitions: int) -> Iterator[Block]:
    """Read the sets that lie at these places, in the order of `by_partition`, a block of bounded size at a time."""
    held: list[Batch] = []
    size, first, seen = 0, 0, 0
    for found in _wanted(sets, places, partitions):
        held.append(found)
        size += found.nbytes
        seen += found.num_rows
        if size >= BLOCK_BYTES:
            yield _block(held, first, seen)
            held, size, first = [], 0, seen
    if held:
        yield _block(held, first, seen)


def _wanted(sets: Rows, places: Places, partitions: int) -> Iterator[Batch]:
    shards = {shard.id: shard for shard in sets.shards}
    owners = (places % np.uint64(partitions)).astype(np.int64)
    cuts = np.flatnonzero(np.diff(owners, prepend=-1, append=-1)).tolist()
    for start, end in itertools.pairwise(cuts):
        rows = places[start:end] // np.uint64(partitions)
        done, before = 0, 0
        for batch in sets.read(shards[f"p{owners[start]:04d}"]):
            until = int(np.searchsorted(rows, np.uint64(before + batch.num_rows)))
            if until > done:
                yield batch.select([ID, "shingles"]).take(pa.array(rows[done:until] - np.uint64(before)))
            done, before = until, before + batch.num_rows
            if done == len(rows):
                break


def _block(held: list[Batch], first: int, last: int) -> Block:
    whole = held[0] if len(held) == 1 else pa.concat_batches(held)
    hashes, offsets = words_of(whole.column("shingles"))
    return Block(first, last, whole.column(ID), hashes, offsets)
