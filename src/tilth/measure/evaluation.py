"""Measure a model shard by shard: a fold whose state keeps, for each row, what it adds to the metrics.

The state is keyed by `_id` and sorted by it, so that shards merge to the same state in any order, and a shard that a
machine ran twice counts once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tilth.core.batch import ID, Batch
from tilth.core.errors import DataError, did_you_mean
from tilth.core.fold import FitsOn, Fold
from tilth.measure.bootstrap import Bootstrap, intervals
from tilth.measure.classification import label_counts
from tilth.measure.counts import Counts
from tilth.measure.interval import Interval
from tilth.measure.labels import indicator, list_column, owners
from tilth.measure.multilabel import multilabel_counts
from tilth.measure.report import ClassificationReport, summarise
from tilth.measure.result import Result
from tilth.measure.tagging import TaggingReport, entity_counts, report_of, token_counts

Kind: TypeAlias = Literal["label", "labels", "tags"]

_ADDS = pa.list_(
    pa.struct([("class", pa.string()), ("hits", pa.int32()), ("predicted", pa.int32()), ("true", pa.int32())])
)
STATE = pa.schema([(ID, pa.string()), ("right", pa.int64()), ("units", pa.int64()), ("adds", _ADDS), ("tokens", _ADDS)])
"""One line a row: right of how many units, and per class what it adds; `tokens` likewise per tag, null for labels."""

HEADLINES: dict[Kind, tuple[str, ...]] = {
    "label": ("accuracy", "macro_f1", "weighted_f1"),
    "labels": ("accuracy", "micro_f1", "macro_f1", "samples_f1"),
    "tags": ("micro_f1", "macro_f1", "micro_precision", "micro_recall", "accuracy"),
}
"""The metrics that get an interval, beside the F1 of every class."""


@dataclass(frozen=True, kw_only=True)
class Evaluated(Result):
    """What an evaluation finds."""

    kind: Kind
    rows: int
    unanswered: int
    """Rows with one label to give and no answer; they count as wrong."""
    report: ClassificationReport | TaggingReport
    intervals: dict[str, Interval]
    """By metric: the headline figures, and `f1:CLASS` for every class. For tags by entity, and `accuracy` by token."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Compare a column of predictions with the truth.

    >>> batch = pa.RecordBatch.from_pydict({"_id": ["r1", "r2"], "label": ["a", "b"], "predicted": ["a", "a"]})
    >>> evaluation = Evaluation()
    >>> evaluation.finish(evaluation.observe(batch)).report.accuracy
    0.5
    """

    fits_on: ClassVar[FitsOn] = "all"

    kind: Kind = "label"
    """What a row's truth is: one `label`, a list of `labels`, or a list of BIO `tags`."""
    truth: str = "label"
    """The column that holds the truth."""
    predicted: str = "predicted"
    """The column that holds the model's answer; null where it gave none (kind `label` only)."""
    replicates: int = 1000
    """How many bootstrap replicates stand behind an interval."""
    level: float = 0.95
    """The level of the intervals."""
    method: Literal["percentile", "bca"] = "percentile"
    """How intervals are drawn from the replicates."""
    seed: int = 0
    """The seed of the bootstrap."""

    def observe(self, batch: Batch) -> pa.Table:
        """Return one line a row; raise `DataError` for a missing column, a null truth or a doubled id."""
        ids, truth, predicted = (self._column(batch, name) for name in (ID, self.truth, self.predicted))
        if batch.num_rows == 0:
            return STATE.empty_table()
        tokens = None
        if self.kind == "label":
            counts = label_counts(ids, truth, predicted)
        elif self.kind == "labels":
            sides = [list_column(truth, self.truth), list_column(predicted, self.predicted)]
            labels = sorted(pa.concat_arrays([side.flatten() for side in sides]).unique().to_pylist())
            counts = multilabel_counts(ids, indicator(truth, labels), indicator(predicted, labels), labels)
        else:
            counts, tokens = entity_counts(ids, truth, predicted), token_counts(ids, truth, predicted)
        columns = [
            counts.ids.cast(pa.string()),
            pa.array(counts.right, pa.int64()),
            pa.array(counts.units, pa.int64()),
            _sparse(counts),
            _sparse(tokens) if tokens else pa.nulls(len(counts), _ADDS),
        ]
        return _one_line_an_id(pa.Table.from_arrays(columns, schema=STATE))

    def merge(self, left: pa.Table, right: pa.Table) -> pa.Table:
        """Join two states; a row in both counts once, and raises `DataError` when the two disagree about it."""
        return _one_line_an_id(pa.concat_tables([left, right]))

    def finish(self, state: pa.Table) -> Evaluated:
        """Return the report and the intervals; raise `DataError` when no row was observed."""
        if state.num_rows == 0:
            raise DataError("no rows to measure", wanted="at least one row with a truth and a prediction")
        counts = self.counts(state)
        how = Bootstrap(replicates=self.replicates, level=self.level, method=self.method, seed=self.seed)
        return Evaluated(
            kind=self.kind,
            rows=len(counts),
            unanswered=int((counts.predicted.sum(axis=1) == 0).sum()) if self.kind == "label" else 0,
            report=report_of(counts, self._tokens(state)) if self.kind == "tags" else summarise(counts),
            intervals=intervals(counts, [*HEADLINES[self.kind], *(f"f1:{name}" for name in counts.classes)], how),
        )

    def counts(self, state: pa.Table) -> Counts:
        """Return the counts of a state, for slices, for another metric or to compare two models."""
        return _dense(state, "adds", multilabel=self.kind == "labels")

    def _tokens(self, state: pa.Table) -> Counts:
        return _dense(state, "tokens", multilabel=False)

    def _column(self, batch: Batch, name: str) -> pa.Array:
        if name not in batch.schema.names:
            raise DataError(
                f'no column "{name}"',
                where="evaluate",
                wanted=f"one of {', '.join(batch.schema.names)}",
                do=did_you_mean(name, batch.schema.names),
            )
        return batch.column(name)


