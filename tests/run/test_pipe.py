"""Rows through a chain of operators: every row is kept, dropped or failed, once, and each change is written down."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.core.batch import ID, Batch, with_column
from tilth.core.errors import DataError, OperatorError
from tilth.core.fate import FATE, FATES
from tilth.core.operator import Failure, Outcome, verdicts
from tilth.run.ledger import Ledger, Tally
from tilth.run.pipe import Link, flow
from tilth.testing import batch


@dataclass(frozen=True, kw_only=True)
class Replaced:
    old: str
    new: str

    def map(self, batch: Batch) -> Batch:
        texts = [text and text.replace(self.old, self.new) for text in batch.column("text").to_pylist()]
        return with_column(batch, "text", texts, pa.string())


@dataclass(frozen=True, kw_only=True)
class Dropped:
    letter: str

    def judge(self, batch: Batch) -> pa.StructArray:
        drop = [self.letter in (text or "") for text in batch.column("text").to_pylist()]
        return verdicts(drop, f"has_{self.letter}", values=[1.0] * len(drop), threshold=0.5)


@dataclass(frozen=True, kw_only=True)
class Counted:
    """Adds a column, then judges by it."""

    most: int

    def map(self, batch: Batch) -> Batch:
        return with_column(batch, "n", [len(text or "") for text in batch.column("text").to_pylist()], pa.int64())

    def judge(self, batch: Batch) -> pa.StructArray:
        numbers = batch.column("n").to_pylist()
        return verdicts([n > self.most for n in numbers], "too_long", values=numbers, threshold=self.most)


@dataclass(frozen=True, kw_only=True)
class SetAside:
    letter: str

    def map(self, batch: Batch) -> Outcome:
        bad = [self.letter in (text or "") for text in batch.column("text").to_pylist()]
        failures = [
            Failure(name, "bad") for name, is_bad in zip(batch.column(ID).to_pylist(), bad, strict=True) if is_bad
        ]
        return Outcome(batch.filter(pa.array([not is_bad for is_bad in bad], pa.bool_())), tuple(failures))


@dataclass(frozen=True, kw_only=True)
class Raises:
    letter: str
    calls: Any = None

    def map(self, batch: Batch) -> Batch:
        if self.calls is not None:
            self.calls.append(batch.num_rows)
        if any(self.letter in (text or "") for text in batch.column("text").to_pylist()):
            raise ValueError("secret text of the row")
        return with_column(batch, "seen", [1] * batch.num_rows)


@dataclass(frozen=True, kw_only=True)
class RaisesInJudge:
    letter: str

    def judge(self, batch: Batch) -> pa.StructArray:
        texts = batch.column("text").to_pylist()
        if any(self.letter in (text or "") for text in texts):
            raise KeyError("secret text of the row")
        return verdicts(["q" in (text or "") for text in texts], "has_q")


@dataclass(frozen=True, kw_only=True)
class Mapped:
    does: Callable[[Batch], Any]

    def map(self, batch: Batch) -> Any:
        return self.does(batch)


@dataclass(frozen=True, kw_only=True)
class Judged:
    does: Callable[[Batch], Any]

    def judge(self, batch: Batch) -> Any:
        return self.does(batch)


def links(*operators: Any) -> tuple[Link, ...]:
    return tuple(
        Link(place=f"refine[{n}] {type(one).__name__.lower()}", operator=one) for n, one in enumerate(operators)
    )


def through(rows: Batch, *operators: Any) -> tuple[Batch, list[dict[str, Any]], dict[str, Tally]]:
    ledger = Ledger()
    kept = flow(rows, links(*operators), ledger)
    parts = ledger.batches()
    assert all(part.schema == FATE for part in parts)
    return kept, [fate for part in parts for fate in part.to_pylist()], ledger.tallies


LETTERS = st.text("abqz", max_size=4)
OPERATORS = st.one_of(
    st.builds(Replaced, old=st.sampled_from("abq"), new=st.sampled_from(["", "a", "bb", "q", "𝔘"])),
    st.builds(Dropped, letter=st.sampled_from("abq")),
    st.builds(Counted, most=st.integers(0, 4)),
    st.builds(SetAside, letter=st.sampled_from("abq")),
    st.builds(Raises, letter=st.sampled_from("abq")),
    st.builds(RaisesInJudge, letter=st.sampled_from("ab")),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.none() | LETTERS, min_size=1, max_size=20), st.lists(OPERATORS, max_size=5), st.integers(0, 20))
def test_every_row_is_kept_dropped_or_failed_once(texts: list[str | None], operators: list[Any], cut: int) -> None:
    rows = batch(text=pa.array(texts, pa.string()))
    kept, fates, tallies = through(rows, *operators)
    ids = rows.column(ID).to_pylist()
    gone = [fate[ID] for fate in fates if fate["fate"] in ("dropped", "failed")]
    stayed = kept.column(ID).to_pylist()
    assert sorted(gone + stayed) == ids, "each row once"
    assert stayed == sorted(stayed), "in the order they came"

    # Each place sees what the one before it let through, and counts what it wrote.
    before = len(ids)
    for link in links(*operators):
        tally = tallies.get(link.place, Tally())
        here = [fate for fate in fates if fate["operator"] == link.place]
        assert tally.rows_in == before
        assert tally.dropped == sum(fate["fate"] == "dropped" for fate in here) == sum(tally.by_rule.values())
        assert tally.failed == sum(fate["fate"] == "failed" for fate in here)
        assert tally.changed == len({fate[ID] for fate in here if fate["fate"] == "changed"})
        before -= tally.dropped + tally.failed
    assert before == kept.num_rows

    # How rows are cut into batches shows nowhere.
    ledger, parts = Ledger(), []
    for part in (rows.slice(0, cut), rows.slice(min(cut, len(ids)))):
        parts += flow(part, links(*operators), ledger).to_pylist()
    # A batch that no row is left of stops on its way: it has not all columns.
    assert [{**dict.fromkeys(kept.schema.names), **row} for row in parts] == kept.to_pylist()
    again = [fate for part in ledger.batches() for fate in part.to_pylist()]
    assert sorted(map(repr, again)) == sorted(map(repr, fates))
    assert {place: tally for place, tally in ledger.tallies.items() if tally.rows_in} == tallies


def test_no_fate_holds_the_rows_text() -> None:
    rows = batch(text=["secret a", "secret b", "secret q", "plain"])
    chain = (Replaced(old="plain", new="simple"), Raises(letter="a"), RaisesInJudge(letter="b"), Dropped(letter="q"))
    _, fates, _ = through(rows, *chain)
    assert len(fates) == 4
    assert not [value for fate in fates for value in fate.values() if "secret" in str(value) or "simple" in str(value)]
    assert [fate["reason"] for fate in fates if fate["fate"] == "failed"] == ["ValueError", "KeyError"]


def test_a_mapper_that_also_judges_maps_first() -> None:
    kept, fates, tallies = through(batch(text=["a", "long"]), Counted(most=2))
    assert kept.column("n").to_pylist() == [1]
    assert [(fate["rule"], fate["value"], fate["threshold"]) for fate in fates] == [("too_long", 4.0, 2.0)]
    assert tallies["refine[0] counted"] == Tally(rows_in=2, dropped=1, by_rule={"too_long": 1})


def test_a_raising_operator_fails_on_the_bad_rows_only() -> None:
    rows = batch(text=["a", "x", "b", "x", "c"])
    for operator, reason in ((Raises(letter="x"), "ValueError"), (RaisesInJudge(letter="x"), "KeyError")):
        kept, fates, tallies = through(rows, operator)
        assert kept.column("text").to_pylist() == ["a", "b", "c"]
        assert [(fate["fate"], fate["reason"], fate[ID][-1]) for fate in fates] == [
            ("failed", reason, "1"),
            ("failed", reason, "3"),
        ]
        assert next(iter(tallies.values())).failed == 2


def test_an_operator_that_raises_on_every_row_leaves_none() -> None:
    kept, fates, _ = through(batch(text=["x", "x"]), Raises(letter="x"), Dropped(letter="x"))
    assert kept.num_rows == 0
    assert [fate["fate"] for fate in fates] == ["failed", "failed"]


def test_one_bad_row_among_many_is_found_in_few_calls() -> None:
    calls: list[int] = []
    kept, fates, _ = through(batch(text=["a"] * 4000 + ["x"] + ["a"] * 95), Raises(letter="x", calls=calls))
    assert (kept.num_rows, len(fates)) == (4095, 1)
    assert len(calls) < 40


def test_halves_whose_columns_differ_in_type_are_joined() -> None:
    # A careless mapper lets Arrow guess: a half without a value has a column of nulls.
    def careless(some: Batch) -> Batch:
        texts = some.column("text").to_pylist()
        if "x" in texts:
            raise ValueError
        return with_column(some, "n", [len(text) if text != "a" else None for text in texts])

    kept, _, _ = through(batch(text=["a", "a", "x", "bb"]), Mapped(does=careless))
    assert kept.column("n").to_pylist() == [None, None, 2]


def test_tilths_own_errors_are_about_the_recipe_not_the_row() -> None:
    def missing(some: Batch) -> Batch:
        raise DataError('no column "txt"', where="length", do="Look.")

    with pytest.raises(DataError) as caught:
        flow(
            batch(text=["a"]),
            [Link(place="refine[0] length", operator=Mapped(does=missing), where="r.yaml:4")],
            Ledger(),
        )
    assert str(caught.value) == 'r.yaml:4  refine[0] length: no column "txt". Look.'


def lost(some: Batch) -> Batch:
    return some.slice(1)


def turned(some: Batch) -> Batch:
    return some.take(pa.array(range(some.num_rows - 1, -1, -1), pa.int64()))


def renamed(some: Batch) -> Batch:
    return with_column(some, ID, ["other"] * some.num_rows)


def without_id(some: Batch) -> Batch:
    return some.drop_columns([ID])


def doubled(some: Batch) -> Batch:
    return pa.concat_batches([some, some])


def failed_and_kept(some: Batch) -> Outcome:
    return Outcome(some, (Failure(some.column(ID)[0].as_py(), "bad"),))


def failed_a_stranger(some: Batch) -> Outcome:
    return Outcome(some, (Failure("nobody", "bad"),))


def nothing(some: Batch) -> None:
    return None


@pytest.mark.parametrize(
    "does", [lost, turned, renamed, without_id, doubled, failed_and_kept, failed_a_stranger, nothing]
)
def test_a_mapper_that_loses_or_invents_rows_is_told(does: Callable[[Batch], Any]) -> None:
    with pytest.raises(OperatorError, match=r"refine\[0\] mapped: .*map") as caught:
        through(batch(text=["a", "b", "c"]), Mapped(does=does))
    assert "Outcome" in str(caught.value.wanted)


@pytest.mark.parametrize(
    "does",
    [
        lambda some: verdicts([True], "x"),
        lambda some: pa.array([True] * some.num_rows),
        lambda some: [None] * some.num_rows,
        lambda some: pa.array([{"why": "x"}] * some.num_rows),
        nothing,
    ],
)
def test_a_filter_that_does_not_answer_for_each_row_is_told(does: Callable[[Batch], Any]) -> None:
    with pytest.raises(OperatorError, match=r"refine\[0\] judged: .*judge"):
        through(batch(text=["a", "b", "c"]), Judged(does=does))


def test_a_filter_may_keep_all_with_a_plain_null_array() -> None:
    kept, fates, _ = through(batch(text=["a", "b"]), Judged(does=lambda some: pa.nulls(some.num_rows)))
    assert (kept.num_rows, fates) == (2, [])


def test_a_verdict_without_a_rule_is_named_after_its_operator() -> None:
    def judge(some: Batch) -> pa.StructArray:
        return pa.array([{"value": 1}] * some.num_rows, verdicts([], "x").type)

    _, fates, tallies = through(batch(text=["a"]), Judged(does=judge))
    assert fates[0]["rule"] == "judged"
    assert tallies["refine[0] judged"].by_rule == {"judged": 1}


def test_what_is_no_row_wise_operator_is_not_passed_over() -> None:
    with pytest.raises(OperatorError, match=r"refine\[0\] ledger: Ledger .*neither"):
        through(batch(text=["a"]), Ledger())


def test_a_row_may_be_set_aside_for_two_reasons() -> None:
    def twice(some: Batch) -> Outcome:
        first = some.column(ID)[0].as_py()
        return Outcome(some.slice(1), (Failure(first, "one"), Failure(first, "two")))

    kept, fates, tallies = through(batch(text=["a", "b"]), Mapped(does=twice))
    assert kept.num_rows == 1
    assert [fate["reason"] for fate in fates] == ["one"]
    assert tallies["refine[0] mapped"].failed == 1


def test_rows_that_repeat_an_id_go_through() -> None:
    # The first decider reads rows before repeated keys leave.
    rows = batch(text=["ax", "a", "b"], ids=["1", "1", "2"])
    for operator in (Raises(letter="x"), SetAside(letter="x"), RaisesInJudge(letter="x")):
        kept, fates, _ = through(rows, operator)
        assert kept.column("text").to_pylist() == ["a", "b"]
        assert [fate["fate"] for fate in fates if fate["fate"] != "changed"] == ["failed"]


def test_empty_batches_and_no_operators_pass() -> None:
    rows = batch(text=pa.array([], pa.string()))
    assert flow(rows, links(Dropped(letter="a"), Raises(letter="a")), Ledger()).num_rows == 0
    some = batch(text=["a"])
    assert flow(some, (), Ledger()) is some


def test_tallies_of_shards_add_up() -> None:
    whole = Tally(rows_in=1, dropped=1, by_rule={"a": 1})
    whole.add(Tally(rows_in=5, changed=2, dropped=2, failed=1, by_rule={"a": 1, "b": 1}))
    assert whole == Tally(rows_in=6, changed=2, dropped=3, failed=1, by_rule={"a": 2, "b": 1})


def test_a_ledger_gives_its_fates_out_once() -> None:
    ledger = Ledger()
    ledger.write("here", "dropped", {ID: ["1"]}, 1)
    ledger.write("here", "dropped", {}, 0)
    assert [part.num_rows for part in ledger.batches()] == [1]
    assert ledger.batches() == []
    assert {"dropped", "failed", "changed"} <= set(FATES)


def test_a_large_batch_takes_little_time() -> None:
    rows = batch(text=["hello world " * 5] * 8192)
    began = time.perf_counter()
    through(rows, Replaced(old="zzz", new=""), Counted(most=1000), Dropped(letter="#"))
    assert time.perf_counter() - began < 2
