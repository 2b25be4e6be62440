"""Run fused narrow operators over batches, and write down each row's fate."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import ID, STATISTICS, Batch, canonical, for_python
from tilth.core.errors import OperatorError, TilthError
from tilth.core.operator import VERDICT, Failure, Filter, Mapper, Memoised, Outcome
from tilth.run.edits import Cutting
from tilth.run.ledger import Ledger
from tilth.run.measures import Measured, wanted, without
from tilth.run.spans import spans


@dataclass(frozen=True, kw_only=True)
class Link:
    """One operator in a chain, and where it stands in the recipe."""

    place: str
    operator: Any
    where: str = ""
    """File and line, for messages."""


def flow(batch: Batch, links: Sequence[Link], ledger: Ledger, measured: Measured | None = None) -> Batch:
    """Run the batch through the operators in order; returns what is kept.

    Operators that decide by a text's statistics (`measured` names the columns) find them in the batch, measured once.
    """
    measured = Measured() if measured is None else measured
    operators = [link.operator for link in links]
    for at, link in enumerate(links):
        if batch.num_rows == 0:
            break
        try:
            batch = _through(batch, link, ledger, _Attach(measured, operators[at:]))
        except TilthError as error:
            place = f"{link.where}  {link.place}" if link.where else link.place
            raise type(error)(error.what, where=place, wanted=error.wanted, do=error.do) from error
    return without(batch)


class _Attach(NamedTuple):
    """Attach the statistics that an operator decides by, and with them those that the next ones need."""

    measured: Measured
    operators: Sequence[Any]
    """The operator and those after it."""

    def __call__(self, batch: Batch) -> Batch:
        for column in getattr(self.operators[0], "measured", ()):
            # Of what is no text, or is not there, the operator says so itself.
            at = batch.schema.get_field_index(column)
            if at >= 0 and _is_text(batch.schema.field(at).type):
                batch = self.measured.attach(batch, column, wanted(self.operators, column))
        return batch


def _through(batch: Batch, link: Link, ledger: Ledger, attach: _Attach) -> Batch:
    operator, tally = link.operator, ledger.tally(link.place)
    if isinstance(operator, Cutting):
        return without(operator.carry(batch, ledger), [operator.column])
    if not isinstance(operator, (Mapper, Filter)):
        raise OperatorError(f"{type(operator).__name__} is neither a mapper nor a filter", wanted="map or judge")
    tally.rows_in += batch.num_rows
    if isinstance(operator, Mapper):
        memory = attach.measured.memory
        map_ = memory.map(operator) if memory is not None and isinstance(operator, Memoised) else operator.map
        outcome = _joined(_isolated(map_, batch), batch)
        before, failures = _matched(batch, outcome)
        _fail(failures, link, ledger)
        changed = _changes(before, outcome.batch, link, ledger)
        batch = without(outcome.batch, changed)
    if isinstance(operator, Filter) and batch.num_rows:
        batch = _judge(operator, attach(batch), link, ledger)
    return batch


def _judge(operator: Filter, batch: Batch, link: Link, ledger: Ledger) -> Batch:
    verdicts, failed = [], []
    for part, answer in _isolated(operator.judge, batch):
        raised = isinstance(answer, _Raised)
        verdicts.append(pa.nulls(part.num_rows, VERDICT) if raised else _verdict(answer, part.num_rows))
        failed += [raised] * part.num_rows
        if isinstance(answer, _Raised):
            _fail([Failure(part.column(ID)[0].as_py(), answer.reason)], link, ledger)
    verdict = pa.concat_arrays(verdicts)
    drop = verdict.is_valid()
    gone = verdict.filter(drop)
    if len(gone):
        rules = [rule or _rule(link) for rule in gone.field("rule").to_pylist()]
        tally = ledger.tally(link.place)
        tally.dropped += len(gone)
        for rule in rules:
            tally.by_rule[rule] = tally.by_rule.get(rule, 0) + 1
        facts = {name: gone.field(name) for name in ("value", "threshold", "other_id")}
        ledger.write(link.place, "dropped", {"_id": batch.column(ID).filter(drop), "rule": rules, **facts}, len(gone))
    leaves = pc.or_(drop, pa.array(failed, pa.bool_()))
    return batch.filter(pc.invert(leaves)) if leaves.true_count else batch


@dataclass(frozen=True)
class _Raised:
    reason: str


def _isolated(method: Callable[[Batch], Any], batch: Batch) -> Iterator[tuple[Batch, Any]]:
    """Call an operator; when it raises, halve the batch until the rows it raises on stand alone."""
    try:
        answer = method(batch)
    except TilthError:
        raise
    except Exception as error:  # noqa: BLE001 (a user's operator may raise anything; each row's failure is recorded)
        if batch.num_rows == 1:
            yield batch, _Raised(type(error).__name__)
            return
        half = batch.num_rows // 2
        yield from _isolated(method, batch.slice(0, half))
        yield from _isolated(method, batch.slice(half))
        return
    yield batch, answer


def _joined(parts: Iterable[tuple[Batch, Any]], whole: Batch) -> Outcome:
    """Put a mapper's answers together."""
    kept: list[Batch] = []
    failures: list[Failure] = []
    for part, answer in parts:
        if isinstance(answer, _Raised):
            failures.append(Failure(part.column(ID)[0].as_py(), answer.reason))
            continue
        outcome = answer if isinstance(answer, Outcome) else Outcome(answer, ())
        if not isinstance(outcome.batch, pa.RecordBatch):
            raise _breach(f"map gave a {type(outcome.batch).__name__}")
        failures += outcome.failures
        kept.append(outcome.batch)
    if len(kept) == 1:
        return Outcome(kept[0], tuple(failures))
    kept = [part for part in kept if part.num_rows]
    if not kept:
        return Outcome(whole.slice(0, 0), tuple(failures))
    # A mapper that lets Arrow guess a type may guess another for a half.
    table = pa.concat_tables([pa.Table.from_batches([part]) for part in kept], promote_options="permissive")
    return Outcome(table.combine_chunks().to_batches()[0], tuple(failures))


