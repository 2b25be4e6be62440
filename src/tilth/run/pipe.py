"""Run fused narrow operators over batches, and write down each row's fate."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import ID, Batch
from tilth.core.errors import TilthError
from tilth.core.fate import FATE
from tilth.core.operator import Failure, Filter, Mapper, Outcome


@dataclass(frozen=True, kw_only=True)
class Link:
    """One operator in a chain, and where it stands in the recipe."""

    place: str
    operator: Any
    where: str = ""
    """File and line, for messages."""


@dataclass
class Tally:
    """Count what an operator did to rows; tallies of shards add up."""

    rows_in: int = 0
    changed: int = 0
    dropped: int = 0
    failed: int = 0
    by_rule: dict[str, int] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        """Add another shard's counts."""
        self.rows_in += other.rows_in
        self.changed += other.changed
        self.dropped += other.dropped
        self.failed += other.failed
        for rule, count in other.by_rule.items():
            self.by_rule[rule] = self.by_rule.get(rule, 0) + count


class Ledger:
    """Collect fates of one shard, and the tally of each place."""

    def __init__(self) -> None:
        self.tallies: dict[str, Tally] = {}
        self._parts: list[Batch] = []

    def tally(self, place: str) -> Tally:
        """Return the counts of a place."""
        return self.tallies.setdefault(place, Tally())

    def write(self, place: str, fate: str, columns: dict[str, Any], rows: int) -> None:
        """Add fates of one kind at one place; columns not given are null."""
        if not rows:
            return
        whole = {"operator": [place] * rows, "fate": [fate] * rows, **columns}
        arrays = [_typed(whole.get(name.name), name.type, rows) for name in FATE]
        self._parts.append(pa.RecordBatch.from_arrays(arrays, schema=FATE))

    def batches(self) -> list[Batch]:
        """Return the fates so far and forget them."""
        parts, self._parts = self._parts, []
        return parts


def flow(batch: Batch, links: Sequence[Link], ledger: Ledger) -> Batch:
    """Run the batch through the operators in order; returns what is kept."""
    for link in links:
        if batch.num_rows == 0:
            break
        try:
            batch = _through(batch, link, ledger)
        except TilthError as error:
            place = f"{link.where}  {link.place}" if link.where else link.place
            raise type(error)(error.what, where=place, wanted=error.wanted, do=error.do) from error
    return batch


def _through(batch: Batch, link: Link, ledger: Ledger) -> Batch:
    operator, tally = link.operator, ledger.tally(link.place)
    tally.rows_in += batch.num_rows
    if isinstance(operator, Mapper):
        outcome = _guarded(operator.map, batch, link)
        if outcome.failures:
            tally.failed += len(outcome.failures)
            ledger.write(
                link.place,
                "failed",
                {"_id": [f.id for f in outcome.failures], "reason": [f.reason for f in outcome.failures]},
                len(outcome.failures),
            )
            failed = pa.array([failure.id for failure in outcome.failures], pa.string())
            batch = batch.filter(pc.invert(pc.is_in(batch.column(ID), value_set=failed)))
        _changes(batch, outcome.batch, link, ledger)
        batch = outcome.batch
    if isinstance(operator, Filter) and batch.num_rows:
        verdict = operator.judge(batch)
        drop = verdict.is_valid()
        gone = verdict.filter(drop)
        if len(gone):
            rules = gone.field("rule").to_pylist()
            tally.dropped += len(gone)
            for rule in rules:
                tally.by_rule[rule] = tally.by_rule.get(rule, 0) + 1
            ledger.write(
                link.place,
                "dropped",
                {
                    "_id": batch.column(ID).filter(drop),
                    **{name: gone.field(name) for name in ("rule", "value", "threshold", "other_id")},
                },
                len(gone),
            )
            batch = batch.filter(pc.invert(drop))
    return batch


def _guarded(method: Callable[[Batch], Batch | Outcome], batch: Batch, link: Link) -> Outcome:
    """Call a mapper; when it raises, find the rows it raises on and set those aside."""
    try:
        return _as_outcome(method(batch))
    except TilthError:
        raise
    except Exception as error:  # noqa: BLE001 (a user's operator may raise anything; each row's failure is recorded)
        if batch.num_rows == 1:
            return Outcome(batch.slice(0, 0), (Failure(batch.column(ID)[0].as_py(), type(error).__name__),))
    kept: list[Batch] = []
    failures: list[Failure] = []
    for number in range(batch.num_rows):
        one = _guarded(method, batch.slice(number, 1), link)
        failures += one.failures
        if one.batch.num_rows:
            kept.append(one.batch)
    return Outcome(pa.concat_batches(kept) if kept else batch.slice(0, 0), tuple(failures))


def _as_outcome(result: Batch | Outcome) -> Outcome:
    return result if isinstance(result, Outcome) else Outcome(result, ())


def _changes(before: Batch, after: Batch, link: Link, ledger: Ledger) -> None:
    """Record where cells changed: offsets and rule, never the old text."""
    rule = getattr(type(link.operator), "rule", None) or link.place.rpartition(" ")[2]
    touched: set[int] = set()
    for name in before.schema.names:
        if name not in after.schema.names:
            continue
        old, new = before.column(name), after.column(name)
        if old is new or old.equals(new):
            continue
        rows = _differing(old, new)
        touched.update(rows)
        spans = [_span(old[row].as_py(), new[row].as_py()) for row in rows]
        ledger.write(
            link.place,
            "changed",
            {
                "_id": before.column(ID).take(pa.array(rows, pa.int64())),
                "column": [name] * len(rows),
                "rule": [rule] * len(rows),
                "start": [span[0] for span in spans],
                "end": [span[1] for span in spans],
                "new_end": [span[2] for span in spans],
            },
            len(rows),
        )
    ledger.tally(link.place).changed += len(touched)


def _differing(old: pa.Array, new: pa.Array) -> list[int]:
    if old.type == new.type and not pa.types.is_nested(old.type):
        both_null = pc.and_(old.is_null(), new.is_null())
        same = pc.or_(pc.fill_null(pc.equal(old, new), False), both_null)
        return [row for row, equal in enumerate(same.to_pylist()) if not equal]
    return [row for row, (a, b) in enumerate(zip(old.to_pylist(), new.to_pylist(), strict=True)) if a != b]


def _span(old: Any, new: Any) -> tuple[int | None, int | None, int | None]:
    """Return (start, end in the old text, end in the new) of the part that differs, in characters.

    >>> _span("a  b", "a b")
    (2, 3, 2)
    """
    if not isinstance(old, str) or not isinstance(new, str):
        return None, None, None
    limit = min(len(old), len(new))
    start = next((at for at in range(limit) if old[at] != new[at]), limit)
    tail = 0
    while tail < limit - start and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    return start, len(old) - tail, len(new) - tail


def _typed(values: Any, kind: pa.DataType, rows: int) -> pa.Array:
    if values is None:
        return pa.nulls(rows, kind)
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        found = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
        return found if found.type == kind else found.cast(kind)
    return pa.array(values, kind)


Batches = Iterator[Batch]
