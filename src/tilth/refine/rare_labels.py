"""Deal with labels too rare to learn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import Batch, with_column
from tilth.core.errors import DataError
from tilth.core.fold import FitsOn
from tilth.core.operator import verdicts
from tilth.core.registry import name_of
from tilth.refine._labels import labels_of

STATE = pa.schema([("label", pa.string()), ("rows", pa.int64())])
_MOST = 100_000


@dataclass(frozen=True, kw_only=True)
class RareLabels:
    """Find the labels with fewer than `min` train rows, and drop their rows or merge them into one label.

    >>> from tilth.testing import batch
    >>> rows = batch(label=["a", "a", "b", None])
    >>> fold = RareLabels(min=2, action="other")
    >>> fold.finish(fold.observe(rows)).map(rows).column("label").to_pylist()
    ['a', 'a', 'other', None]

    A label that train rows never have counts as rare. A row without a label is not judged.
    """

    fits_on: ClassVar[FitsOn] = "train"

    column: str = "label"
    """The label column."""
    min: int = 5
    """The least number of train rows for a label to stay."""
    action: Literal["drop", "other"] = "drop"
    """Drop the rows of rare labels, or give them the label in `other`."""
    other: str = "other"
    """The label that rare ones become."""

    def observe(self, batch: Batch) -> pa.Table:
        """Count the labels of a batch."""
        found = pa.array(labels_of(batch, self.column, self), pa.string())
        return self._summed(pa.table([found, pa.array([1] * len(found), pa.int64())], schema=STATE))

    def merge(self, left: pa.Table, right: pa.Table) -> pa.Table:
        """Add two counts; exact."""
        return self._summed(pa.concat_tables([left, right]))

    def finish(self, state: pa.Table) -> RareLabelsDropped | RareLabelsMerged:
        """Return the operator for all rows."""
        counts = dict(zip(state["label"].to_pylist(), state["rows"].to_pylist(), strict=True))
        if self.action == "drop":
            return RareLabelsDropped(column=self.column, counts=counts, min=self.min)
        return RareLabelsMerged(column=self.column, counts=counts, min=self.min, other=self.other)

    def _summed(self, counts: pa.Table) -> pa.Table:
        counts = counts.filter(pc.is_valid(counts["label"])).group_by("label").aggregate([("rows", "sum")])
        if counts.num_rows > _MOST:
            raise DataError(
                f'column "{self.column}" has more than {_MOST} distinct values',
                where=name_of(self),
                wanted="a column of labels",
            )
        return counts.rename_columns({"rows_sum": "rows"}).select(STATE.names).cast(STATE).sort_by("label")


@dataclass(frozen=True, kw_only=True)
class RareLabelsDropped:
    """Drop rows whose label is rare in train. Made by `RareLabels`.

    >>> from tilth.testing import batch
    >>> dropped = RareLabelsDropped(column="label", counts={"a": 9, "b": 1}, min=5)
    >>> dropped.judge(batch(label=["a", "b"])).to_pylist()[1]["value"]
    1.0
    """

    column: str
    """The label column."""
    counts: Mapping[str, int]
    """Train rows of each label."""
    min: int
    """The least number of train rows for a label to stay."""

    def judge(self, batch: Batch) -> pa.StructArray:
        """Return a verdict for each row with a rare label: its train rows, and the least number."""
        labels = labels_of(batch, self.column, self)
        rows = [None if label is None else self.counts.get(label, 0) for label in labels]
        return verdicts(
            [count is not None and count < self.min for count in rows], "rare_label", values=rows, threshold=self.min
        )


@dataclass(frozen=True, kw_only=True)
class RareLabelsMerged:
    """Give rows whose label is rare in train one common label. Made by `RareLabels`.

    >>> from tilth.testing import batch
    >>> merged = RareLabelsMerged(column="label", counts={"a": 9}, min=5, other="rest")
    >>> merged.map(batch(label=["a", "b"])).column("label").to_pylist()
    ['a', 'rest']
    """

    column: str
    """The label column."""
    counts: Mapping[str, int]
    """Train rows of each label."""
    min: int
    """The least number of train rows for a label to stay."""
    other: str
    """The label that rare ones become."""

    def map(self, batch: Batch) -> Batch:
        """Return the batch with rare labels replaced."""
        labels = [
            label if label is None or self.counts.get(label, 0) >= self.min else self.other
            for label in labels_of(batch, self.column, self)
        ]
        return with_column(batch, self.column, labels, pa.string())


EXAMPLES = (RareLabels(min=2), RareLabels(min=3, action="other"))
