"""Try every rule on every row, drop nothing, and count what each would drop, where, alone and together."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tilth.core.batch import Batch
from tilth.core.errors import OperatorError, TilthError
from tilth.report.inspection import Example, RuleLook, Share
from tilth.run.looks.bins import Bins, Floats, Side
from tilth.run.looks.nearest import Nearest, shown

Mask = npt.NDArray[np.bool_]


class Tried(NamedTuple):
    """One rule on a batch: which rows it judges and fails; what it measures, where it is a threshold."""

    name: str
    operator: str
    judged: Mask
    fails: Mask
    side: Side | None = None
    threshold: float | None = None
    values: Floats | None = None

    def spread(self, at: npt.NDArray[np.intp], rows: int) -> Tried:
        """Return the same for all rows of a batch, of which the rule saw those at `at`."""
        if len(at) == rows:
            return self
        judged, fails = np.zeros(rows, np.bool_), np.zeros(rows, np.bool_)
        judged[at], fails[at] = self.judged, self.fails
        values = None if self.values is None else np.zeros(rows)
        if values is not None:
            values[at] = self.values
        return self._replace(judged=judged, fails=fails, values=values)


def tried(operator: Any, name: str, place: str, batch: Batch) -> list[Tried]:
    """Ask an operator for all its rules, or where it has one verdict a row only, for that."""
    rules = getattr(operator, "rules", None)
    try:
        if rules is None:
            return [_by_verdict(operator.judge(batch), name, place)]
        found = [_of(rule, name, place, batch.num_rows) for rule in rules(batch) if not getattr(rule, "off", False)]
    except TilthError:
        raise
    except Exception as error:
        raise OperatorError(f"it raised {type(error).__name__}", where=place, do="Mend it, or leave it out.") from error
    return found


def _of(rule: Any, name: str, place: str, rows: int) -> Tried:
    judged = getattr(rule, "judged", None)
    return Tried(
        name=f"{name}.{rule.name}",
        operator=place,
        judged=np.ones(rows, np.bool_) if judged is None else judged,
        fails=rule.fails,
        side=rule.side,
        threshold=float(rule.threshold),
        values=rule.found,
    )


def _by_verdict(verdicts: pa.Array, name: str, place: str) -> Tried:
    fails = verdicts.is_valid().to_numpy(zero_copy_only=False)
    return Tried(name=name, operator=place, judged=np.ones(len(fails), np.bool_), fails=fails)


@dataclass(kw_only=True)
class RuleTally:
    """What one rule did so far."""

    name: str
    operator: str
    side: Side | None
    threshold: float | None
    judged: int = 0
    dropped: int = 0
    languages: dict[str, list[int]] = field(default_factory=dict)
    """[judged, dropped] of each."""
    values: Bins | None = None
    kept_nearest: Nearest = field(default_factory=Nearest)
    dropped_nearest: Nearest = field(default_factory=Nearest)

    def add(self, found: Tried, rows: Seen) -> None:
        """Count a batch."""
        self.judged += int(found.judged.sum())
        self.dropped += int(found.fails.sum())
        for at, part in enumerate((found.judged, found.fails)):
            for language, count in Counter(rows.languages[part].tolist()).items():
                self.languages.setdefault(language, [0, 0])[at] += count
        if found.values is not None and self.threshold is not None:
            self.values = self.values or Bins.new(self.side, self.threshold)
            self.values.add(found.values[found.judged])
            self._nearest(self.dropped_nearest, found, found.fails, rows)
            self._nearest(self.kept_nearest, found, found.judged & ~found.fails, rows)
        else:
            self._nearest(self.dropped_nearest, found, found.fails, rows)

    def merge(self, other: RuleTally) -> None:
        """Add another shard's counts."""
        self.judged += other.judged
        self.dropped += other.dropped
        for language, counts in other.languages.items():
            mine = self.languages.setdefault(language, [0, 0])
            mine[0], mine[1] = mine[0] + counts[0], mine[1] + counts[1]
        if self.values is None:
            self.values = other.values
        elif other.values is not None:
            self.values.merge(other.values)
        self.kept_nearest.merge(other.kept_nearest)
        self.dropped_nearest.merge(other.dropped_nearest)

    def look(self, alone: int) -> RuleLook:
        """Return what was found."""
        languages = sorted(self.languages.items(), key=lambda pair: (-pair[1][0], pair[0]))
        return RuleLook(
            name=self.name,
            operator=self.operator,
            side=self.side,
            threshold=self.threshold,
            judged=self.judged,
            dropped=self.dropped,
            alone=alone,
            languages=tuple(Share(name=name, rows=rows, dropped=gone) for name, (rows, gone) in languages if name),
            histogram=self.values.histogram(threshold=self.threshold) if self.values else None,
            kept_nearest=self.kept_nearest.examples(),
            dropped_nearest=self.dropped_nearest.examples(),
        )

    def _nearest(self, into: Nearest, found: Tried, part: Mask, rows: Seen) -> None:
        places = np.flatnonzero(part)
        values = None if found.values is None else found.values[places]
        # Where nothing is measured, ids alone choose: as good as by chance.
        distances = np.zeros(len(places)) if values is None else np.abs(values - (self.threshold or 0.0))

        def show(at: int) -> Example:
            value = None if values is None else float(values[at])
            return Example(row=rows.names[places[at]], text=rows.text(int(places[at])), value=value)

        into.add(distances, [rows.ids[place] for place in places.tolist()], show)


class Seen(NamedTuple):
    """What is shown of a batch's rows."""

    ids: list[str]
    names: list[str]
    texts: pa.Array
    languages: npt.NDArray[np.object_]
    at: npt.NDArray[np.intp] | None = None
    """Which rows the texts are of, where an operator set some aside."""

    def rewritten(self, texts: pa.Array, at: npt.NDArray[np.intp]) -> Seen:
        """Return the same rows with the texts that an operator made of them."""
        return self._replace(texts=texts, at=at)

    def text(self, row: int) -> str:
        """Return a row's text, cut short."""
        return shown(self.texts[row if self.at is None else int(np.searchsorted(self.at, row))].as_py())
