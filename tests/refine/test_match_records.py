"""Records of one person or place find each other however they are written; strangers stay apart."""

from __future__ import annotations

import csv
import itertools
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.core.errors import DataError, RecipeError
from tilth.engines.local import Local
from tilth.refine import _matching_stars
from tilth.refine.match_records import MatchRecords
from tilth.testing import InlineEngine, MemoryRows, batch, check_operator, cut, decide

PEOPLE = [
    ("Anna Schmidt", "12 Long Road", "020 555 0101", "1980-02-03"),
    ("Otto Weiss", "7 Mill Lane", "020 555 0177", "1975-11-30"),
    ("María José Núñez", "44 Station Street", "020 555 0139", "1990-06-17"),
    ("Liam O'Brien", "3 Park Avenue", "020 555 0122", "1988-01-09"),
    ("王小明", "北京市朝阳区建国路88号", "010 6555 0101", "1985-05-01"),
]
VARIANTS = [
    ("Ana Schmidt", "12 Long Rd.", "0205550101", "1980-02-03"),
    ("Otto Weis", "7 Mill Ln", "020 555 0177", "1975-11-03"),
    ("Maria Jose Nunez", "44 Station St", "020-555-0139", None),
    ("Liam OBrien", "3 Park Ave", None, "1988-01-09"),
    ("王小明", "北京市朝阳区建国路 88 号", "01065550101", "1985-05-01"),
]
COLUMNS = ("name", "street", "phone", "born")


def people(*rows: tuple[str | None, ...], **more: Any) -> pa.RecordBatch:
    columns = zip(*rows, strict=True)
    cells = {name: pa.array(cells, pa.string()) for name, cells in zip(COLUMNS, columns, strict=True)}
    return batch(**cells, **more)


def gone(rows: pa.RecordBatch, **options: Any) -> dict[int, int]:
    """Return which row goes for which."""
    found = decide(MatchRecords(**{"columns": COLUMNS, **options}), rows)
    return {int(row, 16): int(one["other_id"], 16) for row, one in found.items() if not one["keep"]}


def test_five_people_written_twice_are_five() -> None:
    found = gone(people(*PEOPLE, *VARIANTS))
    assert {frozenset(pair) for pair in found.items()} == {frozenset((at, at + 5)) for at in range(5)}


def test_the_fuller_record_stays() -> None:
    assert gone(people(VARIANTS[2], PEOPLE[2], *PEOPLE[:2])) == {0: 1}
    assert gone(people(PEOPLE[2], VARIANTS[2], *PEOPLE[:2])) == {1: 0}


def test_cells_that_are_not_compared_count_as_full_too() -> None:
    rows = people(PEOPLE[0], PEOPLE[0], note=["", "called twice"])
    assert gone(rows) == {0: 1}


def test_strangers_at_one_address_stay() -> None:
    rows = [*PEOPLE, ("Bert Klein", "12 Long Road", "020 555 0199", "1951-12-24")]
    assert gone(people(*rows)) == {}


def test_rows_that_say_nothing_match_nothing() -> None:
    nothing: tuple[str | None, ...] = (None, " ", "", "?!")
    assert gone(people(nothing, nothing, PEOPLE[0])) == {}


def test_a_large_block_is_compared_by_neighbours() -> None:
    chance = random.Random(0)
    rows = [
        (f"{chance.choice('abcdefgh')}{at:03} Li", None, "0", f"{1900 + at % 100}-01-{at % 28 + 1:02}")
        for at in range(150)
    ]
    rows = [*rows, rows[70]]
    assert gone(people(*rows), kinds={"name": "org"}, block=10, window=2).items() == {150: 70}.items()


def test_what_a_person_told_is_believed_and_taught() -> None:
    rows = people(*PEOPLE[:2], *VARIANTS[:2], who=["a", "b", "c", "b"])
    decisions = decide(MatchRecords(columns=COLUMNS, known="who"), rows)
    dropped = {int(row, 16): one for row, one in decisions.items() if not one["keep"]}
    assert {row: int(one["other_id"], 16) for row, one in dropped.items()} == {3: 1}
    assert dropped[3]["value"] == 1.0


def test_a_chain_does_not_make_its_ends_one() -> None:
    """a-b and b-c are likely, a-c is not: b is fullest and covers both; were a fullest, c would stay."""

    def walked(full: dict[str, int]) -> dict[str, str | None]:
        pairs = pa.RecordBatch.from_pylist(
            [
                {
                    "root": "a",
                    "one": one,
                    "other": other,
                    "value": 0.95,
                    "one_full": full[one],
                    "other_full": full[other],
                }
                for one, other in (("a", "b"), ("b", "c"))
            ],
            schema=_matching_stars._ROOTED,
        )
        stars = _matching_stars.Stars(threshold=0.9)
        keyed = pa.Table.from_batches([stars.emit(pairs)]).sort_by([("_key", "ascending"), ("_id", "ascending")])
        return {
            one["_id"]: one["other_id"] for part in stars.gather(iter(keyed.to_batches())) for one in part.to_pylist()
        }

    assert walked({"a": 1, "b": 2, "c": 1}) == {"a": "b", "b": None, "c": "b"}
    assert walked({"a": 3, "b": 2, "c": 1}) == {"a": None, "b": "a", "c": None}


