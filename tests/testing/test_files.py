"""Every format has a small whole file, which reads without a reject."""

from __future__ import annotations

from pathlib import Path

import pytest

from tilth.connectors._files.formats import FORMATS, by_ending
from tilth.connectors.files import Files
from tilth.testing import small_files
from tilth.testing.files import workbook


def test_every_format_has_one() -> None:
    assert {by_ending(name) for name in small_files()} - {None} == set(FORMATS)


def test_they_are_the_same_every_time() -> None:
    assert small_files() == small_files()


@pytest.mark.parametrize("name", small_files())
def test_a_small_file_is_whole(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(small_files()[name])
    files = Files(path=str(tmp_path / name))
    found = [record for shard in files.plan(None)[0] for record in files.read(shard)]
    assert sum(record.batch.num_rows for record in found) > 0
    assert not [reject for record in found for reject in record.rejects]


def test_a_workbook_holds_the_rows_it_is_given(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(workbook(b"<row><c t='str'><v>x</v></c><c><v>3</v></c></row>"))
    files = Files(path=str(tmp_path / "a.xlsx"))
    (record,) = files.read(files.plan(None)[0][0])
    assert record.batch.to_pylist() == [{"text": "x", "n": 3}]