def _matched(batch: Batch, outcome: Outcome) -> tuple[Batch, list[Failure]]:
    """Return the rows that a mapper kept, as they were, and one failure for each row that it set aside."""
    if outcome.batch.schema.get_field_index(ID) < 0:
        raise _breach(f"map took the column {ID} away")
    if not outcome.failures and outcome.batch.column(ID).equals(batch.column(ID)):
        return batch, []
    reasons: dict[str, str] = {}
    for failure in outcome.failures:
        reasons.setdefault(failure.id, failure.reason)
    before, after = batch.column(ID).to_pylist(), outcome.batch.column(ID).to_pylist()
    at, stays, failed = 0, [], []
    for name in before:
        stays.append(at < len(after) and after[at] == name)
        if stays[-1]:
            at += 1
        elif name in reasons:
            failed.append(Failure(name, reasons[name]))
        else:
            raise _breach("map lost a row, or changed the order or the ids of rows")
    if at < len(after):
        raise _breach("map made rows")
    if reasons.keys() - {failure.id for failure in failed}:
        raise _breach("map set a row aside that it kept or never had")
    return batch.filter(pa.array(stays, pa.bool_())), failed


def _breach(what: str) -> OperatorError:
    return OperatorError(what, wanted="each row once and in order, or in the failures of an Outcome")


def _verdict(answer: Any, rows: int) -> pa.StructArray:
    # Fields that are not given are null, and Arrow's own null array keeps every row.
    named = isinstance(answer, pa.NullArray) or (isinstance(answer, pa.StructArray) and "rule" in answer.type.names)
    if named and len(answer) == rows:
        try:
            return answer if answer.type == VERDICT else answer.cast(VERDICT)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
            pass
    raise OperatorError("judge did not answer for each row", wanted="an array as `verdicts` builds it")


def _fail(failures: Sequence[Failure], link: Link, ledger: Ledger) -> None:
    ledger.tally(link.place).failed += len(failures)
    columns = {"_id": [failure.id for failure in failures], "reason": [failure.reason for failure in failures]}
    ledger.write(link.place, "failed", columns, len(failures))


def _rule(link: Link) -> str:
    return getattr(type(link.operator), "rule", None) or link.place.rpartition(" ")[2]


def _changes(before: Batch, after: Batch, link: Link, ledger: Ledger) -> list[str]:
    """Record where cells changed: offsets and rule, never the old text. Returns the columns that differ."""
    rule = _rule(link)
    touched: set[int] = set()
    differ: list[str] = []
    for name in before.schema.names:
        if name.startswith(STATISTICS):
            continue
        if name not in after.schema.names:
            differ.append(name)
            continue
        old, new = before.column(name), after.column(name)
        if old is new or old.equals(new):
            continue
        differ.append(name)
        if not ledger.keep:
            continue
        rows = _differing(old, new)
        touched.update(rows)
        found = spans(old, new, rows)
        ledger.write(
            link.place,
            "changed",
            {
                "_id": before.column(ID).take(pa.array(rows, pa.int64())),
                "column": [name] * len(rows),
                "rule": [rule] * len(rows),
                "start": [span[0] for span in found],
                "end": [span[1] for span in found],
                "new_end": [span[2] for span in found],
            },
            len(rows),
        )
    ledger.tally(link.place).changed += len(touched)
    return differ


def _differing(old: pa.Array, new: pa.Array) -> list[int]:
    """Return the rows whose cells differ; NaN is NaN, and 3 is 3.0."""
    if old.type == new.type and _comparable(old.type):
        same = pc.or_(pc.fill_null(pc.equal(old, new), False), pc.and_(old.is_null(), new.is_null()))
        if pa.types.is_floating(old.type):
            same = pc.or_(same, pc.fill_null(pc.and_(pc.is_nan(old), pc.is_nan(new)), False))
        return [row for row, equal in enumerate(same.to_pylist()) if not equal]
    pairs = zip(for_python(old).to_pylist(), for_python(new).to_pylist(), strict=True)
    return [row for row, (a, b) in enumerate(pairs) if a != b and canonical(a) != canonical(b)]


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _comparable(kind: pa.DataType) -> bool:
    """Tell whether Arrow compares cells of a type."""
    texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_boolean, pa.types.is_integer)
    times = (pa.types.is_timestamp, pa.types.is_date, pa.types.is_time, pa.types.is_duration)
    return any(test(kind) for test in (*texts, *times, pa.types.is_float32, pa.types.is_float64))
