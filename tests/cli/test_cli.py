"""The verbs: init, check, run, report, predict, doctor; JSON, quiet, exit codes, Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tilth
from tilth.cli import main

from .conftest import RECIPE, rows

COMMAND = [sys.executable, "-c", "from tilth.cli import main; main()"]


class Said:
    """What a command said, and its exit code."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]):
    def command(*args: str) -> Said:
        with pytest.raises(SystemExit) as ended:
            main(list(args))
        said = capsys.readouterr()
        return Said(int(ended.value.code or 0), said.out, said.err)

    return command


def test_version_and_help(run) -> None:
    assert run("--version").out.strip() == f"tilth {tilth.__version__}"
    help_text = run("--help").out
    for verb in ("init", "check", "run", "report", "predict", "serve", "doctor", "data"):
        assert verb in help_text


def test_a_wrong_option_is_one_line_and_exit_code_2(run) -> None:
    said = run("run", "recipe.yaml", "--bogus")
    assert said.code == 2
    assert "--bogus" in said.err
    assert len(said.err.strip().splitlines()) == 1


def test_init_writes_a_recipe_that_passes_the_check_and_runs(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tickets.csv").write_text(
        "ticket_id,body,intent\n"
        + "".join(f"T{n},please help me with matter {n} of {'ab'[n % 2]},{'ab'[n % 2]}\n" for n in range(80))
    )
    said = run("init", "tickets.csv")
    assert said.code == 0, said.err
    text = (tmp_path / "recipe.yaml").read_text()
    for part in ("path: tickets.csv", "key: ticket_id", "text: body", "label: intent", "text_classification"):
        assert part in text
    assert run("check", "recipe.yaml").code == 0
    refused = run("init", "tickets.csv")
    assert refused.code == 1
    assert "--force" in refused.err


