"""Measure a model on parts of the rows, and flag the parts that are truly worse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tilth.core.errors import DataError
from tilth.measure.bootstrap import Bootstrap, interval
from tilth.measure.counts import Counts
from tilth.measure.interval import Interval
from tilth.measure.labels import Values, arrow
from tilth.measure.result import Result

MISSING, OTHER = "(missing)", "(other)"


@dataclass(frozen=True, kw_only=True)
class Slice(Result):
    """The rows that share a value."""

    column: str
    value: str
    """The value, a range of numbers, `(missing)`, or `(other)` for all rarer values."""
    support: int
    """How many rows."""
    metric: Interval
    judged: bool
    """False when there are too few rows to judge."""
    p_value: float | None
    """How often a slice as good as the whole would look this bad, or worse, by chance; after Holm's correction."""
    worse: bool
    """True when the interval lies wholly below the overall figure and Holm's correction upholds it."""


@dataclass(frozen=True, kw_only=True)
class Slices(Result):
    """A metric overall, and in each slice."""

    metric: str
    overall: Interval
    slices: tuple[Slice, ...]


def slices(
    counts: Counts,
    columns: Mapping[str, Values] | pa.RecordBatch | pa.Table,
    metric: str = "accuracy",
    *,
    ids: Values | None = None,
    how: Bootstrap | None = None,
    buckets: int = 4,
    most: int = 30,
    fewest: int = 20,
) -> Slices:
    """Measure a metric for each value of each column.

    The columns hold one value a row, in the order of `counts`; or, with `ids`, in the order of these ids, among which
    every row of `counts` must be found.
    Numbers of more than ten values fall into `buckets` of about equal size; of other columns the `most` frequent values
    are kept. A slice with fewer than `fewest` rows is shown but not judged. Looking at many slices finds bad ones by
    chance, so a flag must survive Holm's (1979) correction over all slices judged.

    >>> from tilth.measure.classification import label_counts
    >>> counts = label_counts(range(200), [1] * 200, [1] * 100 + [1, 0] * 50)
    >>> [one.value for one in slices(counts, {"language": ["en"] * 100 + ["de"] * 100}).slices if one.worse]
    ['de']
    """
    how = how or Bootstrap()
    overall = interval(counts, metric, how)
    given = columns if isinstance(columns, Mapping) else {name: columns.column(name) for name in columns.schema.names}
    named = {name: arrow(values, name) for name, values in given.items()}
    if ids is not None:
        place = _places(counts, arrow(ids, "ids"))
        named = {name: values.take(place) for name, values in named.items()}
    found = [
        _slice(counts.take(rows), column, value, metric, overall, how, fewest)
        for column, values in named.items()
        for value, rows in _parts(values, column, len(counts), buckets, most)
    ]
    corrected = iter(holm([one.p_value for one in found if one.p_value is not None]))
    done = []
    for one in found:
        if one.p_value is None:
            done.append(one)
            continue
        p_value = next(corrected)
        below = one.metric.high is not None and one.metric.high < overall.value
        done.append(replace(one, p_value=p_value, worse=below and p_value <= 1 - how.level))
    return Slices(metric=metric, overall=overall, slices=tuple(done))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number by Holm's (1979) step-down method.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p_values)), key=lambda at: p_values[at])
    corrected, reached = [0.0] * len(p_values), 0.0
    for rank, at in enumerate(order):
        reached = max(reached, min(1.0, (len(p_values) - rank) * p_values[at]))
        corrected[at] = reached
    return corrected


def _places(counts: Counts, ids: pa.Array) -> pa.Array:
    place = pc.index_in(counts.ids, value_set=ids.cast(counts.ids.type))
    if place.null_count:
        stranger = counts.ids.filter(place.is_null())[0].as_py()
        raise DataError(
            f"{place.null_count} of {len(counts)} measured rows have no slice columns, the first is {stranger}",
            wanted="an id for every measured row",
        )
    return place


def _slice(part: Counts, column: str, value: str, metric: str, overall: Interval, how: Bootstrap, fewest: int) -> Slice:
    measured = interval(part, metric, how)
    judged = len(part) >= fewest and measured.high is not None
    return Slice(
        column=column,
        value=value,
        support=len(part),
        metric=measured,
        judged=judged,
        p_value=_p_value(measured, overall.value) if judged else None,
        worse=False,
    )


def _p_value(measured: Interval, overall: float) -> float:
    """Return the level at which the interval's upper end reaches the overall figure, its width taken as normal.

    A bootstrap of 1,000 replicates cannot show a p-value below 0.001, which a correction for many slices needs.
    """
    if measured.value >= overall or measured.high is None:
        return 1.0
    normal = NormalDist()
    reach = (measured.high - measured.value) / normal.inv_cdf(0.5 + measured.level / 2)
    return min(1.0, 2 * normal.cdf((measured.value - overall) / reach)) if reach > 0 else 0.0


def _parts(values: pa.Array, column: str, rows: int, buckets: int, most: int) -> list[tuple[str, NDArray[np.int64]]]:
    if len(values) != rows:
        raise DataError(f'column "{column}" has {len(values)} values for {rows} rows', wanted="one value a row")
    if pa.types.is_nested(values.type):
        raise DataError(f'column "{column}" holds {values.type} values', wanted="text, numbers, booleans or dates")
    missing = values.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
    there = np.flatnonzero(~missing)
    tail = [(MISSING, np.flatnonzero(missing))] if missing.any() else []
    numeric = pa.types.is_integer(values.type) or pa.types.is_floating(values.type)
    if numeric and len(there) and len(set(values.take(pa.array(there)).to_pylist())) > max(buckets, 10):
        return _ranges(values.to_numpy(zero_copy_only=False), there, buckets) + tail
    words = values.cast(pa.string()).to_pylist()
    groups: dict[str, list[int]] = {}
    for at in there.tolist():
        groups.setdefault(words[at], []).append(at)
    order = sorted(groups, key=lambda word: (-len(groups[word]), word))
    kept: list[tuple[str, Any]] = [(word, np.array(groups[word])) for word in order[:most]]
    rest = [at for word in order[most:] for at in groups[word]]
    return kept + ([(OTHER, np.array(sorted(rest)))] if rest else []) + tail


def _ranges(numbers: NDArray[Any], there: NDArray[np.int64], buckets: int) -> list[tuple[str, NDArray[np.int64]]]:
    present = numbers[there].astype(np.float64)
    tops = np.unique(np.quantile(present, np.arange(1, buckets + 1) / buckets, method="inverted_cdf"))
    place = np.searchsorted(tops, present, side="left")
    parts = []
    for at in range(len(tops)):
        inside = present[place == at]
        parts.append((f"{inside.min():g} to {inside.max():g}", there[place == at]))
    return parts
