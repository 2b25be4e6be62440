"""Operators are told by their methods; verdicts are built in one type."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from tilth.core.operator import VERDICT, Decider, Filter, Mapper, verdicts


def test_verdicts_are_null_where_the_row_stays() -> None:
    found = verdicts([True, False, True], "short", values=[1, 2, None], threshold=2, others=["a", "b", None])
    assert found.type == VERDICT
    assert found.to_pylist() == [
        {"rule": "short", "value": 1.0, "threshold": 2.0, "other_id": "a"},
        None,
        {"rule": "short", "value": None, "threshold": 2.0, "other_id": None},
    ]


def test_verdicts_on_no_rows_have_the_type_too() -> None:
    assert verdicts([], "short").type == VERDICT
    assert verdicts([], "short", values=[], others=[]).to_pylist() == []


def test_verdicts_without_facts_name_the_rule() -> None:
    assert verdicts([True], "bad").to_pylist() == [{"rule": "bad", "value": None, "threshold": None, "other_id": None}]


class Maps:
    def map(self, batch: Any) -> Any:
        return batch


class Judges:
    def judge(self, batch: Any) -> Any:
        return pa.nulls(batch.num_rows, VERDICT)


class Both(Maps, Judges):
    pass


class Decides:
    def decide(self, rows: Any, engine: Any) -> Any:
        return rows


@pytest.mark.parametrize(
    ("part", "kinds"),
    [
        (Maps(), {Mapper}),
        (Judges(), {Filter}),
        (Both(), {Mapper, Filter}),
        (Decides(), {Decider}),
    ],
)
def test_a_method_is_all_that_makes_an_operator(part: Any, kinds: set[type]) -> None:
    assert {kind for kind in (Mapper, Filter, Decider) if isinstance(part, kind)} == kinds
