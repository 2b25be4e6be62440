"""A run's events: numbered segments that never change, whole for any reader, going on after a restart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tilth.core.events import Noticed, ShardDone, StageDone
from tilth.run.log import SEGMENT, EventLog, read


def notice(number: int) -> Noticed:
    return Noticed(stage="acquire", what=f"notice {number}")


def segments(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_events_are_read_in_order_with_their_time(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events")
    log(notice(1))
    log(StageDone(stage="acquire", seconds=1.5, counts={"rows": 3}))
    log.flush()
    first, second = read(tmp_path / "events")
    assert {key: first[key] for key in first if key != "at"} == notice(1).to_json()
    assert second["counts"] == {"rows": 3}
    assert 1.7e9 < first["at"] <= second["at"]


def test_a_segment_is_written_when_it_is_full(tmp_path: Path) -> None:
    log = EventLog(tmp_path)
    for number in range(SEGMENT - 1):
        log(notice(number))
    assert segments(tmp_path) == [], "a reader sees whole segments only"
    log(notice(SEGMENT))
    assert segments(tmp_path) == ["000001.jsonl"]
    for number in range(SEGMENT + 5):
        log(notice(number))
    log.flush()
    log.flush()
    assert segments(tmp_path) == ["000001.jsonl", "000002.jsonl", "000003.jsonl"]
    assert len(list(read(tmp_path))) == 2 * SEGMENT + 5


def test_numbering_goes_on_after_a_restart_and_segments_never_change(tmp_path: Path) -> None:
    log = EventLog(tmp_path)
    log(notice(1))
    log.flush()
    before = (tmp_path / "000001.jsonl").read_bytes()
    (tmp_path / ".000002.77.tmp").write_text("half a dra")
    (tmp_path / "notes.jsonl.txt").write_text("not ours")
    again = EventLog(tmp_path)
    again(notice(2))
    again.flush()
    again(notice(3))
    again.flush()
    assert (tmp_path / "000001.jsonl").read_bytes() == before
    assert [event["what"] for event in read(tmp_path)] == ["notice 1", "notice 2", "notice 3"]


def test_two_writers_of_one_folder_overwrite_nothing(tmp_path: Path) -> None:
    one, other = EventLog(tmp_path), EventLog(tmp_path)
    for number, log in enumerate((one, other, one, other)):
        log(notice(number))
        log.flush()
    assert [event["what"] for event in read(tmp_path)] == [f"notice {number}" for number in range(4)]


@pytest.mark.parametrize(
    "what",
    ["line\nend", "\u2028 and \u2029", "\x85", "\x0b\x0c\x1c\x1d\x1e", "\r\n", "中文 👩‍🚀", '"quoted"',
     b"caf\xe9.csv".decode("utf-8", "surrogateescape")],
)  # fmt: skip
def test_any_text_is_one_event(tmp_path: Path, what: str) -> None:
    log = EventLog(tmp_path)
    log(Noticed(stage="acquire", what=what))
    log(notice(2))
    log.flush()
    assert [event["what"] for event in read(tmp_path)] == [what, "notice 2"]
    raw = (tmp_path / "000001.jsonl").read_bytes()
    assert [json.loads(line)["what"] for line in raw.rstrip(b"\n").split(b"\n")] == [what, "notice 2"]


def test_text_is_readable_for_people(tmp_path: Path) -> None:
    log = EventLog(tmp_path)
    log(ShardDone(stage="acquire", shard="工单.csv"))
    log.flush()
    assert "工单.csv" in (tmp_path / "000001.jsonl").read_text(encoding="utf-8")


def test_a_full_disk_loses_no_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = EventLog(tmp_path)
    log(notice(1))

    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(OSError, match="No space left"):
            log.flush()
    log(notice(2))
    log.flush()
    assert [event["what"] for event in read(tmp_path)] == ["notice 1", "notice 2"]


def test_segments_beyond_a_million_are_read_in_order(tmp_path: Path) -> None:
    for number in (2, 999_999, 1_000_000):
        (tmp_path / f"{number:06d}.jsonl").write_text(json.dumps({"n": number}) + "\n")
    assert [event["n"] for event in read(tmp_path)] == [2, 999_999, 1_000_000]
    log = EventLog(tmp_path)
    log(notice(1))
    log.flush()
    assert "1000001.jsonl" in segments(tmp_path)


def test_a_folder_without_events_is_empty(tmp_path: Path) -> None:
    assert list(read(tmp_path / "nowhere")) == []
