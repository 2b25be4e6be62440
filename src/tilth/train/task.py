"""Say what a task is: encode rows, decode logits, score answers. Arrow and NumPy, no framework."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import ID, Batch
from tilth.core.errors import DataError, did_you_mean
from tilth.train.decision import Decision
from tilth.train.encoded import Array, Encoded
from tilth.train.tokenizer import Tokenizer


@dataclass(frozen=True, kw_only=True)
class Spelling:
    """How rows become token ids: the backbone's tokenizer and the learner's limits."""

    tokenizer: Tokenizer
    max_length: int
    """Tokens an item may hold, special ones counted."""
    shapes: bool = False
    """Whether each token carries how its word is spelt."""
    known: dict[str, tuple[list[int], bool]] = field(default_factory=dict, compare=False, repr=False)
    """Words met before: a cache for the life of one fit or model."""


class Lesson(NamedTuple):
    """A batch with its targets. Rows without an answer are left out."""

    encoded: Encoded
    ids: list[str]
    """The rows kept, by `_id` (or their number, where the batch has no ids)."""
    skipped: int
    """Rows without text or label."""
    strangers: int
    """Answers that the label space does not hold: they count as wrong."""


@runtime_checkable
class Task(Protocol):
    """What is learnt from which columns."""

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns a training row must have."""
        ...

    @property
    def inputs(self) -> Mapping[str, str]:
        """The columns an answer needs, and their types."""
        ...

    @property
    def metrics(self) -> tuple[str, ...]:
        """The scores it knows, the default first."""
        ...

    @property
    def answers(self) -> Mapping[str, pa.DataType]:
        """The columns `decode` gives."""
        ...

    def labels(self, batches: Iterable[Batch]) -> tuple[str, ...]:
        """Find the label space in train rows, in a fixed order."""
        ...

    def lesson(self, batch: Batch, spelling: Spelling, labels: Sequence[str]) -> Lesson:
        """Encode rows and their targets."""
        ...

    def encode(self, batch: Batch, spelling: Spelling) -> Encoded:
        """Encode rows without targets; a row without text has no item."""
        ...

    def decode(
        self, logits: Array, batch: Batch, encoded: Encoded, labels: Sequence[str], decision: Decision
    ) -> dict[str, pa.Array]:
        """Turn logits, one line an answer, into columns."""
        ...

    def score(self, logits: Array, encoded: Encoded, labels: Sequence[str]) -> dict[str, float]:
        """Score logits against the targets, with the plain decision rule."""
        ...


def column(batch: Batch, name: str, wanted: str) -> pa.Array:
    """Return a column, or raise `DataError` with the likely typo."""
    if name not in batch.schema.names:
        raise DataError(
            f'no column "{name}"',
            where="train",
            wanted=f"a column of {wanted}. Columns here: {', '.join(batch.schema.names)}",
            do=did_you_mean(name, batch.schema.names),
        )
    found = batch.column(name)
    if isinstance(found, pa.DictionaryArray):
        found = found.dictionary_decode()
    return found


def row_names(batch: Batch) -> list[str]:
    """Return the rows' ids, or their numbers."""
    if ID in batch.schema.names:
        return [str(name) for name in batch.column(ID).to_pylist()]
    return [str(number) for number in range(batch.num_rows)]


def label_texts(values: pa.Array, where: str) -> pa.Array:
    """Write labels as strings: whole numbers in decimal, booleans as true and false.

    >>> label_texts(pa.array([1.0, None, 0.0]), "label").to_pylist()
    ['1', None, '0']
    """
    kind = values.type
    if pa.types.is_null(kind):
        return values.cast(pa.string())
    if pa.types.is_floating(kind):
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, kind), values)
        if pc.any(pc.not_equal(values, pc.floor(values))).as_py() or pc.any(pc.is_inf(values)).as_py():
            raise DataError(f'column "{where}" holds fractions', where="train", wanted="classes, not a quantity")
        return values.cast(pa.int64()).cast(pa.string())
    if pa.types.is_nested(kind) or pa.types.is_binary(kind):
        raise DataError(f'column "{where}" holds {kind}', where="train", wanted="text, whole numbers or booleans")
    return values.cast(pa.string())


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Sort label names: as numbers when all are whole numbers, else by code point.

    >>> in_order(["10", "9"]), in_order(["b", "10", "a"])
    (('9', '10'), ('10', 'a', 'b'))
    """
    found = list(names)
    if all(name.removeprefix("-").isdecimal() for name in found):
        return tuple(sorted(found, key=lambda name: (int(name), name)))
    return tuple(sorted(found))


def lists(values: Array, starts: Array, type: pa.DataType, mask: Array | None = None) -> pa.ListArray:
    """Build a list column from flat values; a row in the mask is null."""
    flat = pa.array(values, type=type)
    return pa.ListArray.from_arrays(
        pa.array(starts.astype(np.int32)), flat, mask=None if mask is None else pa.array(mask)
    )
