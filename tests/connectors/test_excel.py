"""Tell that a workbook's sheet is read with its types, and that a broken workbook is one clear error."""

from __future__ import annotations

import builtins
import datetime as dt
import random
import zipfile
from pathlib import Path

import openpyxl
import pytest

from tilth.connectors import _excel
from tilth.connectors.files import Files
from tilth.core.errors import DataError, MissingExtra


def book(path: Path, *rows: list, more: tuple[str, ...] = ()) -> Path:
    made = openpyxl.Workbook()
    made.active.title = "Tickets"
    for row in rows:
        made.active.append(row)
    for name in more:
        made.create_sheet(name).append(["x", name])
    made.save(path)
    return path


def test_cells_keep_their_types(tmp_path: Path, read_all):
    when = dt.datetime(2024, 1, 2, 3, 4, 5)
    header = ["ticket_id", "n", "x", "when", "ok", "text"]
    path = book(tmp_path / "a.xlsx", header, ["007", 1, 1.5, when, True, "a 界"], [8, 2, 2, None, False, None])
    found = read_all(Files(path=str(path)))
    utc = when.replace(tzinfo=dt.UTC)
    assert found.rows == [
        {"ticket_id": "007", "n": 1, "x": 1.5, "when": utc, "ok": True, "text": "a 界"},
        {"ticket_id": "8", "n": 2, "x": 2.0, "when": None, "ok": False, "text": None},
    ]


def test_a_sheet_is_chosen_by_name_or_number_and_the_others_are_said(tmp_path: Path, read_all):
    path = book(tmp_path / "a.xlsx", ["a"], [1], more=("B", "C"))
    assert read_all(Files(path=str(path))).notes == ['a.xlsx: sheet "Tickets" is read, not: B, C']
    assert read_all(Files(path=str(path), sheet="B", header=False)).rows == [{"column_1": "x", "column_2": "B"}]
    assert read_all(Files(path=str(path), sheet=2)).schema.names == ["x", "C"]
    with pytest.raises(DataError, match=r'no sheet "Tickts".*Did you mean "Tickets"'):
        Files(path=str(path), sheet="Tickts").plan(None)


def test_blank_rows_are_no_rows_but_count(tmp_path: Path, read_all):
    path = book(tmp_path / "a.xlsx", ["a", "b"], [1, "x"], [], [2, "y"])
    assert read_all(Files(path=str(path))).names == ["a.xlsx:0", "a.xlsx:2"]


def test_a_late_value_that_does_not_fit_is_rejected(tmp_path: Path, read_all):
    path = book(tmp_path / "a.xlsx", ["n"], *([number] for number in range(1000)), ["oops"], [7])
    found = read_all(Files(path=str(path)))
    assert found.rows[-1] == {"n": 7}
    assert list(found.reasons()) == [1000]


def test_names_are_given_or_mended(tmp_path: Path, read_all):
    path = book(tmp_path / "a.xlsx", ["a", "a", None], [1, 2, 3])
    assert read_all(Files(path=str(path))).rows == [{"a": 1, "a_2": 2, "column_3": 3}]
    assert read_all(Files(path=str(path), names=("x", "y", "z"))).rows == [{"x": 1, "y": 2, "z": 3}]
    with pytest.raises(DataError, match="the sheet has 3"):
        Files(path=str(path), names=("x",)).plan(None)


def test_a_sheet_without_rows_keeps_its_columns(tmp_path: Path, read_all):
    found = read_all(Files(path=str(book(tmp_path / "a.xlsx", ["a", "b"]))))
    assert (found.rows, found.schema.names, found.notes) == ([], ["a", "b"], ["a.xlsx: holds no row"])


def test_the_missing_package_is_named_with_the_line_that_installs_it(tmp_path: Path, monkeypatch):
    path = book(tmp_path / "a.xlsx", ["a"], [1])
    real = builtins.__import__

    def without(name, *rest):
        if name == "python_calamine":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r'pip install "tilth\[excel\]"'):
        Files(path=str(path)).plan(None)


def test_a_workbook_cut_short_is_one_clear_error(tmp_path: Path):
    path = book(tmp_path / "a.xlsx", ["a"], [1])
    raw = path.read_bytes()
    for share in (0.3, 0.9, 0.99):
        path.write_bytes(raw[: int(len(raw) * share)])
        with pytest.raises(DataError, match="the workbook is cut short or broken"):
            Files(path=str(path)).plan(None)


def test_a_workbook_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch):
    path = book(tmp_path / "a.xlsx", ["a"], [1])
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/padding.xml", b"0" * (2 << 20))
    monkeypatch.setattr(_excel, "MOST_UNPACKED", 1 << 20)
    with pytest.raises(DataError, match=r"the workbook unpacks to 2,\d{3},\d{3} bytes.*Save the sheet as CSV"):
        Files(path=str(path)).plan(None)


def test_a_stray_cell_far_away_is_refused_before_the_rectangle_is_filled(tmp_path: Path):
    made = openpyxl.Workbook()
    made.active.append(["a"])
    made.active["XFD1048576"] = 1
    made.save(tmp_path / "a.xlsx")
    with pytest.raises(DataError, match=r"spans 1,048,576 rows by 16,384 columns.*Delete the stray cells"):
        Files(path=str(tmp_path / "a.xlsx")).plan(None)


@pytest.mark.storm
def test_flipped_bytes_never_crash(tmp_path: Path, read_all):
    raw = book(tmp_path / "a.xlsx", ["a", "b"], *([number, "text"] for number in range(50))).read_bytes()
    for seed in range(40):
        generator = random.Random(seed)
        broken = bytearray(raw)
        for _ in range(generator.randrange(1, 20)):
            broken[generator.randrange(len(broken))] = generator.randrange(256)
        (tmp_path / "a.xlsx").write_bytes(broken)
        try:
            read_all(Files(path=str(tmp_path / "a.xlsx")))
        except DataError:
            continue
