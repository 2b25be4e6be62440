"""Write rows into a table of a SQL database: PostgreSQL, MySQL and MariaDB, SQLite, DuckDB."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from tilth.connectors._sql import address, stage
from tilth.connectors._sql.commits import Commit
from tilth.connectors._sql.dialect import Dialect
from tilth.connectors._sql.probing import probed_sink
from tilth.core.batch import ID, Batch
from tilth.core.connector import Finding, Probed, Sink
from tilth.core.errors import DataError, RecipeError
from tilth.core.shard import Cursor, Receipt, RunKey, Shard, Version


@dataclass(frozen=True, kw_only=True)
class SqlTable:
    """Write rows into a table of a SQL database, in one transaction.

    Workers load rows into staging tables (COPY, LOAD DATA; for SQLite and DuckDB into files beside the database). The
    commit merges them and writes the run key and the cursor into `_tilth_commits`, all in one transaction: readers see
    the whole old state or the whole new one, and a run that is killed and run again writes each row once.

    A table that is not there is made; a column that it lacks is added; a type that cannot hold the rows stops the run
    before anything is written. Lists and structs are written as JSON. Where a database cannot hold a value at all, it
    is replaced and counted in the receipt: MySQL holds no NaN (NULL stands for it), PostgreSQL no NUL in a text (␀).

    >>> SqlTable(url="sqlite:///crm.db", table="answers").anchored(Path("/project")).url
    'sqlite:////project/crm.db'
    """

    url: str
    """Where the database is: env:NAME, or a URL without a password: postgresql://user@host/database, mysql://…,
    sqlite:///path, duckdb:///path (relative to the recipe)."""
    table: str
    """The table, or schema.table."""
    key: str | tuple[str, ...] = ID
    """The column or columns that say which row is which; the database must keep it unique."""
    mode: Literal["replace", "append", "upsert"] = "upsert"
    """replace: afterwards the table holds the rows of this version and no others; upsert: rows with a key that is there
    are updated, the others added, none removed; append: all are added."""
    columns: tuple[str, ...] | None = None
    """The columns to write beside the key; by default all."""
    create: bool = True
    """Whether the table, and columns that it lacks, may be made."""

    def __post_init__(self) -> None:
        address.checked(self.url, "sql_table.url")

        def refuse(option: str, what: str, wanted: str) -> None:
            raise RecipeError(what, where=f"sql_table.{option}", wanted=wanted)

        if not self.table or "\0" in self.table or self.table.count(".") > 1:
            refuse("table", f'no table "{self.table}"', "table or schema.table")
        if self.mode not in ("replace", "append", "upsert"):
            refuse("mode", f'no mode "{self.mode}"', "replace, append or upsert")
        if not self._key or len(set(self._key)) < len(self._key):
            refuse("key", "an empty or repeated name", "names that differ")
        if self.columns is not None and (not self.columns or len(set(self.columns)) < len(self.columns)):
            refuse("columns", "an empty or repeated name", "names that differ")

    def anchored(self, base: Path) -> SqlTable:
        """Return a copy that finds a database file beside the recipe."""
        return replace(self, url=address.anchored(self.url, base))

    def write(self, shard: Shard, batches: Iterable[Batch]) -> Receipt:
        """Stage a shard's rows; nothing shows. Raises `DataError` where the table cannot hold them."""
        dialect = self._dialect()
        incoming = stage.Incoming(self._target, dialect, batches)
        folder = self._folder(dialect)
        if folder is None:
            with address.connect(self.url, "sql_table.url", write=True) as session:
                return stage.in_table(session, dialect, shard, incoming)
        receipt = stage.in_file(folder, shard, incoming)
        if incoming.schema is not None and self._path.is_file():
            with address.connect(self.url, "sql_table.url") as session:
                self._target.check(incoming.schema, dialect, stage.there(session, dialect, self._target))
        return receipt

    def commit(
        self, receipts: Sequence[Receipt], key: RunKey, cursor: Cursor | None, expected: Version | None
    ) -> Version:
        """Merge what is staged, in one transaction; under a key that was committed before, change nothing.

        Raises `CommitConflict` where the newest version is not the expected one, `DataError` where a key stands twice.
        """
        dialect = self._dialect()
        with address.connect(self.url, "sql_table.url", write=True) as session:
            return Commit(dialect, session, self._target, self._folder(dialect)).run(receipts, key, cursor, expected)

    def newest(self) -> Version | None:
        """Return what was committed last; None before the first commit."""
        dialect = self._dialect()
        if self._folder(dialect) is not None and not self._path.is_file():
            return None
        try:
            with address.connect(self.url, "sql_table.url") as session:
                return Commit(dialect, session, self._target, None).newest()
        except DataError as error:
            raise DataError(error.what, where=self.table, do=error.do) from error

    def probe(self) -> Iterator[Finding]:
        """Connect; make, fill, empty and remove a scratch table."""
        yield from probed_sink(self)

    @property
    def _key(self) -> tuple[str, ...]:
        return (self.key,) if isinstance(self.key, str) else tuple(self.key)

    @property
    def _target(self) -> stage.Target:
        columns = None if self.columns is None else tuple(self.columns)
        return stage.Target(self.table, self._key, self.mode, columns, self.create)

    @property
    def _path(self) -> Path:
        return Path(address.address_of(self.url, "sql_table.url").database)

    def _folder(self, dialect: Dialect) -> Path | None:
        """Return where parts are staged as files; None where they are staged in tables."""
        if dialect.stages == "tables":
            return None
        path = self._path
        return path.with_name(f"{path.name}.{self._target.prefix.strip('_')}")

    def _dialect(self) -> Dialect:
        return address.dialect_of(self.url, "sql_table.url")


_: tuple[type[Sink], type[Probed]] = (SqlTable, SqlTable)
