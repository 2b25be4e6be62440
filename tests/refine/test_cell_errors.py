"""Cells that the rest of the table contradicts are found and mended; ordinary variety is left alone."""

from __future__ import annotations

import csv
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tilth.core.errors import RecipeError
from tilth.refine.cell_errors import CellErrors, CellErrorsDropped, CellErrorsMarked
from tilth.testing import batch, check_operator

CITIES = {"35233": "birmingham", "36049": "luverne", "99508": "anchorage", "36301": "dothan"}


def places(changes: dict[int, dict[str, Any]] | None = None, **more: list[Any]) -> pa.RecordBatch:
    """Return 40 rows of zip, city and share; some cells changed."""
    zips = [list(CITIES)[at % 4] for at in range(40)]
    columns: dict[str, list[Any]] = {
        "zip": zips,
        "city": [CITIES[one] for one in zips],
        "share": [f"{50 + at}%" for at in range(40)],
        **more,
    }
    for at, cells in (changes or {}).items():
        for name, cell in cells.items():
            columns[name][at] = cell
    return batch(**columns)


def mapped(rows: pa.RecordBatch, **options: Any) -> pa.RecordBatch:
    fold = CellErrors(**options)
    fitted = fold.finish(fold.observe(rows))
    assert isinstance(fitted, CellErrorsMarked)
    return fitted.map(rows)


def suspects(rows: pa.RecordBatch, **options: Any) -> dict[int, list[str]]:
    lists = mapped(rows, **options).column("cell_errors").to_pylist()
    return {at: names for at, names in enumerate(lists) if names}


def test_a_clean_table_has_no_suspects() -> None:
    assert suspects(places()) == {}


def test_a_cell_that_its_neighbours_contradict() -> None:
    assert suspects(places({5: {"city": "luxerne"}, 9: {"zip": "3x049"}})) == {5: ["city"], 9: ["zip"]}


def test_of_two_that_contradict_each_other_a_third_tells_which_is_wrong() -> None:
    rows = places({5: {"city": "dothan"}})
    assert suspects(rows) == {5: ["zip", "city"]}
    mended = mapped(rows, action="repair")
    assert (mended.column("zip")[5].as_py(), mended.column("city")[5].as_py()) == ("36049", "dothan")
    rows = places({5: {"city": "dothan"}}, county=[f"county {at % 4}" for at in range(40)])
    assert suspects(rows) == {5: ["city"]}
    assert mapped(rows, action="repair").column("city")[5].as_py() == "luverne"


def test_a_slip_in_a_column_that_nothing_tells() -> None:
    kinds = ["acute care"] * 30 + ["childrens"] * 9 + ["acuxe care"]
    random.Random(0).shuffle(kinds)
    assert suspects(batch(kind=kinds)) == {kinds.index("acuxe care"): ["kind"]}


def test_a_slip_in_one_word() -> None:
    sizes = [f"{at} patients" for at in range(39)] + ["39 patixnts"]
    found = mapped(batch(size=sizes), action="repair")
    assert found.column("size")[39].as_py() == "39 patients"


def test_an_unusual_shape() -> None:
    assert suspects(places({7: {"share": "5x%"}, 8: {"share": "58x"}})) == {7: ["share"], 8: ["share"]}


def test_numbers_are_no_slips_of_numbers() -> None:
    assert suspects(batch(code=["100"] * 50 + ["101"])) == {}


def test_what_one_value_has_in_common_is_a_rule_of_its_own() -> None:
    """Alaska's codes begin otherwise: twenty rows are not twenty errors."""
    states = ["al"] * 300 + ["ak"] * 12
    measures = [f"m{at % 6}" for at in range(312)]
    averages = [f"{state}_{measure}" for state, measure in zip(states, measures, strict=True)]
    rows = batch(state=states, measure=measures, average=averages)
    assert suspects(rows) == {}
    averages[7] = "al_m9"
    assert suspects(batch(state=states, measure=measures, average=averages)) == {7: ["average"]}


def test_names_that_are_alike_are_not_errors() -> None:
    chance = random.Random(3)
    names = [
        f"{chance.choice('bcdfghjklmnprstw')}{chance.choice('aeiou')}{chance.choice(['nes', 'nder', 'rton'])}"
        for _ in range(300)
    ]
    assert suspects(batch(name=names)) == {}


def test_flag_repair_null_and_drop() -> None:
    rows = places({5: {"city": "luxerne"}, 7: {"share": "57x"}})
    for action, city, share in (("flag", "luxerne", "57x"), ("repair", "luverne", "57x"), ("null", None, None)):
        found = mapped(rows, action=action)
        assert (found.column("city")[5].as_py(), found.column("share")[7].as_py()) == (city, share)
        assert found.column("cell_errors").to_pylist()[5:8] == [["city"], [], ["share"]]
    fold = CellErrors(action="drop")
    fitted = fold.finish(fold.observe(rows))
    assert isinstance(fitted, CellErrorsDropped)
    assert [at for at, one in enumerate(fitted.judge(rows).to_pylist()) if one] == [5, 7]


def test_new_rows_are_judged_by_what_train_rows_taught() -> None:
    fold = CellErrors(action="repair")
    fitted = fold.finish(fold.observe(places()))
    assert isinstance(fitted, CellErrorsMarked)
    new = batch(zip=["36301", "36301", "11111"], city=["dothxn", "dothan", "gotham"], share=["1%", "2%", None])
    assert fitted.map(new).column("city").to_pylist() == ["dothan", "dothan", "gotham"]


def test_a_request_may_lack_columns() -> None:
    fold = CellErrors(action="repair")
    fitted = fold.finish(fold.observe(places()))
    assert isinstance(fitted, CellErrorsMarked)
    found = fitted.map(batch(zip=["36301"], city=["dothxn"]))
    assert found.to_pydict()["city"] == ["dothan"]


def test_other_types_keep_theirs_when_repaired() -> None:
    zips = pa.array([35233, 36049] * 10, pa.int32())
    cities = pa.array(["birmingham", "luverne"] * 10)
    plants = pa.array([7, 8] * 9 + [7, 9], pa.int16())
    found = mapped(batch(zip=zips, city=cities, plant=plants), action="repair")
    assert found.column("plant").to_pylist()[-2:] == [7, 8]
    assert found.schema.field("plant").type == pa.int16()


def test_a_share_that_means_nothing_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"cell_errors: wrong 0.9. Wanted: 0 to 0.5"):
        CellErrors(wrong=0.9)


@pytest.mark.slow
def test_it_keeps_the_contract_on_a_table_with_rules() -> None:
    for action in ("flag", "repair", "null", "drop"):
        check_operator(CellErrors(action=action), places({5: {"city": "luxerne"}}))


@pytest.mark.shared
@pytest.mark.slow
def test_most_bad_cells_of_a_real_table_are_found(shared: Path) -> None:
    folder = shared / "dirty_table_hospital"
    with (folder / "hospital.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    with (folder / "hospital_clean.csv").open(encoding="utf-8") as lines:
        truth = {(int(one["tid"]), one["attribute"]): one["correct_val"] for one in csv.DictReader(lines)}
    table = batch(**{name: pa.array([row[name] or None for row in rows], pa.string()) for name in rows[0]})
    found = {(at, name) for at, names in suspects(table).items() for name in names}
    bad = {(at, name) for at, row in enumerate(rows) for name, cell in row.items() if cell != truth[at, name]}
    assert len(bad) == 509
    assert len(found & bad) >= 0.7 * len(bad)
    assert len(found & bad) >= 0.9 * len(found)