def test_of_two_that_cover_a_record_the_likelier_takes_it() -> None:
    pairs = pa.RecordBatch.from_pylist(
        [
            {"root": "a", "one": one, "other": "c", "value": value, "one_full": 5, "other_full": 1}
            for one, value in (("a", 0.91), ("b", 0.99))
        ],
        schema=_matching_stars._ROOTED,
    )
    stars = _matching_stars.Stars(threshold=0.9)
    found = {
        one["_id"]: one["other_id"] for part in stars.gather(iter([stars.emit(pairs)])) for one in part.to_pylist()
    }
    assert found == {"a": None, "b": None, "c": "b"}


def test_numbers_dates_and_truths_are_compared_as_what_they_are() -> None:
    rows = batch(
        code=pa.array([1234567, 1234567, 7654321, None]),
        size=pa.array([10.0, 10.05, 99.0, 10.0]),
        day=pa.array([19000, 19000, 12000, 5], pa.date32()),
        good=pa.array([True, True, False, True]),
    )
    found = decide(MatchRecords(columns=("code", "size", "day", "good")), rows)
    assert {row: one["other_id"] for row, one in found.items()} == {f"{0:032x}": f"{1:032x}", f"{1:032x}": None}


def test_two_engines_and_any_shards_say_the_same() -> None:
    rows = people(*PEOPLE, *VARIANTS)
    operator = MatchRecords(columns=COLUMNS)
    expected = decide(operator, rows)
    engine = Local(workers=1)
    try:
        found = [
            one for part in operator.decide(MemoryRows(*cut(rows, 3)), engine).batches() for one in part.to_pylist()
        ]
    finally:
        engine.close()
    assert {one["_id"]: one for one in found} == expected


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"columns": ()}, "no columns"),
        ({"threshold": 0.0}, "threshold 0.0"),
        ({"block": 1}, "block 1"),
        ({"kinds": {"nam": "name"}}, 'Did you mean "name"'),
        ({"kinds": {"name": "person"}}, "one of name, org"),
    ],
)
def test_options_that_find_nothing_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        MatchRecords(**{"columns": COLUMNS, **options})


def test_a_column_that_is_missing_or_holds_lists_is_named() -> None:
    with pytest.raises(DataError, match=r'match_records: no column "nme".*Did you mean "name"'):
        gone(people(*PEOPLE), columns=("nme",))
    with pytest.raises(DataError, match=r'match_records: column "tags" holds list'):
        gone(batch(tags=[["a"], ["b"]]), columns=("tags",))


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(
    st.lists(
        st.tuples(*[st.one_of(st.none(), st.text(max_size=12), st.sampled_from(["a", "12 b st"]))] * 4), max_size=12
    )
)
def test_any_text_keeps_the_contract(rows: list[tuple[str | None, ...]]) -> None:
    clean = [tuple(None if cell is None else cell.encode(errors="replace").decode() for cell in row) for row in rows]
    check_operator(
        MatchRecords(columns=COLUMNS, threshold=0.5, partitions=2),
        people(*clean) if clean else people(*PEOPLE[:1]).slice(1),
    )


@pytest.mark.shared
@pytest.mark.slow
def test_real_and_synthetic_records_are_matched_as_well_as_issue_3_asks(shared: Path) -> None:
    with (shared / "dedupe_records_febrl" / "dataset1.csv").open(encoding="utf-8") as lines:
        rows = [{name.strip(): cell.strip() for name, cell in row.items()} for row in csv.DictReader(lines)]
    truth = [row.pop("rec_id").split("-")[1] for row in rows]
    assert pair_f1(rows, truth, tuple(rows[0])) >= 0.95
    sites = shared / "dedupe_chicago_early_childhood" / "csv_example_input_with_true_ids.csv"
    with sites.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    truth = [row.pop("True Id") for row in rows]
    assert pair_f1(rows, truth, ("Site name", "Address", "Zip", "Phone")) >= 0.85


def pair_f1(rows: list[dict[str, str]], truth: list[str], columns: tuple[str, ...]) -> float:
    table = batch(**{name: pa.array([row[name].strip() or None for row in rows], pa.string()) for name in rows[0]})
    parts = MatchRecords(columns=columns).decide(MemoryRows(table), InlineEngine(batch_rows=1 << 16)).batches()
    decisions = {one["_id"]: one for part in parts for one in part.to_pylist()}
    kept = [decisions.get(row, {}).get("other_id") or row for row in table.column("_id").to_pylist()]
    right, found = pairs(truth), pairs(kept)
    return 2 * len(right & found) / (len(right) + len(found))


def pairs(names: list[str]) -> set[tuple[int, int]]:
    groups: dict[str, list[int]] = defaultdict(list)
    for at, name in enumerate(names):
        groups[name].append(at)
    return {pair for group in groups.values() for pair in itertools.combinations(group, 2)}
