"""`tilth runs`: a list, one run, two side by side, as words and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from tilth.cli import runs
from tilth.core.errors import DataError
from tilth.tables.project import Project


def tilth_runs(*arguments: str) -> Result:
    app = typer.Typer()
    app.command(name="runs")(runs.runs)
    result = CliRunner().invoke(app, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.mark.slow
def test_runs_are_listed_shown_and_compared(project: Path) -> None:
    *_, run = [
        name for name in Project(str(project)).runs() if (Project(str(project)).run(name) / "summary.json").is_file()
    ]
    listed = tilth_runs("--project", str(project), "--status", "done").output
    assert run in listed and "bad" in listed and "of 60 rows" in listed and "data 0 model 1" in listed
    told = tilth_runs("--project", str(project), "--name", "bad", "--json").output.splitlines()
    (line,) = [line for line in map(json.loads, told) if line["run"] == run]
    assert line["run"] == run and line["figures"][0]["value"] is not None
    assert "report.html" in tilth_runs(run, "--project", str(project)).output
    assert f"{run} → {run}" in tilth_runs(run, run, "--project", str(project)).output
    assert json.loads(tilth_runs(run, run, "--project", str(project), "--json").output)["differences"] == {}
    assert "no run" in tilth_runs("--project", str(project), "--name", "other").output
    assert run in tilth_runs("--project", str(project), "--rebuild").output


def test_a_folder_without_a_project_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no project"):
        tilth_runs("--project", str(tmp_path))


def test_a_password_on_the_command_line_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a password stands on the command line") as caught:
        tilth_runs("--project", str(tmp_path), "--catalogue", "mysql://ann:hunter2-x@db/team")
    assert "hunter2" not in str(caught.value)


def test_three_runs_are_too_many(tmp_path: Path) -> None:
    (tmp_path / ".tilth").mkdir()
    with pytest.raises(DataError, match="two to compare"):
        tilth_runs("a", "b", "c", "--project", str(tmp_path))
