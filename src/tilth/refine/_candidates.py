"""Find pairs of texts that may be alike, and verify them: four exchanges, each a pair of `emit` and `gather`.

Sets    rows of the data      key: the shingle set      gives one leader a set, with its shingles, and its followers
Bands   leaders               key: a band               gives candidate pairs
Ship    leaders and pairs     key: the smaller id       gives each pair the smaller one's shingles
Verify  leaders and shipped   key: the greater id       gives the pairs that are alike, with their similarity
"""

from __future__ import annotations

import collections
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import ID, Batch
from tilth.core.engine import KEY
from tilth.refine._columns import texts
from tilth.refine._rows import HASHES, Hashes, batches, crowded, groups, hash_lists
from tilth.text import kernel, minhash

_KEY_ID = [(KEY, pa.string()), (ID, pa.string())]
_SET = [("numbers", pa.uint64()), ("shingles", HASHES)]
SETS = pa.schema([(ID, pa.string()), ("leader", pa.string()), *_SET])
"""A row of the data that holds a text: `leader` is the smallest id with the same set; only it keeps the set."""
PAIRS = pa.schema([("one", pa.string()), ("other", pa.string())])
SHIPPED = pa.schema([("one", pa.string()), ("other", pa.string()), ("shingles", HASHES)])
ALIKE = pa.schema([*_KEY_ID, ("value", pa.float64())])
"""A verified pair: `_key` is the smaller id. `core.components` reads it as it is."""
_NEIGHBOURS = 15
"""How many predecessors, besides the smallest id, a row meets in a band."""


@dataclass(frozen=True, kw_only=True)
class Sets:
    """Bring texts with the same shingle set together: one leads, and the others need no comparing."""

    column: str
    ngram: int
    numbers: kernel.Numbers

    def emit(self, batch: Batch) -> Batch:
        """Key each text that is not blank by a 128-bit hash of its set and numbers."""
        found = kernel.shingles(texts(batch, self.column, self), ngram=self.ngram, numbers=self.numbers)
        keys = [
            hashlib.blake2b(found.of(row).tobytes() + found.numbers[row].tobytes(), digest_size=16).hexdigest()
            for row in range(batch.num_rows)
        ]
        shingles = pa.ListArray.from_arrays(pa.array(found.offsets, pa.int32()), pa.array(found.hashes))
        keyed = pa.RecordBatch.from_arrays(
            [pa.array(keys, pa.string()), batch.column(ID), pa.array(found.numbers), shingles],
            schema=pa.schema([*_KEY_ID, *_SET]),
        )
        return keyed.filter(pa.array(np.diff(found.offsets) > 0))

    def gather(self, keyed: Iterator[Batch]) -> Iterable[Batch]:
        """Let the smallest id of each set lead."""

        def rows() -> Iterator[tuple[Any, ...]]:
            for _, group in groups(keyed, (KEY, ID, "numbers", "shingles")):
                _, leader, numbers, shingles = next(group)
                yield leader, leader, numbers, shingles
                for _, row, _, _ in group:
                    yield row, leader, None, None

        return batches(rows(), SETS)


@dataclass(frozen=True, kw_only=True)
class Bands:
    """Bring leaders together that share a band of their signatures (and, where they count, their numbers)."""

    threshold: float
    cut: minhash.Bands
    permutations: int
    seed: int

    def emit(self, batch: Batch) -> Batch:
        """Key each leader by each of its bands."""
        leaders = batch.filter(pc.is_valid(batch.column("shingles")))
        # A filtered list array starts anew, but a slice of one would not.
        shingles = leaders.column("shingles")
        hashes, offsets = shingles.flatten().to_numpy(), shingles.offsets.to_numpy().astype(np.int64)
        signed = minhash.sign(hashes, offsets - offsets[0], permutations=self.permutations, seed=self.seed)
        keys = minhash.band_keys(signed, self.cut, leaders.column("numbers").to_numpy())
        row = np.repeat(np.arange(leaders.num_rows), self.cut.bands)
        return pa.RecordBatch.from_arrays(
            [keys, leaders.column(ID).take(pa.array(row)), pa.array(np.diff(offsets)[row])],
            schema=pa.schema([*_KEY_ID, ("size", pa.int64())]),
        )

    def gather(self, keyed: Iterator[Batch]) -> Iterable[Batch]:
        """Pair each row of a band with the smallest id and its predecessors, where their sizes allow the threshold."""

        def rows() -> Iterator[tuple[str, str]]:
            for _, group in groups(crowded(keyed, KEY), (KEY, ID, "size")):
                _, first, first_size = next(group)
                before: collections.deque[tuple[str, int]] = collections.deque(maxlen=_NEIGHBOURS)
                for _, row, size in group:
                    for other, its in ((first, first_size), *before):
                        # |A and B| / |A or B| is at most the smaller size over the greater.
                        if min(size, its) >= self.threshold * max(size, its):
                            yield other, row
                    before.append((row, size))

        return batches(rows(), PAIRS)


@dataclass(frozen=True, kw_only=True)
class Ship:
    """Send the shingles of each pair's smaller id to the greater."""

    def emit(self, batch: Batch) -> Batch:
        """Key leaders by themselves (before all pairs) and pairs by the smaller id."""
        return _beside(batch, key="one", row="other")

    def gather(self, keyed: Iterator[Batch]) -> Iterable[Batch]:
        """Give each pair, once, the shingles of its key."""

        def rows() -> Iterator[tuple[str, str, Hashes]]:
            for one, group in groups(keyed, (KEY, ID, "shingles")):
                _, _, shingles = next(group)
                last = ""
                for _, other, _ in group:
                    if other != last:
                        yield one, other, shingles
                    last = other

        return batches(rows(), SHIPPED)


@dataclass(frozen=True, kw_only=True)
class Verify:
    """Compare the shingles of each pair."""

    threshold: float

    def emit(self, batch: Batch) -> Batch:
        """Key leaders by themselves (before all pairs) and pairs by the greater id."""
        return _beside(batch, key="other", row="one")

    def gather(self, keyed: Iterator[Batch]) -> Iterable[Batch]:
        """Keep the pairs that reach the threshold."""

        def rows() -> Iterator[tuple[str, str, float]]:
            for other, group in groups(keyed, (KEY, ID, "shingles")):
                _, _, shingles = next(group)
                for _, one, its in group:
                    value = minhash.jaccard(its, shingles)
                    if value >= self.threshold:
                        yield one, other, value

        return batches(rows(), ALIKE)


def _beside(batch: Batch, *, key: str, row: str) -> Batch:
    """Key leaders and pairs alike; a leader's empty `_id` sorts before any pair's."""
    schema = pa.schema([*_KEY_ID, ("shingles", HASHES)])
    if "leader" in batch.schema.names:
        leaders = batch.filter(pc.is_valid(batch.column("shingles")))
        first = pa.array([""] * leaders.num_rows, pa.string())
        return pa.RecordBatch.from_arrays([leaders.column(ID), first, leaders.column("shingles")], schema=schema)
    carried = batch.schema.get_field_index("shingles")
    shingles = batch.column(carried) if carried >= 0 else hash_lists([None] * batch.num_rows)
    return pa.RecordBatch.from_arrays([batch.column(key), batch.column(row), shingles], schema=schema)