def test_init_without_data_writes_a_starter(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("init").code == 0
    assert run("check", "recipe.yaml").code == 0


def test_check_shows_every_error(run, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("acquire: [{files: {pth: a.csv}}]\nrefin: []\nrefine: [lenght]\n")
    said = run("check", str(tmp_path / "r.yaml"))
    assert said.code == 2
    for word in ("pth", "refin", "lenght"):
        assert word in said.err
    as_json = run("check", str(tmp_path / "r.yaml"), "--json")
    assert as_json.code == 2
    assert len(json.loads(as_json.out)["errors"]) >= 3


def test_check_filled_reads_back_as_the_same_recipe(run, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(RECIPE + "refine: [fix_text, {length: {min: 3}}]\n")
    filled = run("check", str(tmp_path / "r.yaml"), "--filled").out
    (tmp_path / "filled.yaml").write_text(filled)
    assert run("check", str(tmp_path / "filled.yaml"), "--filled").out == filled


def test_run_prints_the_last_screen_and_json_prints_events(run, project: Path) -> None:
    said = run("run", str(project / "recipe.yaml"))
    assert said.code == 0
    assert "rows in" in said.out
    assert "report" in said.out
    lines = [json.loads(line) for line in run("run", str(project / "recipe.yaml"), "--json").out.splitlines()]
    assert lines[0]["kind"] == "run_started"
    assert lines[-1]["kind"] == "summary"
    assert lines[-1]["accounts"]["rows_in"] == 60
    quiet = run("run", str(project / "recipe.yaml"), "-q")
    assert quiet.out == ""


def test_report_shows_the_last_run(run, project: Path) -> None:
    said = run("report", str(project))
    assert said.code == 0
    page = Path(said.out.strip().splitlines()[-1].split()[-1])
    assert page.name == "report.html"
    assert page.is_file()
    assert json.loads(run("report", str(project), "--json").out)["name"] == "bad"
    assert run("report", str(project), "--run", "nope").code == 1


def test_predict_from_arguments_a_file_and_by_name(
    run, project: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = run("predict", str(model), "message about a thing", "message about b thing")
    answers = [json.loads(line) for line in said.out.splitlines()]
    assert [answer["status"] for answer in answers] == ["ok", "ok"]
    (tmp_path / "rows.jsonl").write_text('{"text": "message about a thing"}\n{"text": "message about b thing"}\n')
    assert run("predict", str(model), "--file", str(tmp_path / "rows.jsonl")).out == said.out
    monkeypatch.chdir(project)
    assert run("predict", "bad", "message about a thing", "message about b thing").out == said.out
    embedded = tilth.load("bad").predict(["message about a thing", "message about b thing"])
    assert embedded == answers


def test_doctor_says_what_is_well(run, project: Path) -> None:
    said = run("doctor", str(project / "recipe.yaml"))
    assert "recipe.yaml: right" in said.out
    assert "acquire[0] files: 1 shards" in said.out
    broken = run("doctor", str(project / "missing.yaml"))
    assert broken.code == 3


@pytest.mark.slow
def test_ctrl_c_finishes_the_shard_and_says_how_to_go_on(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text(rows(400))
    recipe = RECIPE.replace("epochs: 1", "epochs: 400, patience: 400")
    (tmp_path / "recipe.yaml").write_text(recipe)
    process = subprocess.Popen(
        [*COMMAND, "run", "recipe.yaml", "--json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["kind"] == "trained":
            break
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "To go on later: tilth run recipe.yaml" in err
    assert json.loads(out.splitlines()[-1])["type"] == "Stopped"
    began = time.monotonic()
    (tmp_path / "recipe.yaml").write_text(recipe)
    again = subprocess.Popen(
        [*COMMAND, "run", "recipe.yaml", "--json"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert again.stdout is not None
    first = next(found for line in again.stdout if (found := json.loads(line))["kind"] == "trained")
    again.kill()
    again.wait()
    again.stdout.close()
    assert first["step"] > 1, "training goes on where it stopped"
    assert time.monotonic() - began < 60


def test_data_lists_versions_and_tells_two_apart(run, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("name: tickets\nacquire: [files: {path: a.csv, key: id}]\n")
    (tmp_path / "a.csv").write_text("id,text\n" + "".join(f"{n},text {n}\n" for n in range(50)))
    assert run("run", str(recipe), "-q").code == 0
    changed = "".join(f"{n},text {n + (n in (48, 49)) * 100}\n" for n in range(1, 52))
    (tmp_path / "a.csv").write_text("id,text\n" + changed)
    assert run("run", str(recipe), "-q").code == 0
    where = ("--project", str(tmp_path))
    assert {line.split()[0] for line in run("data", "log", *where).out.splitlines()} == {"tickets", "tickets.acquired"}
    listed = [json.loads(line) for line in run("data", "log", "tickets", *where, "--json").out.splitlines()]
    assert [one["rows"] for one in listed] == [51, 50]
    *lines, whole = map(json.loads, run("data", "diff", "tickets", *where, "--json").out.splitlines())
    # 0 went, 50 and 51 came, 48 and 49 say something else, which no other row says.
    assert (whole["added"], whole["removed"], whole["changed"]) == (2, 1, 2)
    assert whole["columns"]["text"] == 2
    assert sorted(line["what"] for line in lines) == ["added", "added", "changed", "changed", "removed"]
    told = run("data", "diff", "tickets", *where).out
    assert "added             2" in told and "text                      2 rows" in told
    first = str(listed[-1]["version"])
    assert "has the rows of version " + first in run("data", "checkout", "tickets", first, *where).out
    assert run("data", "log", "tickets", *where).out.split()[3] == "50"
    assert run("data", "diff", "tickets", first, *where).out.count("          0") == 3
    assert "removed 0 files" in run("data", "gc", *where).out
    # What a run says is its own version, whatever was brought back meanwhile.
    assert run("run", str(recipe), "-q").code == 0
    unknown = run("data", "log", "tikets", *where)
    assert (unknown.code, "tickets" in unknown.err) == (1, True)
