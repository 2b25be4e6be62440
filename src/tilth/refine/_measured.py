"""Measure a text column once, and judge rows by thresholds on what was measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import Batch, with_column
from tilth.core.operator import VERDICT
from tilth.refine._columns import Floats, strings
from tilth.text import statistics as text_statistics

Numbers = npt.NDArray[np.int64] | npt.NDArray[np.bool_] | Floats


def statistics(batch: Batch, column: str, operator: Any, select: frozenset[str] | None = None) -> pa.StructArray:
    """Return a text column's statistics: those the batch carries as `_stats.<column>`, or else measured now.

    `select` names the only ones needed, where measuring now can do with less. What the batch carries may be what an
    operator before this one needed: a mapper gets no statistics of its own attached.
    """
    at = batch.schema.get_field_index(f"_stats.{column}")
    if at >= 0:
        carried = batch.column(at)
        if (select or frozenset(text_statistics.NAMES)) <= {field.name for field in carried.type}:
            return carried
    return text_statistics.measure(strings(batch, column, operator), select=select)


def named(listed: str) -> frozenset[str]:
    """Return the names of statistics in a list with blanks between."""
    return frozenset(listed.split())


def put_text(batch: Batch, column: str, texts: Sequence[str | None]) -> Batch:
    """Return the batch with other texts in a column, and without statistics that no longer hold."""
    batch = with_column(batch, column, texts, batch.schema.field(column).type)
    stale = f"_stats.{column}"
    return batch.drop_columns([stale]) if stale in batch.schema.names else batch


class Counts:
    """The statistics as NumPy arrays, by name; a null text counts as an empty one.

    >>> from tilth.refine.gopher_quality import GopherQuality
    >>> from tilth.testing import batch
    >>> counts = Counts(statistics(batch(text=["two words", None]), "text", GopherQuality()))
    >>> counts["words"].tolist(), counts.share("letters", "chars").round(3).tolist()
    ([2, 0], [0.889, 0.0])
    """

    def __init__(self, measured: pa.StructArray) -> None:
        self._measured = measured

    def __getitem__(self, name: str) -> npt.NDArray[np.int64]:
        found = pc.fill_null(pc.struct_field(self._measured, name), 0)
        counted: npt.NDArray[np.int64] = found.to_numpy(zero_copy_only=False)
        return counted

    def share(self, part: str, whole: str) -> Floats:
        """Divide one statistic by another."""
        return share(self[part], self[whole])

    def latin(self) -> npt.NDArray[np.bool_]:
        """Tell which texts are mostly in Latin letters: at most one and a half bytes a code point in UTF-8."""
        few: npt.NDArray[np.bool_] = 2 * self["bytes"] <= 3 * self["chars"]
        return few


def share(part: Numbers, whole: Numbers) -> Floats:
    """Divide; nothing of nothing is 0."""
    divided: Floats = np.divide(part, whole, out=np.zeros(len(whole), np.float64), where=whole > 0)
    return divided


class Rule(NamedTuple):
    """One rule on all rows: what was found, the threshold, and which rows fail."""

    name: str
    found: Floats
    threshold: float
    fails: npt.NDArray[np.bool_]
    side: Literal["least", "most"] = "most"
    """Rows fail below the threshold, or above it."""
    judged: npt.NDArray[np.bool_] | None = None
    """The rows that the rule is for; null for all."""
    off: bool = False
    """The threshold is null, so that no row fails."""

    def only(self, where: npt.NDArray[np.bool_]) -> Rule:
        """Let the rule be for some rows only."""
        judged = where if self.judged is None else self.judged & where
        return self._replace(fails=self.fails & where, judged=judged)


def least(name: str, found: Numbers, threshold: float | None) -> Rule:
    """Return the rule that rows fail below a threshold; a null threshold turns it off."""
    return _rule(name, found, threshold, "least")


def most(name: str, found: Numbers, threshold: float | None) -> Rule:
    """Return the rule that rows fail above a threshold; a null threshold turns it off."""
    return _rule(name, found, threshold, "most")


def _rule(name: str, found: Numbers, threshold: float | None, side: Literal["least", "most"]) -> Rule:
    values = found.astype(np.float64)
    if threshold is None:
        return Rule(name, values, 0.0, np.zeros(len(values), np.bool_), side, off=True)
    return Rule(name, values, float(threshold), values < threshold if side == "least" else values > threshold, side)


def first_failed(rule_set: str, rules: Iterable[Rule], rows: int) -> pa.StructArray:
    """Return each row's verdict by the first rule it fails: the rule's name, what was found, the threshold.

    >>> rules = (least("short", np.array([1, 9]), 5), most("loud", np.array([9, 9]), 8))
    >>> [(verdict["rule"], verdict["value"]) for verdict in first_failed("set", rules, 2).to_pylist()]
    [('set.short', 1.0), ('set.loud', 9.0)]
    """
    rules = list(rules)
    which, found, thresholds = np.full(rows, len(rules), np.int64), np.zeros(rows), np.zeros(rows)
    for at, rule in reversed(list(enumerate(rules))):
        which[rule.fails] = at
        found[rule.fails] = rule.found[rule.fails]
        thresholds[rule.fails] = rule.threshold
    kept = which == len(rules)
    names = pa.array([*(f"{rule_set}.{rule.name}" for rule in rules), None], pa.string())
    return pa.StructArray.from_arrays(
        [names.take(pa.array(which)), pa.array(found), pa.array(thresholds), pa.nulls(rows, pa.string())],
        fields=list(VERDICT),
        mask=pa.array(kept),
    )
