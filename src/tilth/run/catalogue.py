"""Index a project's runs, data set versions, models and figures; by default in a file that is rebuilt from the truth.

The truth is what lies in the project: runs' summaries, Delta logs, bundles' cards. The catalogue only finds things
quickly, or, in PostgreSQL or MySQL, finds those of a whole team. One that is down, slow or broken never fails a run.
No row of any data set is in it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from tilth.core.errors import DataError, Transient, did_you_mean
from tilth.core.secret import hide, reveal
from tilth.report.summary import Summary
from tilth.run import catalogue_rows as truth
from tilth.run.catalogue_db import SECONDS, Database, Rows
from tilth.run.catalogue_lines import LIST, Compared, Figure, RunLine, compared
from tilth.run.catalogue_schema import migrate
from tilth.tables.project import Project

T = TypeVar("T")
PLACE = "TILTH_CATALOGUE"
"""The environment variable that names a team's catalogue."""


def catalogue_url() -> str | None:
    """Return where a team's catalogue is, where the environment says so; its password is kept out of what is said."""
    return reveal(f"env:{PLACE}", where=PLACE) if os.environ.get(PLACE) else None


class Catalogue:
    """The index at a URL: a SQLite file, `postgresql://…`, `mysql://…`, or `env:NAME` that holds one.

    Methods raise `Transient` where it is away; `note` says so instead.
    """

    def __init__(self, url: str, *, seconds: float = SECONDS) -> None:
        self._database = Database(url=url)
        self._seconds = seconds
        self._ready = False

    @classmethod
    def of(cls, project: Project, url: str | None = None) -> Catalogue:
        """Return a project's catalogue: at the URL, else `.tilth/catalog.db`."""
        return cls(url or str(project.folder / "catalog.db"))

    def record(self, project: Project, summary: Summary, *, status: str = "done") -> None:
        """Put one run into the catalogue, with the versions of data and model that it made."""
        name = truth.identity(project)
        row, figures = truth.of_summary(summary, status=status, stamp=truth.stamp_of(project.run(summary.run)))
        made = truth.model(Path(summary.model)) if summary.model else None

        def work(rows: Rows) -> None:
            _put_run(rows, name, summary.run, row, figures)
            version, fingerprint = row["data_version"], row["data_fingerprint"]
            if version is not None:
                key = {"project": name, "name": summary.name, "version": version}
                rest = {"made": summary.started, "row_count": row["kept"], "fingerprint": fingerprint}
                rows.put("tilth_data", key, rest)
            if made is not None:
                rows.put("tilth_model", {"project": name, **made[0]}, made[1])

        self._do(work)

    def note(self, project: Project, summary: Summary) -> str | None:
        """Put a run into the catalogue; where that fails, return why, in words for a notice. Raises nothing."""
        try:
            self.record(project, summary)
        except Exception as error:  # noqa: BLE001 (a catalogue is an index: no run fails because of it)
            return hide(f"the run is not in the catalogue: {error}")
        return None

    def rebuild(self, project: Project) -> int:
        """Put all of a project's runs, data sets and models into the catalogue, and take out what is gone.

        Returns how many runs there are. What other projects put there stays.
        """
        name = truth.identity(project)
        data, models = list(truth.data_sets(project)), list(truth.models(project))

        def work(rows: Rows) -> None:
            for table in ("tilth_figure", "tilth_run", "tilth_data", "tilth_model"):
                rows.remove(table, {"project": name})
            for table, found in (("tilth_data", data), ("tilth_model", models)):
                for key, rest in found:
                    rows.put(table, {"project": name, **key}, rest)

        self._do(work)
        return self.refresh(project)

    def refresh(self, project: Project) -> int:
        """Put in the runs that are new or changed since, take out those that are gone; return how many there are."""
        name = truth.identity(project)
        folders = {run: project.run(run) for run in project.runs()}
        stamps = {run: truth.stamp_of(folder) for run, folder in folders.items()}
        known = {
            str(row["run"]): row["stamp"]
            for row in self._do(lambda rows: rows.read("SELECT run, stamp FROM tilth_run WHERE project = ?", [name]))
        }
        gone = sorted(set(known) - set(folders))
        due = {run: truth.of_folder(folders[run]) for run, stamp in stamps.items() if known.get(run) != stamp}

        def work(rows: Rows) -> None:
            for run in gone:
                _remove_run(rows, name, run)
            for run, found in due.items():
                if found is not None:
                    _put_run(rows, name, run, *found)

        if gone or due:
            self._do(work)
        return len(folders)

    def runs(
        self, *, project: str | None = None, name: str | None = None, status: str | None = None, limit: int = 50
    ) -> list[RunLine]:
        """List runs, the newest first."""
        asked = {"project": project, "name": name, "status": status}
        given = {column: value for column, value in asked.items() if value is not None}
        where = f" WHERE {' AND '.join(f'{column} = ?' for column in given)}" if given else ""
        select = f"SELECT {', '.join(LIST)} FROM tilth_run{where}"  # noqa: S608 (own names)
        most = max(0, int(limit))

        def work(rows: Rows) -> list[RunLine]:
            found = rows.read(f"{select} ORDER BY started DESC, run DESC LIMIT {most}", list(given.values()))
            figures = _figures(rows, [row["run"] for row in found])
            return [RunLine(**row, figures=figures.get((row["project"], row["run"]), ())) for row in found]

        return self._do(work)

    def run(self, run: str, *, project: str | None = None) -> RunLine:
        """Return one run by its id, or by the beginning of it. Raises `DataError` where there is none, or several."""
        return self._do(lambda rows: _one(rows, run, project)[0])

    def compare(self, one: str, other: str, *, project: str | None = None) -> Compared:
        """Put two runs side by side: figures, counts, facts, steps. Raises `DataError` where there is no such run."""

        def work(rows: Rows) -> Compared:
            (first, before), (second, after) = _one(rows, one, project), _one(rows, other, project)
            return compared(first, second, before, after)

        return self._do(work)

    def data_sets(self, *, project: str | None = None) -> list[dict[str, Any]]:
        """List versions of data sets, by name, the newest first."""
        return self._listed("tilth_data", project)

    def models(self, *, project: str | None = None) -> list[dict[str, Any]]:
        """List versions of models, by name, the newest first."""
        return self._listed("tilth_model", project)

    def _listed(self, table: str, project: str | None) -> list[dict[str, Any]]:
        where = " WHERE project = ?" if project is not None else ""
        select = f"SELECT * FROM {table}{where} ORDER BY project, name, version DESC"  # noqa: S608 (own names)
        return self._do(lambda rows: rows.read(select, [project] if project is not None else []))

    def _do(self, work: Callable[[Rows], T]) -> T:
        def ready(rows: Rows) -> T:
            if not self._ready:
                migrate(rows, self._database.shown)
            return work(rows)

        try:
            found = self._database.within(ready, self._seconds)
        except Transient as error:
            if not _is_broken_file(error) or self._database.file is None:
                raise
            # The file holds nothing that is not elsewhere: begin anew.
            for ending in ("", "-wal", "-shm", "-journal"):
                self._database.file.with_name(self._database.file.name + ending).unlink(missing_ok=True)
            self._ready = False
            found = self._database.within(ready, self._seconds)
        self._ready = True
        return found


