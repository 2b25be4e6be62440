"""Try a database for real: reach it, log in, and check each right that a run will need."""

# ruff: noqa: S608 (names are quoted, values are literals that a dialect wrote; conditions are the recipe's own)
from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from tilth.connectors._sql import address, planning
from tilth.connectors._sql.dialect import Dialect, Session
from tilth.connectors._sql.ranges import where
from tilth.core.connector import Finding
from tilth.core.errors import TilthError, Transient

if TYPE_CHECKING:
    from tilth.connectors.sql import Sql
    from tilth.connectors.sql_table import SqlTable

MOST_APART = 5.0
"""Seconds that the clocks may differ by."""


def probed_source(source: Sql) -> Iterator[Finding]:
    """Yield what was found: it connects, what answers, whether the rows can be read."""
    try:
        with address.connect(source.url, "sql.url") as session:
            dialect = address.dialect_of(source.url, "sql.url")
            yield from _greeting(dialect, session)
            seen = planning.look(source, dialect, session, {})
            key = ", ".join(seen.finish.key)
            yield Finding(True, f"{len(seen.columns)} columns; rows are told apart by {key}")
            told = where([source.where] if source.where else [])
            found = session.rows(f"SELECT 1 FROM {seen.relation}{told} LIMIT 1")
            yield Finding(True, "rows can be read" if found else "rows can be read; there is none now")
    except TilthError as error:
        yield _failed(error)


def probed_sink(sink: SqlTable) -> Iterator[Finding]:
    """Yield what was found: it connects, and a scratch table can be made, filled, emptied and removed."""
    try:
        with address.connect(sink.url, "sql_table.url", write=True) as session:
            dialect = address.dialect_of(sink.url, "sql_table.url")
            yield from _greeting(dialect, session)
            schema = sink.table.rpartition(".")[0]
            name = f"_tilth_probe_{uuid.uuid4().hex[:12]}"
            scratch = dialect.table(f"{schema}.{name}" if schema else name)
            column = f"{dialect.quote('n')} {dialect.kind(pa.int64())}"
            tries = (
                ("make a table", dialect.create(scratch, [column])),
                ("insert", f"INSERT INTO {scratch} VALUES (1)"),
                ("delete", f"DELETE FROM {scratch}"),
                ("remove a table", f"DROP TABLE {scratch}"),
            )
            for what, sql in tries:
                session.execute(sql)
                yield Finding(True, f"may {what}")
    except TilthError as error:
        yield _failed(error)


def _greeting(dialect: Dialect, session: Session) -> Iterator[Finding]:
    version, now = session.rows(f"SELECT {dialect.version}, {dialect.now}")[0]
    yield Finding(True, f"connected: {version}")
    there = datetime.fromisoformat(str(now))
    here = datetime.now(UTC)
    apart = abs(((there if there.tzinfo else there.replace(tzinfo=UTC)) - here).total_seconds())
    if apart > MOST_APART:
        yield Finding(False, f"its clock and ours are {apart:.0f} s apart", "Set the clocks, or use overlap: and lag:.")
    else:
        yield Finding(True, "its clock is ours")


def _failed(error: TilthError) -> Finding:
    do = error.do or ("Try again; see whether the server runs." if isinstance(error, Transient) else "")
    return Finding(False, str(error), do)
