"""Take a micro-batch through operators and model; what becomes of each row is settled by its id."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from tilth.core import registry
from tilth.core.batch import ID, Batch
from tilth.core.errors import ModelError
from tilth.core.learner import Model
from tilth.core.operator import Failure, Outcome
from tilth.serve._answers import Answer

log = logging.getLogger("tilth.serve")
Settled = dict[str, Answer]
"""Answers that are final, by row id."""


class Link(NamedTuple):
    """One operator of the chain."""

    name: str
    operator: Any


def rehearse(empty: Batch, operator: Any) -> Batch:
    """Run an operator on a batch without rows; whatever it raises goes up."""
    if hasattr(operator, "map"):
        empty = _outcome(operator.map(empty)).batch
    if hasattr(operator, "judge"):
        operator.judge(empty)
    return empty


def links(operators: Iterable[Any]) -> tuple[Link, ...]:
    """Name the operators as the recipe does."""
    return tuple(Link(registry.name_of(operator), operator) for operator in operators)


def through(batch: Batch, chain: Sequence[Link]) -> tuple[Batch, Settled]:
    """Run the operators in order; return what is kept, and the answers of the rows that were dropped or failed.

    An operator that both maps and judges maps first, as in a run.
    """
    settled: Settled = {}
    for name, operator in chain:
        if batch.num_rows and hasattr(operator, "map"):
            batch, failed = _mapped(batch, name, operator.map)
            settled |= failed
        if batch.num_rows and hasattr(operator, "judge"):
            batch, gone = _judged(batch, name, operator.judge)
            settled |= gone
    return batch, settled


def without_nulls(batch: Batch, needed: Iterable[str]) -> tuple[Batch, Settled]:
    """Set aside the rows in which a column that the model reads is null."""
    settled: Settled = {}
    for name in needed:
        column = batch.column(name)
        if not column.null_count:
            continue
        for id in batch.column(ID).filter(column.is_null()).to_pylist():
            settled[id] = {"status": "failed", "operator": "model", "reason": f"{name} is null"}
        batch = batch.filter(column.is_valid())
    return batch, settled


def modelled(batch: Batch, model: Model) -> tuple[Batch, Settled]:
    """Run the model; a row on which it raises is set aside, and its neighbours keep their answers."""
    if not batch.num_rows:
        return batch, {}
    return _mapped(batch, "model", model.map)


def _mapped(batch: Batch, name: str, method: Callable[[Batch], Any]) -> tuple[Batch, Settled]:
    result, failures = _guarded(batch, name, method)
    ids = batch.column(ID).to_pylist()
    lost = {failure.id: failure.reason for failure in failures}
    if result.column(ID).to_pylist() != [id for id in ids if id not in lost] or not lost.keys() <= set(ids):
        raise ModelError(f"{name} gave back other rows than it was given", wanted="the same rows in the same order")
    return result, {id: {"status": "failed", "operator": name, "reason": reason} for id, reason in lost.items()}


def _judged(batch: Batch, name: str, method: Callable[[Batch], pa.StructArray]) -> tuple[Batch, Settled]:
    # Judging as mapping: the verdicts travel as a column, so that one row's failure is set aside in the same way.
    result, settled = _mapped(batch, name, lambda rows: rows.append_column(_VERDICT, method(rows)))
    verdicts = result.column(_VERDICT)
    if verdicts.null_count == len(verdicts):
        return result.drop_columns([_VERDICT]), settled
    for id, said in zip(result.column(ID).to_pylist(), verdicts.to_pylist(), strict=True):
        if said is not None:
            rule, value, threshold = said["rule"], said["value"], said["threshold"]
            settled[id] = {
                "status": "dropped",
                "operator": name,
                "rule": rule,
                "value": value,
                "threshold": threshold,
            }
    return result.filter(verdicts.is_null()).drop_columns([_VERDICT]), settled


def _guarded(batch: Batch, name: str, method: Callable[[Batch], Any]) -> Outcome:
    """Call a method; when it raises, find the rows it raises on and set those aside."""
    first = _tried(batch, method)
    if isinstance(first, Outcome):
        return first
    # The place and the type, not the message: a message may quote the row.
    frame = traceback.extract_tb(first.__traceback__)[-1]
    log.warning("%s raised %s at %s:%s", name, type(first).__name__, frame.filename, frame.lineno)
    parts: list[Outcome] = []
    for row in range(batch.num_rows):
        one = _tried(batch.slice(row, 1), method) if batch.num_rows > 1 else first
        failed = Outcome(batch.slice(0, 0), (Failure(batch.column(ID)[row].as_py(), type(one).__name__),))
        parts.append(one if isinstance(one, Outcome) else failed)
    failures = tuple(failure for part in parts for failure in part.failures)
    kept = [pa.Table.from_batches([part.batch]) for part in parts if part.batch.num_rows]
    if not kept:
        return Outcome(batch.slice(0, 0), failures)
    whole = pa.concat_tables(kept, promote_options="default").combine_chunks().to_batches()
    return Outcome(whole[0], failures)


def _tried(batch: Batch, method: Callable[[Batch], Any]) -> Outcome | Exception:
    try:
        return _outcome(method(batch))
    except ModelError:
        raise
    except Exception as error:  # noqa: BLE001 (an operator may raise anything; each row's failure is its answer)
        return error


def _outcome(result: Any) -> Outcome:
    if isinstance(result, Outcome):
        return result
    if isinstance(result, pa.RecordBatch):
        return Outcome(result, ())
    raise ModelError(f"an operator gave back a {type(result).__name__}", wanted="a batch")


_VERDICT = "_verdict"
