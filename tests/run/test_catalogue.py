"""The catalogue: the same answers from SQLite, PostgreSQL and MariaDB; rebuilt from the truth; never in a run's way."""

import dataclasses
import json
import multiprocessing
import os
import socket
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.servers import mariadb, postgres

from tilth.core.errors import DataError, RecipeError, Transient
from tilth.core.events import RunFailed
from tilth.report.summary import Evaluation, ExampleLine, StepLine, Summary
from tilth.run import catalogue_db, catalogue_schema
from tilth.run.catalogue import Catalogue
from tilth.run.catalogue_lines import Figure
from tilth.run.catalogue_rows import identity
from tilth.run.log import EventLog
from tilth.tables.project import Project

PRIVATE = "a row of the data: ann@example.org"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(str(tmp_path / "shop"))


@pytest.fixture(params=["sqlite", "postgresql", "mysql"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty database of each kind; with a password, it comes by the environment."""
    if request.param == "sqlite":
        return str(tmp_path / "catalog.db")
    server = postgres if request.param == "postgresql" else mariadb
    monkeypatch.setenv("TEAM_CATALOGUE", server.database(server.start()))
    return "env:TEAM_CATALOGUE"


def summary(project: Project, value: float = 0.9, **changed) -> Summary:
    """A run that ended well, its files written."""
    run = project.new_run()
    headline = ({"name": "macro_f1", "value": value, "low": value - 0.1, "high": value + 0.1, "level": 0.95},)
    step = StepLine(
        place="refine[0]", operator="length", kept=8, dropped=2, rows_in=10,
        examples=(ExampleLine(id="a", before=PRIVATE),),
    )  # fmt: skip
    given = {
        "name": "support", "started": f"2024-05-01T12:00:{len(project.runs()):02d}+00:00", "seconds": 2.5,
        "accounts": {"rows_in": 10, "kept": 8, "dropped": 2, "failed": 0}, "versions": {"data": 3, "model": "1"},
        "facts": {"data fingerprint": "f" * 32, "seed": 0}, "steps": (step,), "task": "text_classification",
        "evaluation": Evaluation(headline=headline, errors=({"text": PRIVATE},)), "report": "/r.html",
    }  # fmt: skip
    found = Summary(run=run, **{**given, **changed})
    (project.run(run) / "summary.json").write_text(json.dumps(found.to_json()))
    return found


def test_a_run_is_found_again_with_its_figures(url: str, project: Project) -> None:
    index = Catalogue(url)
    index.record(project, summary(project))
    index.record(project, summary(project, 0.8, name="returns", sample=100, evaluation=None, versions={}))
    newest, first = index.runs()
    assert (newest.name, newest.sample, newest.figures, newest.model_version) == ("returns", 100, (), None)
    assert (first.name, first.rows_in, first.kept, first.data_version, first.model_version) == ("support", 10, 8, 3, 1)
    assert first.figures == (Figure(name="macro_f1", value=0.9, low=0.8, high=1.0, confidence=0.95),)
    assert [line.name for line in index.runs(name="support")] == ["support"]
    assert index.runs(status="failed") == [] == index.runs(project="another")
    assert len(index.runs(limit=1)) == 1
    assert [row["version"] for row in index.data_sets()] == [3]


def test_recording_a_run_again_replaces_it(url: str, project: Project) -> None:
    index = Catalogue(url)
    one = summary(project)
    index.record(project, one)
    index.record(project, dataclasses.replace(one, seconds=9.0))
    assert [line.seconds for line in index.runs()] == [9.0]
    assert len(index.runs()[0].figures) == 1


def test_two_runs_are_put_side_by_side(url: str, project: Project) -> None:
    index = Catalogue(url)
    one, other = summary(project), summary(project, 0.95, facts={"seed": 1}, versions={"data": 4, "model": 2})
    for each in (one, other):
        index.record(project, each)
    found = index.compare(one.run, other.run)
    ((name, left, right, change),) = found.figures
    assert name == "macro_f1" and left.value == 0.9 and right.value == 0.95 and change == pytest.approx(0.05)
    assert found.differences["data_version"] == (3, 4) and found.differences["seed"] == (0, 1)
    assert "kept" not in found.differences and "step 0" not in found.differences


def test_no_row_of_the_data_is_in_it(url: str, project: Project) -> None:
    index = Catalogue(url)
    index.record(project, summary(project))
    dump = index._do(
        lambda rows: repr([rows.read(f"SELECT * FROM {table}") for table in ("tilth_run", "tilth_figure")])
    )
    assert "macro_f1" in dump and PRIVATE not in dump


def test_it_is_rebuilt_from_what_lies_in_the_project(url: str, project: Project) -> None:
    index = Catalogue(url)
    runs = [summary(project).run for _ in range(3)]
    stopped, failed = project.new_run(), project.new_run()
    (project.run(failed) / "recipe.yaml").write_text("# As it ran\nname: support\n")
    log = EventLog(project.run(failed) / "events")
    log(RunFailed(run=failed, error="no space left", resume="tilth run"))
    log.flush()
    (project.run(runs[0]) / "summary.json").write_text("{broken")
    assert index.rebuild(project) == 5
    said = {line.run: (line.status, line.name) for line in index.runs()}
    assert said == {
        runs[0]: ("unfinished", None), runs[1]: ("done", "support"), runs[2]: ("done", "support"),
        stopped: ("unfinished", None), failed: ("failed", "support"),
    }  # fmt: skip
    for path in project.run(runs[1]).iterdir():
        path.unlink()
    project.run(runs[1]).rmdir()
    assert index.refresh(project) == 4 and runs[1] not in {line.run for line in index.runs()}


def test_another_projects_runs_stay(url: str, project: Project, tmp_path: Path) -> None:
    index = Catalogue(url)
    other = Project(str(tmp_path / "elsewhere" / "shop"))
    index.record(other, summary(other))
    index.record(project, summary(project))
    index.rebuild(project)
    assert {line.project for line in index.runs()} == {identity(project), identity(other)}
    assert identity(project) != identity(other) and identity(project).startswith("shop-")
    assert [line.project for line in index.runs(project=identity(other))] == [identity(other)]


def test_a_run_is_named_by_the_beginning_of_its_id(url: str, project: Project) -> None:
    index = Catalogue(url)
    one, other = summary(project).run, summary(project).run
    index.rebuild(project)
    assert index.run(one).run == one
    with pytest.raises(DataError, match="several runs begin with"):
        index.run(one[:8])
    with pytest.raises(DataError, match="no run"):
        index.run("2001")
    with pytest.raises(DataError, match="no run %"):
        index.run("%")
    assert index.run(other[:-1] if other[:-1] != one[:-1] else other).run == other


def _write(url: str, root: str, count: int) -> None:
    project = Project(root)
    for _ in range(count):
        Catalogue(url).record(project, summary(project))


@pytest.mark.slow
def test_many_processes_write_at_once_from_the_very_first(url: str, project: Project) -> None:
    context = multiprocessing.get_context("forkserver")
    project.salt  # noqa: B018 (made before, as a run does)
    if url.startswith("env:"):
        # The processes were forked from one that began before the variable was set.
        url = os.environ[url.removeprefix("env:")]
    writers = [context.Process(target=_write, args=(url, project.root, 4)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    assert len({line.run for line in Catalogue(url).runs()}) == 12


def test_details_that_are_long_still_fit(url: str, project: Project) -> None:
    index = Catalogue(url)
    step = StepLine(place="refine[0]", operator="length", options="x" * 500)
    index.record(project, summary(project, steps=(step,) * 1000, facts={"long": "y" * 80_000}))
    assert index.run(index.runs()[0].run).name == "support"


def test_a_catalogue_of_a_newer_tilth_is_not_touched(url: str, project: Project) -> None:
    Catalogue(url).record(project, summary(project))
    Catalogue(url)._do(lambda rows: rows.run("INSERT INTO tilth_schema (version) VALUES (?)", [99]))
    with pytest.raises(DataError, match="Upgrade Tilth"):
        Catalogue(url).runs()


def test_an_older_catalogue_is_brought_up_to_date(url: str, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as older:
        older.setattr(catalogue_schema, "MIGRATIONS", catalogue_schema.MIGRATIONS[:1])
        Catalogue(url).runs()
    index = Catalogue(url)
    index.record(project, summary(project))
    assert len(index.runs()) == 1 and len(index.data_sets()) == 1


def test_a_file_that_is_broken_is_begun_anew(project: Project) -> None:
    runs = [summary(project).run for _ in range(2)]
    path = project.folder / "catalog.db"
    path.write_bytes(b"this is no database, " * 100)
    index = Catalogue.of(project)
    index.refresh(project)
    assert [line.run for line in index.runs()] == runs[::-1]
    sqlite3.connect(path).close()


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=8) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_a_catalogue_that_is_away_or_silent_is_a_notice(
    scheme: str, project: Project, silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.servers import free_port

    one = summary(project)
    monkeypatch.setenv("TEAM_CATALOGUE", f"{scheme}://ann:hunter2-secret@127.0.0.1:{free_port()}/team")
    said = Catalogue("env:TEAM_CATALOGUE").note(project, one)
    assert said and said.startswith("the run is not in the catalogue") and "hunter2-secret" not in said
    monkeypatch.setenv("TEAM_CATALOGUE", f"{scheme}://ann:hunter2-secret@127.0.0.1:{silent}/team")
    began = time.monotonic()
    said = Catalogue("env:TEAM_CATALOGUE", seconds=0.4).note(project, one)
    assert said and "no answer within" in said and time.monotonic() - began < 2.0
    with pytest.raises(Transient):
        Catalogue("env:TEAM_CATALOGUE", seconds=0.2).runs()


def test_a_variable_that_is_not_set_and_a_full_disk_are_notices(project: Project, tmp_path: Path) -> None:
    one = summary(project)
    assert "TILTH_NONE is not set" in str(Catalogue("env:TILTH_NONE").note(project, one))
    (tmp_path / "file").write_text("")
    assert Catalogue(str(tmp_path / "file" / "catalog.db")).note(project, one)
    assert Catalogue(str(tmp_path / "fine.db")).note(project, one) is None


def test_a_url_of_another_system_is_refused_with_the_likely_typo() -> None:
    with pytest.raises(RecipeError, match='Did you mean "postgresql"'):
        Catalogue("postgresq://host/db")


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_a_server_elsewhere_that_does_not_encrypt_is_not_spoken_to(
    scheme: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = (postgres if scheme == "postgresql" else mariadb).start()
    there = (postgres if scheme == "postgresql" else mariadb).database(started)
    monkeypatch.setattr(catalogue_db, "_here", lambda host: False)
    monkeypatch.setenv("TEAM_CATALOGUE", there)
    said = Catalogue("env:TEAM_CATALOGUE").note(project, summary(project))
    assert said and ("ssl" in said.lower() or "root" in said.lower() or "certificate" in said.lower())
    off = "sslmode=disable" if scheme == "postgresql" else "ssl-mode=DISABLED"
    monkeypatch.setenv("TEAM_CATALOGUE", f"{there}?{off}")
    assert Catalogue("env:TEAM_CATALOGUE").note(project, summary(project)) is None


def test_this_machine_is_known_by_its_names() -> None:
    assert all(map(catalogue_db._here, ("", "localhost", "127.0.0.1", "127.9.9.9", "::1", "/run/mysqld")))
    assert not any(map(catalogue_db._here, ("db", "10.0.0.1", "localhost.example.org", "0.0.0.0")))
