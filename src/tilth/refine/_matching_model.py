"""Fit weights to a bounded sample of compared pairs, and keep the pairs that are likely enough.

The sample is the pairs with the smallest hashes of both ids: the same whatever the shards and the order of rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from tilth.core.batch import ID, Batch
from tilth.core.engine import KEY, Engine, Reader, Rows, Step
from tilth.core.shard import Shard
from tilth.refine import _matching_em
from tilth.refine._matching_compare import Levels, highest
from tilth.refine._matching_profile import Field

LIKELY = pa.schema(
    [
        (KEY, pa.string()),
        (ID, pa.string()),
        ("value", pa.float64()),
        ("one_full", pa.int64()),
        ("other_full", pa.int64()),
    ]
)
"""A pair that is likely one entity: `_key` is the smaller id. `core.components` reads it as it is."""
_SAMPLE = 200_000


class _Sample(NamedTuple):
    hashes: npt.NDArray[np.uint64]
    levels: Levels
    known: npt.NDArray[np.int8]


def fitted(compared: Rows, fields: tuple[Field, ...], engine: Engine) -> _matching_em.Weights:
    """Fit weights to at most 200,000 pairs."""
    step = Step(name="match_records.sample", work=partial(_sampled, compared.read, len(fields)))
    parts = [part for _, part in engine.run(step, compared.shards)]
    sample = _smallest(parts, len(fields))
    patterns, counts = np.unique(np.column_stack([sample.levels, sample.known]), axis=0, return_counts=True)
    return _matching_em.fit(
        patterns[:, :-1], counts.astype(np.int64), [highest(field.kind) for field in fields], patterns[:, -1]
    )


def likely(compared: Rows, weights: _matching_em.Weights, threshold: float) -> Rows:
    """Return the pairs at or above the threshold."""
    return Rows(shards=compared.shards, read=_Likely(read=compared.read, weights=weights, threshold=threshold))


@dataclass(frozen=True, kw_only=True)
class _Likely:
    read: Reader
    weights: _matching_em.Weights
    threshold: float

    def __call__(self, shard: Shard) -> Iterator[Batch]:
        for batch in self.read(shard):
            logits = self.weights.logits(_levels(batch, len(self.weights.fields)))
            chance = _matching_em.sigmoid(logits + batch.column("rarity").to_numpy())
            known = batch.column("known").to_numpy()
            # Rounded, so that the last bits of a sum on another machine change no decision.
            value = np.where(known < 0, np.round(chance, 6), known)
            columns = [pa.array(value) if field.name == "value" else batch.column(field.name) for field in LIKELY]
            yield pa.RecordBatch.from_arrays(columns, schema=LIKELY).filter(pa.array(value >= self.threshold))


def _sampled(read: Reader, fields: int, shard: Shard) -> _Sample:
    sample = _smallest([], fields)
    for batch in read(shard):
        names = zip(batch.column(KEY).to_pylist(), batch.column(ID).to_pylist(), strict=True)
        hashes = np.fromiter((xxhash.xxh3_64_intdigest(f"{one}\0{other}".encode()) for one, other in names), np.uint64)
        part = _Sample(hashes, _levels(batch, fields), batch.column("known").to_numpy())
        sample = _smallest([sample, part], fields)
    return sample


def _smallest(parts: list[_Sample], fields: int) -> _Sample:
    hashes = np.concatenate([np.zeros(0, np.uint64), *(part.hashes for part in parts)])
    levels = np.concatenate([np.zeros((0, fields), np.int8), *(part.levels for part in parts)])
    known = np.concatenate([np.zeros(0, np.int8), *(part.known for part in parts)])
    # Pairs that a person told about come first, whatever their hash.
    first = np.lexsort((hashes, known < 0))[:_SAMPLE]
    return _Sample(hashes[first], levels[first], known[first])


def _levels(batch: Batch, fields: int) -> Levels:
    joined = b"".join(batch.column("levels").to_pylist())
    return np.frombuffer(joined, np.int8).reshape(batch.num_rows, fields)