def _one_line_an_id(state: pa.Table) -> pa.Table:
    state = state.sort_by(ID).combine_chunks()
    ids = state.column(ID)
    twice = np.flatnonzero(pc.equal(ids[1:], ids[:-1]).to_numpy()) + 1 if len(ids) > 1 else np.zeros(0, dtype=np.int64)
    for at in twice.tolist():
        if not state.slice(at, 1).equals(state.slice(at - 1, 1)):
            raise DataError(
                f"row {ids[at].as_py()} was measured twice, with different answers",
                where="evaluate",
                wanted="one truth and one prediction for each id",
            )
    if len(twice):
        state = state.take(np.setdiff1d(np.arange(len(ids)), twice)).combine_chunks()
    return state


def _sparse(counts: Counts) -> pa.ListArray:
    row, kind = np.nonzero(counts.hits + counts.predicted + counts.true)
    names = pa.array(list(counts.classes), pa.string()).take(pa.array(kind))
    values = [pa.array(side[row, kind], pa.int32()) for side in (counts.hits, counts.predicted, counts.true)]
    ends = np.r_[0, np.cumsum(np.bincount(row, minlength=len(counts)))]
    inner = pa.StructArray.from_arrays([names, *values], fields=list(_ADDS.value_type))
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), inner, type=_ADDS)


def _dense(state: pa.Table, name: str, *, multilabel: bool) -> Counts:
    lists = state.column(name).combine_chunks()
    row, inner = owners(lists), lists.flatten()
    coded = inner.field("class").dictionary_encode()
    words = coded.dictionary.to_pylist()
    classes = tuple(sorted(words))
    place = np.array([classes.index(word) for word in words], dtype=np.int64)
    kind = place[coded.indices.to_numpy(zero_copy_only=False)]

    def table(part: str) -> NDArray[np.int32]:
        values = np.zeros((state.num_rows, len(classes)), dtype=np.int32)
        values[row, kind] = inner.field(part).to_numpy(zero_copy_only=False)
        return values

    return Counts(
        ids=state.column(ID).combine_chunks(),
        classes=classes,
        hits=table("hits"),
        predicted=table("predicted"),
        true=table("true"),
        right=state.column("right").to_numpy(),
        units=state.column("units").to_numpy(),
        multilabel=multilabel,
    )


if TYPE_CHECKING:
    _fits: Fold[Evaluated] = Evaluation()
