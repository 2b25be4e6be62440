"""Tell that a workbook's sheet is read with its types, and that a broken workbook is one clear error."""

from __future__ import annotations

import datetime as dt
import importlib.util
import random
import re
import zipfile
from pathlib import Path

import openpyxl
import pytest

from tilth.connectors._files import excel as _excel
from tilth.connectors._files import excel_bounds as _excel_bounds
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
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "python_calamine" else real(name))
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
    monkeypatch.setattr(_excel_bounds, "MOST_UNPACKED", 1 << 20)
    with pytest.raises(DataError, match=r"the workbook unpacks to 2,\d{3},\d{3} bytes.*Save the sheet as CSV"):
        Files(path=str(path)).plan(None)


def test_a_stray_cell_far_away_is_refused_before_the_rectangle_is_filled(tmp_path: Path):
    made = openpyxl.Workbook()
    made.active.append(["a"])
    made.active["XFD1048576"] = 1
    made.save(tmp_path / "a.xlsx")
    with pytest.raises(DataError, match=r"spans 1,048,576 rows by 16,384 columns.*Delete the stray cells"):
        Files(path=str(tmp_path / "a.xlsx")).plan(None)


ODS = """<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>
 <table:table table:name="one">{rows}</table:table></office:spreadsheet>
 </office:body></office:document-content>"""
CELL = '<table:table-cell office:value-type="float" office:value="{0}"{1}/>'


def ods(path: Path, rows: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet", zipfile.ZIP_STORED)
        packed.writestr("content.xml", ODS.format(rows=rows))
        packed.writestr("META-INF/manifest.xml", "<manifest/>")
    return path


def test_an_open_document_sheet_is_read(tmp_path: Path, read_all):
    header = "".join(
        f'<table:table-cell office:value-type="string"><text:p>{name}</text:p></table:table-cell>' for name in "ab"
    )
    row = f"<table:table-row>{CELL.format(1, '')}{CELL.format(2.5, '')}</table:table-row>"
    path = ods(tmp_path / "a.ods", f"<table:table-row>{header}</table:table-row>{row}")
    assert read_all(Files(path=str(path))).rows == [{"a": 1, "b": 2.5}]


def test_a_sheet_that_repeats_itself_without_end_takes_no_more_than_its_share(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(_excel, "MEMORY_MB", 600)
    cells = CELL.format(1, ' table:number-columns-repeated="1000"')
    path = ods(tmp_path / "a.ods", f'<table:table-row table:number-rows-repeated="60000">{cells}</table:table-row>')
    with pytest.raises(DataError, match=r"takes too much memory to read"):
        Files(path=str(path)).plan(None)


def test_one_long_text_in_many_cells_takes_no_more_than_its_share(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(_excel, "MEMORY_MB", 600)
    path = book(tmp_path / "a.xlsx", ["a"], *(["text"] for _ in range(3000)))
    with zipfile.ZipFile(path) as packed:
        parts = {name: packed.read(name).decode() for name in packed.namelist()}
    # As Excel writes it: cells name a text that is written once.
    parts["xl/worksheets/sheet1.xml"] = re.sub(
        r't="inlineStr"><is><t>text</t></is>', 't="s"><v>0</v>', parts["xl/worksheets/sheet1.xml"]
    )
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    parts["xl/sharedStrings.xml"] = f'<sst xmlns="{main}"><si><t>{"x" * 1_000_000}</t></si></sst>'
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
    parts["xl/_rels/workbook.xml.rels"] = parts["xl/_rels/workbook.xml.rels"].replace(
        "</Relationships>", f'<Relationship Id="rId99" Type="{kind}" Target="sharedStrings.xml"/></Relationships>'
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, raw in parts.items():
            packed.writestr(name, raw)
    with pytest.raises(DataError, match=r"takes too much memory to read"):
        Files(path=str(path)).plan(None)


def test_a_reader_that_takes_too_long_is_stopped(tmp_path: Path, monkeypatch):
    path = book(tmp_path / "a.xlsx", ["a"], [1])
    monkeypatch.setattr(_excel, "SECONDS", 0)
    with pytest.raises(DataError, match="takes too long to read"):
        Files(path=str(path)).plan(None)


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
