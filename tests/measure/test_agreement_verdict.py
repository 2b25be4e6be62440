"""The verdict on a source: what breaks it as a whole, in words that say what to do; and rows that were set aside."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from tilth.core.agreement import Agreement, Column, Count, Fresh
from tilth.core.errors import CheckFailed
from tilth.engines.local import Local
from tilth.measure.agreement import State, check, merge
from tilth.measure.agreement_quarantine import QUARANTINE, quarantined
from tilth.measure.agreement_unique import repeated
from tilth.measure.agreement_verdict import judge
from tilth.testing import InlineEngine, MemoryRows, batch, cut

NOW = datetime(2024, 6, 1, tzinfo=UTC)
SALT = b"s" * 32


def verdict(agreement: Agreement, columns: dict, **given):
    found = check(agreement, pa.RecordBatch.from_pydict(columns), now=NOW)
    return judge(agreement, found.state, **{"source": "orders", "licence": "own", "now": NOW, **given})


def test_a_kept_agreement_stops_nothing() -> None:
    agreed = Agreement(
        columns={"id": Column(type="int", unique=True)},
        rows=Count(min=1, max=3),
        fresh=Fresh(column="at", within="7 days"),
        licences=("Own", "cc-by-4.0"),
    )
    said = verdict(agreed, {"id": [1, 2], "at": ["2024-05-30", "2023-01-01"]})
    assert said.kept and said.error() is None
    assert said.text() == "orders: the agreement is kept"
    assert json.loads(json.dumps(said.to_json()))["kept"] is True


@pytest.mark.parametrize(
    ("agreed", "columns", "given", "said"),
    [
        (
            Agreement(columns={"idd": Column()}),
            {"id": [1]},
            {},
            'idd column: no row has it. Wanted: in the source. Did you mean "id"?',
        ),
        (
            Agreement(columns={"a": Column()}, extra_columns="forbid"),
            {"a": [1], "b": [1]},
            {},
            "extra_columns: b came. Wanted: none but a.",
        ),
        (
            Agreement(columns={"a": Column(max=1)}),
            {"a": [1, 2]},
            {},
            "rows: 1 of 2 rows break a rule, most of them a max. Wanted: at most 0.01 of them (tolerance).",
        ),
        (
            Agreement(columns={"a": Column(max=1)}, on_break="stop", tolerance=0.9),
            {"a": [1, 2]},
            {},
            "Wanted: no row (on_break: stop).",
        ),
        (Agreement(columns={"zip": Column(type="text")}), {"zip": [1, 2]}, {}, "`types: {zip: string}`"),
        (
            Agreement(columns={"a": Column(null=0.25)}),
            {"a": [1, None]},
            {},
            "a null: 1 of 2 rows have no value. Wanted: at most 0.25 of them.",
        ),
        (Agreement(rows=Count(min=5)), {"a": [1]}, {}, "rows.min: 1 rows. Wanted: 5 or more."),
        (Agreement(rows=Count(max=5)), {"a": [1]}, {"rows": 6}, "rows.max: 6 rows. Wanted: 5 at most."),
        (
            Agreement(fresh=Fresh(column="at", within="7 days")),
            {"at": ["2024-05-01"]},
            {},
            "at fresh: the newest row is of 2024-05-01T00:00:00+00:00. Wanted: not older than 7 days.",
        ),
        (Agreement(fresh=Fresh(column="at", within="7 days")), {"b": [1]}, {}, "no row says when it is of"),
        (
            Agreement(licences=("own", "cc-by-4.0")),
            {"a": [1]},
            {"licence": "secret"},
            'licences: the source states "secret". Wanted: one of own, cc-by-4.0.',
        ),
        (Agreement(licences=("own",)), {"a": [1]}, {"licence": None}, "the source states none"),
        (
            Agreement(columns={"a": Column(unique=True)}),
            {"a": [1]},
            {"repeated": {"a": 3}},
            "a unique: 3 rows repeat a value. Wanted: each value once.",
        ),
    ],
)
def test_what_breaks_it_is_said_with_what_was_wanted(agreed: Agreement, columns: dict, given: dict, said: str) -> None:
    found = verdict(agreed, columns, **given)
    error = found.error("recipe.yaml:3  acquire[0] files")
    assert isinstance(error, CheckFailed) and error.exit_code == 3
    assert said in str(error) and "Nothing was committed." in str(error)
    assert "broken" in found.text() and found.to_json()["breaks"]


def test_a_sample_is_judged_by_its_rows_only() -> None:
    agreed = Agreement(rows=Count(min=100), fresh=Fresh(column="at", within="1 day"), columns={"a": Column(max=1)})
    assert verdict(agreed, {"a": [1], "at": ["2001-01-01"]}, sample=True).kept
    assert not verdict(agreed, {"a": [2], "at": ["2001-01-01"]}, sample=True).kept


def test_no_rows_break_no_column_and_may_be_too_few() -> None:
    agreed = Agreement(columns={"a": Column(required=True, null=0.0)}, extra_columns="forbid", rows=Count(min=1))
    found = judge(agreed, State(), source="orders", licence=None, now=NOW)
    assert [one.rule for one in found.breaks] == ["rows.min"]


def test_all_that_breaks_is_in_the_report() -> None:
    agreed = Agreement(columns={"a": Column(max=1), "b": Column(null=0.0)}, rows=Count(min=9))
    found = verdict(agreed, {"a": [5], "b": [None]})
    assert [one.rule for one in found.breaks] == ["rows", "null", "rows.min"]
    assert "(and 2 more)" in str(found.error())
    assert found.to_json()["rules"] == [{"column": "a", "rule": "max", "rows": 1}]


@pytest.mark.parametrize("pieces", [1, 7])
def test_repeated_values_are_counted_across_shards(pieces: int) -> None:
    agreed = Agreement(columns={name: Column(unique=True) for name in ("text", "n", "absent", "when")})
    rows = batch(
        text=["a", "b", "a", None, None, "a", "c", "", ""],
        n=[1, 2, 3, 4, 5, 6, 7, 8, 1],
        when=pa.array([1, 2, 3, 4, 5, 6, 7, 8, 9], pa.timestamp("ns")),
    )
    found = repeated(agreed, MemoryRows(*cut(rows, pieces)), InlineEngine(), SALT)
    assert found == {"text": 3, "n": 1}


@pytest.mark.slow
def test_repeated_values_are_counted_by_workers(tmp_path: Path) -> None:
    agreed = Agreement(columns={"n": Column(unique=True)})
    parts = [
        batch(ids=[f"{at}-{row}" for row in range(500)], n=[(at * 400 + row) for row in range(500)]) for at in range(4)
    ]
    with Local(workers=2, spill=tmp_path) as engine:
        assert repeated(agreed, MemoryRows(*parts), engine, SALT) == {"n": 300}


def test_a_text_and_a_number_that_look_alike_are_two_values_and_columns_stay_apart() -> None:
    agreed = Agreement(columns={"text": Column(unique=True), "n": Column(unique=True)})
    rows = batch(text=["1", "2"], n=[2, 1])
    assert repeated(agreed, MemoryRows(rows), InlineEngine(), SALT) == {}
    assert repeated(Agreement(columns={"n": Column()}), MemoryRows(rows), InlineEngine(), SALT) == {}


def test_rows_that_were_set_aside_are_whole_and_say_why() -> None:
    rows = pa.RecordBatch.from_pydict(
        {
            "n": [1, 99, 2, 88],
            "t": ["a", "b\n", None, "d"],
            "x": [float("nan")] * 4,
            "raw": [b"\0\1"] * 4,
            "at": pa.array([1] * 4, pa.timestamp("ns")),
        }
    )
    found = check(Agreement(columns={"n": Column(max=9), "t": Column(matches="[a-c]")}), rows)
    aside = quarantined(rows, found, ids=["i0", "i1", "i2", "i3"], source="orders", subjects=["ann", "ben", None, None])
    assert aside.schema == QUARANTINE
    first, second = aside.to_pylist()
    assert (first["_id"], first["_subject"], first["_source"]) == ("i1", "ben", "orders")
    assert json.loads(first["row"]) == {"n": 99, "t": "b\n", "x": "nan", "raw": "0001", "at": 1}
    assert [line["rule"] for line in first["breaks"]] == ["max", "matches"]
    assert second["_id"] == "i3" and second["breaks"][0] == {"column": "n", "rule": "max", "bound": "9"}
    none = check(Agreement(), rows)
    assert quarantined(rows, none, ids=["i"] * 4, source="orders").num_rows == 0


def test_states_of_shards_give_one_verdict() -> None:
    agreed = Agreement(columns={"a": Column(null=0.5), "b": Column(null=0.5)})
    states = [
        check(agreed, pa.RecordBatch.from_pydict(columns)).state
        for columns in ({"a": [1, 2]}, {"b": [1, 2]}, {"a": [None], "b": [3]})
    ]
    whole = merge(merge(states[0], states[1]), states[2])
    found = judge(agreed, whole, source="orders", licence=None)
    assert [(one.column, one.found) for one in found.breaks] == [("a", "3 of 5 rows have no value")]
