"""One look says what columns hold, what rules would drop and what repeats; it equals what a run does, in any cut."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest

from tilth.core.errors import DataError
from tilth.core.events import Event
from tilth.refine.gopher_quality import GopherQuality
from tilth.report.inspection import Inspection
from tilth.run.inspect import inspect
from tilth.testing import ODD_TEXTS, batch

LONG = "The end of the day with a friend is what I have to be happy about, and that is a fine thing to say. " * 4
TEXTS = [
    *(f"{LONG} Number {number} of these stories that we have." for number in range(20)),
    *(f"too short {number}" for number in range(10)),
    *["the very same text"] * 5,
]


def write(path: Path, texts: list[str | None], **columns: list[object]) -> Path:
    rows = [{"text": text, **{name: values[at] for name, values in columns.items()}} for at, text in enumerate(texts)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Inspection:
    path = write(
        tmp_path_factory.mktemp("data") / "notes.jsonl",
        list(TEXTS),
        kind=["long"] * 20 + ["short"] * 15,
        n=list(range(35)),
    )
    return inspect(str(path), rules=["gopher_quality", "length"], workers=1)


def test_a_rule_drops_in_the_look_what_its_operator_drops(found: Inspection) -> None:
    verdicts = GopherQuality().judge(batch(text=TEXTS))
    (quality,) = (one for one in found.operators if one.name == "gopher_quality")
    assert quality.dropped == len(verdicts) - verdicts.null_count == 15
    few = next(rule for rule in found.rules if rule.name == "gopher_quality.too_few_words")
    assert (few.side, few.threshold, few.judged, few.dropped) == ("least", 50.0, 35, 15)
    assert few.histogram is not None
    assert few.histogram.beyond(few.histogram.edges.index(50.0), "least") == 15
    assert few.dropped_nearest[0].value == 4.0 and (few.kept_nearest[0].value or 0) > 50
    assert found.dropped == 15 and found.rows == 35


def test_columns_languages_and_statistics(found: Inspection) -> None:
    by_name = {column.name: column for column in found.columns}
    assert by_name["kind"].top == (("long", 20), ("short", 15)) and by_name["n"].high == 34
    assert found.languages["en"] >= 20
    words = next(one for one in found.statistics if one.name == "words")
    assert words.definition and sum(words.histogram.counts) == 35 and words.histogram.whole


def test_duplicates_are_counted_by_cluster(found: Inspection) -> None:
    exact, near = found.duplicates
    assert (exact.kind, exact.clusters, exact.rows, exact.dropped) == ("exact_duplicates", 1, 5, 4)
    assert near.kind == "near_duplicates" and near.dropped >= 4
    assert exact.largest[0].examples[0].text == "the very same text"


def test_the_look_is_json(found: Inspection) -> None:
    again = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert again["rules"][0]["name"] and again["duplicates"][0]["sizes"] == {"5": 1}


@pytest.mark.slow
def test_files_and_workers_do_not_matter(tmp_path: Path, found: Inspection) -> None:
    for at, part in enumerate((TEXTS[:7], TEXTS[7:20], TEXTS[20:])):
        write(tmp_path / f"part{at}.jsonl", list(part))
    looks = [
        inspect(str(tmp_path), rules=["gopher_quality", "length"], workers=workers, duplicates=False)
        for workers in (1, 2)
    ]
    assert looks[0] == looks[1] and looks[0].files == 3
    assert [rule.dropped for rule in looks[0].rules] == [rule.dropped for rule in found.rules]
    assert looks[0].overlap == found.overlap


@pytest.mark.slow
def test_a_recipe_is_looked_at_as_its_operators_see_the_rows(tmp_path: Path) -> None:
    write(tmp_path / "notes.jsonl", ["  spaced    out  ", "x", "cafÃ© au lait", *TEXTS[:3], TEXTS[0]])
    (tmp_path / "recipe.yaml").write_text(
        "name: notes\nacquire:\n  - files: {path: notes.jsonl, licence: own}\n"
        "refine:\n  - fix_text\n  - length: {min: 5}\n  - gopher_quality\n  - exact_duplicates\n  - rare_labels\n"
    )
    found = inspect(str(tmp_path / "recipe.yaml"), workers=1)
    assert [one.name for one in found.operators] == [
        "refine[0] fix_text",
        "refine[1] length",
        "refine[2] gopher_quality",
    ]
    assert found.operators[0].changed == 1
    assert {rule.operator for rule in found.rules} == {"refine[1] length", "refine[2] gopher_quality"}
    assert "café au lait" in [
        one.text for rule in found.rules if rule.name == "gopher_quality.too_few_words" for one in rule.dropped_nearest
    ]
    assert [(one.kind, one.dropped) for one in found.duplicates] == [("refine[3] exact_duplicates", 1)]
    assert found.notices == ("refine[4] rare_labels learns from train rows first: not tried here",)


def test_numbers_alone_have_columns_and_exact_duplicates(tmp_path: Path) -> None:
    path = tmp_path / "numbers.csv"
    path.write_text("a,b\n" + "".join(f"{number % 7},{number % 3}\n" for number in range(42)))
    found = inspect(str(path), workers=1)
    assert found.column is None and found.rules == () and found.statistics == ()
    assert [column.distinct for column in found.columns] == [7, 3]
    assert [(one.kind, one.dropped) for one in found.duplicates] == [("exact_duplicates", 21)]


@pytest.mark.slow
def test_odd_texts_and_nulls_come_through(tmp_path: Path) -> None:
    path = write(tmp_path / "odd.jsonl", [*ODD_TEXTS, None, *TEXTS])
    found = inspect(str(path), column="text", workers=1)
    assert found.rows == len(ODD_TEXTS) + 1 + len(TEXTS)
    assert next(column.nulls for column in found.columns if column.name == "text") == 1
    json.dumps(found.to_json(), allow_nan=False)


def test_what_cannot_be_read_is_counted_and_said(tmp_path: Path) -> None:
    path = tmp_path / "torn.jsonl"
    path.write_text('{"text": "a good line"}\n{"text": "torn\n{"text": "another good line"}\n')
    found = inspect(str(path), column="text", duplicates=False, workers=1)
    assert (found.rows, found.rejected) == (2, 1) and "torn.jsonl record 2" in found.reasons[0]


def test_events_tell_the_way(tmp_path: Path) -> None:
    said: list[Event] = []
    inspect(str(write(tmp_path / "a.jsonl", list(TEXTS))), rules=["length"], workers=1, listen=said.append)
    assert [event.kind for event in said] == [
        "stage_started", "shard_done", "stage_done", *["stage_started", "stage_done"] * 2,
    ]  # fmt: skip


def test_an_empty_file_and_no_file_are_errors(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(DataError, match="empty"):
        inspect(str(tmp_path / "empty.csv"))
    with pytest.raises(DataError, match="gone.csv"):
        inspect(str(tmp_path / "gone.csv"))


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "tmp").mkdir()
    path = write(tmp_path / "a.jsonl", list(TEXTS))
    inspect(str(path), rules=["length"], workers=1)
    assert list((tmp_path / "tmp").iterdir()) == [] and {one.name for one in tmp_path.iterdir()} == {"a.jsonl", "tmp"}


@pytest.mark.slow
def test_a_sample_says_about_the_same_shares(tmp_path: Path) -> None:
    texts: list[str | None] = [LONG if number % 4 else "short" for number in range(4000)]
    with gzip.open(tmp_path / "many.jsonl.gz", "wt") as file:
        file.writelines(json.dumps({"text": text}) + "\n" for text in texts)
    options = {"rules": ["gopher_quality"], "duplicates": False, "languages": False, "workers": 1}
    some = inspect(str(tmp_path), rows=400, **options)  # type: ignore[arg-type]
    assert some.rows == some.limit == 400 and 60 < some.dropped < 140
    assert replace(some, limit=None) == replace(inspect(str(tmp_path), rows=400, **options), limit=None)  # type: ignore[arg-type]
