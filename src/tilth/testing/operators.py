"""Check operators: what a Mapper, a Filter and a Fold promise."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from tilth.core.batch import ID, Batch
from tilth.core.edit import Editor
from tilth.core.errors import DataError
from tilth.core.fold import STATE_LIMIT, Fold
from tilth.core.operator import VERDICT, Decider, Filter, Mapper, Memoised, Outcome
from tilth.testing._compared import same, written
from tilth.testing.deciders import check_decider
from tilth.testing.declarations import check_declaration
from tilth.testing.editors import check_editor
from tilth.testing.rows import cut, example_batch, variants


def check_operator(operator: Any, rows: Batch | None = None, *, room: str = "tilth.refine") -> None:
    """Check an operator against the contract of each kind it is; `rows` (default `example_batch()`) holds its columns.

    Raises AssertionError, naming the promise that is broken.
    """
    rows = example_batch() if rows is None else rows
    kinds = [kind for kind in (Mapper, Filter, Fold, Decider, Editor) if isinstance(operator, kind)]
    assert kinds, f"{type(operator).__name__} is no Mapper, Filter, Fold, Decider or Editor"
    check_declaration(operator, room)
    before = written(rows)
    if isinstance(operator, Mapper):
        check_mapper(operator, rows)
    if isinstance(operator, Memoised):
        check_memoised(operator, rows)
    if isinstance(operator, Filter):
        check_filter(operator, rows)
    if isinstance(operator, Fold):
        check_fold(operator, rows, room=room)
    if isinstance(operator, Decider):
        check_decider(operator, rows)
    if isinstance(operator, Editor):
        check_editor(operator, rows)
    assert written(rows) == before, "the operator changed its input"


def check_mapper(operator: Mapper, rows: Batch) -> None:
    """Check that a mapper keeps rows and order, whatever they hold and however they are cut."""
    for name, some in variants(rows).items():
        whole = _mapped(operator, some)
        ids, failed = some.column(ID).to_pylist(), {failure.id for failure in whole.failures}
        assert failed <= set(ids), f"{name}: a failure names a row that is not there"
        assert whole.batch.column(ID).to_pylist() == [row for row in ids if row not in failed], (
            f"{name}: rows or their order changed"
        )
        assert all(failure.reason for failure in whole.failures), f"{name}: a failure gives no reason"
        parts = [_mapped(operator, part) for part in cut(some, 7)]
        assert all(part.batch.schema == whole.batch.schema for part in parts), f"{name}: the schema depends on the cut"
        joined = pa.Table.from_batches([part.batch for part in parts])
        assert same(joined, pa.Table.from_batches([whole.batch])), f"{name}: the result depends on the cut"
        assert tuple(failure for part in parts for failure in part.failures) == whole.failures, (
            f"{name}: the failures depend on the cut"
        )


def check_memoised(operator: Memoised, rows: Batch) -> None:
    """Check that answers follow from questions, survive being written down, and give what `map` gives."""
    assert isinstance(operator, Mapper), "it has questions and no `map`"
    for name, some in variants(rows).items():
        questions, answers = list(operator.questions(some)), list(operator.answers(some))
        assert len(questions) == len(answers) == some.num_rows, f"{name}: not one question and answer a row"
        kept = [json.loads(json.dumps(one)) if isinstance(one, (list, dict)) else one for one in answers]
        by_question: dict[bytes, Any] = {}
        for question, answer in zip(questions, kept, strict=True):
            if question is not None:
                assert by_question.setdefault(question, answer) == answer, f"{name}: one question has two answers"
        found = operator.filled(some, kept)
        outcome, mapped = found if isinstance(found, Outcome) else Outcome(found, ()), _mapped(operator, some)
        assert outcome.failures == mapped.failures, f"{name}: `map` fails on other rows"
        assert same(pa.Table.from_batches([outcome.batch]), pa.Table.from_batches([mapped.batch])), (
            f"{name}: `map` is not `filled` with the answers as they are kept"
        )


def check_filter(operator: Filter, rows: Batch) -> None:
    """Check that a filter answers for each row, in the right type, however rows are cut."""
    for name, some in variants(rows).items():
        mapped = _mapped(operator, some).batch if isinstance(operator, Mapper) else some
        verdicts = operator.judge(mapped)
        assert isinstance(verdicts, pa.StructArray) and verdicts.type == VERDICT, f"{name}: not an array of verdicts"
        assert len(verdicts) == mapped.num_rows, f"{name}: {len(verdicts)} verdicts on {mapped.num_rows} rows"
        given = [verdict for verdict in verdicts.to_pylist() if verdict is not None]
        assert all(verdict["rule"] for verdict in given), f"{name}: a verdict names no rule"
        parts = [verdict for part in cut(mapped, 7) for verdict in operator.judge(part).to_pylist()]
        assert repr(parts) == repr(verdicts.to_pylist()), f"{name}: the verdicts depend on the cut"


def check_fold(fold: Fold[Any], rows: Batch, *, room: str = "tilth.refine") -> None:
    """Check that a fold's state is small and merges the same however rows are cut, and check what it finishes into."""
    for name, some in variants(rows).items():
        whole = fold.observe(some)
        assert isinstance(whole, pa.Table), f"{name}: the state is not an Arrow table"
        assert whole.nbytes <= STATE_LIMIT, f"{name}: the state has {whole.nbytes} bytes, more than {STATE_LIMIT}"
        states = [fold.observe(part) for part in cut(some, 7)]
        left = states[0]
        for state in states[1:]:
            left = fold.merge(left, state)
        right = states[-1]
        for state in reversed(states[:-1]):
            right = fold.merge(state, right)
        assert same(left, right), f"{name}: merging is not associative"
        assert same(left, whole), f"{name}: the state depends on the cut"
        empty = fold.observe(some.slice(0, 0))
        assert same(fold.merge(whole, empty), whole) and same(fold.merge(empty, whole), whole), (
            f"{name}: no rows change the state"
        )
        try:
            finished = fold.finish(whole)
        except DataError:
            assert name != "as given", "the fold cannot be finished on the rows given"
            continue
        assert fold.finish(left) == finished, f"{name}: the finished operator depends on the cut"
        if isinstance(finished, (Mapper, Filter)):
            check_operator(finished, rows, room=room)


def _mapped(operator: Mapper, rows: Batch) -> Outcome:
    found = operator.map(rows)
    return found if isinstance(found, Outcome) else Outcome(found, ())