def _is_broken_file(error: Transient) -> bool:
    return isinstance(error.__cause__, sqlite3.DatabaseError) and any(
        word in str(error.__cause__) for word in ("malformed", "not a database", "no such column", "has no column")
    )


def _put_run(rows: Rows, project: str, run: str, row: Mapping[str, Any], figures: Sequence[Mapping[str, Any]]) -> None:
    key = {"project": project, "run": run}
    rows.remove("tilth_figure", key)
    rows.put("tilth_run", key, row)
    for figure in figures:
        rest = {name: value for name, value in figure.items() if name != "place"}
        rows.put("tilth_figure", {**key, "place": figure["place"]}, rest)


def _remove_run(rows: Rows, project: str, run: str) -> None:
    for table in ("tilth_figure", "tilth_run"):
        rows.remove(table, {"project": project, "run": run})


def _figures(rows: Rows, runs: Sequence[str]) -> dict[tuple[str, str], tuple[Figure, ...]]:
    """Return the figures of runs, by project and run."""
    if not runs:
        return {}
    marks = ", ".join("?" * len(runs))
    select = f"SELECT * FROM tilth_figure WHERE run IN ({marks}) ORDER BY project, run, place"  # noqa: S608
    found: dict[tuple[str, str], tuple[Figure, ...]] = {}
    for row in rows.read(select, runs):
        key = (row.pop("project"), row.pop("run"))
        row.pop("place")
        found[key] = (*found.get(key, ()), Figure(**row))
    return found


def _one(rows: Rows, run: str, project: str | None) -> tuple[RunLine, dict[str, Any]]:
    where = "(run = ? OR run LIKE ?)" + (" AND project = ?" if project is not None else "")
    # What LIKE would read as a pattern is the beginning of no id.
    begins = f"{run}%" if re.fullmatch(r"[A-Za-z0-9-]+", run) else ""
    given = [run, begins, *([project] if project is not None else [])]
    select = f"SELECT {', '.join(LIST)}, details FROM tilth_run WHERE {where} ORDER BY run DESC LIMIT 20"  # noqa: S608
    found = rows.read(select, given)
    exact = [row for row in found if row["run"] == run] or found
    if len(exact) != 1:
        near = ", ".join(str(row["run"]) for row in exact[:5])
        known = [str(row["run"]) for row in rows.read("SELECT run FROM tilth_run ORDER BY started DESC LIMIT 200")]
        raise DataError(
            f"several runs begin with {run}" if exact else f"no run {run}",
            where="catalogue",
            wanted=f"one of {near}" if exact else None,
            do=None if exact else did_you_mean(run, known) or "List them: tilth runs",
        )
    row = exact[0]
    details = row.pop("details")
    with contextlib.suppress(ValueError, TypeError):
        details = json.loads(details)
    figures = _figures(rows, [row["run"]])
    line = RunLine(**row, figures=figures.get((row["project"], row["run"]), ()))
    return line, details if isinstance(details, dict) else {}
