"""`tilth inspect` needs no project: it prints a summary, writes a page, or gives JSON lines; wrong input says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tilth.cli import _app, main


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(_app, "VERBS", tuple(dict.fromkeys((*_app.VERBS, "inspect"))))
    monkeypatch.chdir(tmp_path)
    rows = [{"text": f"a note about thing {number % 12}", "kind": "ab"[number % 2]} for number in range(24)]
    (tmp_path / "notes.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def run(*args: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["inspect", *args])
    return int(ended.value.code or 0)


@pytest.mark.slow
def test_it_says_what_rules_and_duplicates_would_drop_and_writes_a_page(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("notes.jsonl", "--rules", "gopher_quality,length", "--workers", "1") == 0
    said = capsys.readouterr().out
    assert "24 rows of 1 file, text column text" in said
    assert any(line.split() == ["gopher_quality.too_few_words", "24", "100%"] for line in said.splitlines())
    assert any(line.split()[:3] == ["exact", "duplicates", "12"] for line in said.splitlines())
    assert "inspect.html" in said and "gopher_quality.too_few_words" in (here / "inspect.html").read_text()


def test_json_is_the_last_line_and_writes_no_page(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("notes.jsonl", "--json", "--no-duplicates", "--no-languages", "--rows", "10", "--workers", "1") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[0]["kind"] == "stage_started" and lines[-1]["kind"] == "inspection"
    assert lines[-1]["rows"] == 10 and lines[-1]["duplicates"] == [] and lines[-1]["rules"]
    assert not (here / "inspect.html").exists()


@pytest.mark.slow
def test_out_says_where_the_page_goes(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("notes.jsonl", "--rules", "length", "--json", "--out", "pages/look.html", "--workers", "1") == 0
    assert (here / "pages" / "look.html").is_file()
    assert run("notes.jsonl", "--rules", "length", "--quiet", "--workers", "1") == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith('{"kind": "inspection"')


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("gone.csv",), 1, 'nothing is called "gone.csv"'),
        (("notes.jsonl", "--rules", "gopher_qualty"), 2, 'Did you mean "gopher_quality"?'),
        (("notes.jsonl", "--column", "txt"), 1, 'no column "txt". Wanted: one of text, kind. Did you mean "text"?'),
        (("notes.jsonl", "--rows", "0"), 2, "--rows"),
        (("missing.yaml",), 2, "no recipe missing.yaml"),
        ((), 2, "Missing argument"),
    ],
)
def test_wrong_input_ends_with_a_word_and_a_code(
    args: tuple[str, ...], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*args) == code
    assert said in capsys.readouterr().err
