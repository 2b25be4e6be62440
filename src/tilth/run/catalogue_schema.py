"""Make the catalogue's tables, and bring older ones up to date."""

from __future__ import annotations

from collections.abc import Callable

from tilth.core.errors import DataError
from tilth.run.catalogue_db import Rows

_TEXT, _NAME = "VARCHAR(190)", "VARCHAR(190) NOT NULL"


def runs_and_figures(rows: Rows) -> None:
    """Make the tables for runs and what they measured."""
    key = f"project {_NAME}, run {_NAME}"
    counts = "rows_in BIGINT, kept BIGINT, dropped BIGINT, failed BIGINT"
    rows.run(
        f"CREATE TABLE IF NOT EXISTS tilth_run ({key}, name {_TEXT}, started {_TEXT}, seconds DOUBLE PRECISION, "
        f"status {_TEXT}, sample BIGINT, task {_TEXT}, {counts}, data_version BIGINT, data_fingerprint {_TEXT}, "
        f"model_version BIGINT, report TEXT, model TEXT, stamp {_TEXT}, details TEXT, PRIMARY KEY (project, run))"
    )
    rows.run(
        f"CREATE TABLE IF NOT EXISTS tilth_figure ({key}, place BIGINT NOT NULL, name {_NAME}, value DOUBLE PRECISION, "
        "low DOUBLE PRECISION, high DOUBLE PRECISION, confidence DOUBLE PRECISION, PRIMARY KEY (project, run, place))"
    )


def data_sets_and_models(rows: Rows) -> None:
    """Make the tables for versions of data sets and of models."""
    key = f"project {_NAME}, name {_NAME}, version BIGINT NOT NULL"
    rows.run(
        f"CREATE TABLE IF NOT EXISTS tilth_data ({key}, made {_TEXT}, row_count BIGINT, mode {_TEXT}, "
        f"fingerprint {_TEXT}, PRIMARY KEY (project, name, version))"
    )
    rows.run(
        f"CREATE TABLE IF NOT EXISTS tilth_model ({key}, made {_TEXT}, task {_TEXT}, digest {_TEXT}, "
        "data_version BIGINT, folder TEXT, PRIMARY KEY (project, name, version))"
    )


MIGRATIONS: tuple[Callable[[Rows], None], ...] = (runs_and_figures, data_sets_and_models)
"""Each is done once, in this order; a new one goes to the end and none is ever changed."""


def migrate(rows: Rows, where: str) -> None:
    """Bring the tables up to date. Raises `DataError` where a newer Tilth made them."""
    rows.run("CREATE TABLE IF NOT EXISTS tilth_schema (version BIGINT NOT NULL PRIMARY KEY)")
    done = {int(row["version"]) for row in rows.read("SELECT version FROM tilth_schema")}
    if done and max(done) > len(MIGRATIONS):
        raise DataError(
            f"the catalogue has version {max(done)}",
            where=where,
            wanted=f"{len(MIGRATIONS)} or older, which this version of Tilth reads",
            do="Upgrade Tilth: pip install --upgrade tilth",
        )
    for number, change in enumerate(MIGRATIONS, 1):
        if number not in done:
            change(rows)
            rows.run("INSERT INTO tilth_schema (version) VALUES (?)", [number])
