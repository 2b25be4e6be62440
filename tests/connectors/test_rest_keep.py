"""What was pulled is kept whole: whatever a kill leaves behind is cut off, finished or redone."""

from __future__ import annotations

import json
from pathlib import Path

from tilth.connectors._rest.compact import NAMES
from tilth.connectors._rest.keep import Keep, Pull, named

KEY = ("id",)


def page(*ids: int, gone: bool = False) -> list[tuple[bytes, str | None, bool]]:
    records = [{"id": number} for number in ids]
    return [(json.dumps(record).encode(), named(record, KEY), gone) for record in records]


def lines(folder: Path) -> list[int]:
    return [json.loads(line)["id"] for path in sorted(folder.glob("*.jsonl")) for line in path.read_text().splitlines()]


def done(keep: Keep, *pages: list[tuple[bytes, str | None, bool]]) -> Pull:
    pull = keep.begin({"at": 0})
    for number, one in enumerate(pages):
        keep.land(pull, one, {"at": number + 1}, place=str(number), mark=None)
    keep.finish(pull, now=1.0)
    return pull


def test_a_page_that_was_written_and_not_noted_is_cut_off(tmp_path: Path):
    keep = Keep(tmp_path, "o")
    pull = keep.begin({"at": 0})
    keep.land(pull, page(1, 2), {"at": 1}, place="0", mark=None)
    folder = tmp_path / "pulls" / "_000001"
    with (folder / "000001.jsonl").open("ab") as file:
        file.write(b'{"id": 3}\n{"id"')
    (folder / "000002.jsonl").write_text('{"id": 9}\n')
    keep.close()
    keep = Keep(tmp_path, "o")
    pull = keep.at_work()
    assert pull is not None and pull.state == {"at": 1}
    # Asked again, the page is empty.
    keep.land(pull, [], None, place="1", mark=None)
    keep.finish(pull, now=1.0)
    assert lines(keep.folder_of(pull)) == [1, 2]
    keep.close()


def test_a_pull_that_was_noted_as_finished_gets_its_name(tmp_path: Path):
    keep = Keep(tmp_path, "o", key=KEY, growing=True)
    pull = done(keep, page(1, 2), page(2))
    keep.close()
    # As if killed between the database and the folder.
    keep.folder_of(pull).rename(tmp_path / "pulls" / "_000001")
    keep = Keep(tmp_path, "o", key=KEY, growing=True)
    assert lines(keep.folder_of(pull)) == [1, 2]
    assert keep.finished() is not None
    keep.close()


def test_names_that_were_not_written_are_written_when_it_is_opened(tmp_path: Path):
    keep = Keep(tmp_path, "o", key=KEY, growing=True)
    first, second = done(keep, page(1, 2, 3)), done(keep, page(2), page(3, gone=True))
    told = {number: keep.folder_of(pull) / NAMES for number, pull in ((1, first), (2, second))}
    wanted = {1: {"dead": ['"2"', '"3"'], "gone": []}, 2: {"dead": [], "gone": ['"3"']}}
    assert {number: json.loads(path.read_text()) for number, path in told.items()} == wanted
    for path in told.values():
        path.unlink()
    keep._db.execute("PRAGMA user_version = 1")
    keep.close()
    Keep(tmp_path, "o", key=KEY, growing=True).close()
    assert {number: json.loads(path.read_text()) for number, path in told.items()} == wanted


def test_a_pull_with_other_options_takes_the_old_ones_place_when_it_is_whole(tmp_path: Path):
    keep = Keep(tmp_path, "o", key=KEY, growing=True)
    done(keep, page(1))
    keep.begin({"at": 0})
    keep.close()
    keep = Keep(tmp_path, "other", key=KEY, growing=True)
    assert (keep.finished(), keep.at_work()) == (None, None)
    pull = keep.begin({"at": 0})
    keep.land(pull, page(7), None, place="0", mark=None)
    assert lines(tmp_path / "pulls" / "000001") == [1]
    keep.finish(pull, now=1.0)
    assert [entry.name for entry in (tmp_path / "pulls").iterdir()] == [f"{pull.number:06d}"]
    assert lines(keep.folder_of(pull)) == [7]
    keep.close()


def test_segments_end_when_they_are_full(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("tilth.connectors._rest.keep.SEGMENT", 20)
    keep = Keep(tmp_path, "o", key=KEY)
    pull = done(keep, page(1, 2), page(3), page(4, 5, 1), page(6))
    assert sorted(lines(keep.folder_of(pull))) == [1, 2, 3, 4, 5, 6]
    assert len(list(keep.folder_of(pull).glob("*.jsonl"))) > 1
    keep.close()
