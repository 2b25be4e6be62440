"""Say what a SQL system offers: sessions that stream Arrow batches out and load them, and the system's own words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, NamedTuple, Protocol

import pyarrow as pa

from tilth.core.errors import ConnectorError, TilthError


class Column(NamedTuple):
    """A column of a table or query, and how it is read."""

    name: str
    type: pa.DataType
    """What its values become."""
    declared: str
    """The type in the database's own words."""
    read: str
    """The SQL expression that reads it, such as `"total"` or `CAST("total" AS VARCHAR)`."""
    note: str = ""
    """What a person should know about how it is read."""
    guard: str = ""
    """A SQL condition that is true where a value cannot be read as `type`: its row becomes a reject."""


class Piece(NamedTuple):
    """One batch of a result."""

    batch: pa.RecordBatch
    bad: tuple[tuple[int, str], ...] = ()
    """Rows of the batch that hold what their column's type cannot, with the reason; such cells are null."""
    notes: tuple[str, ...] = ()


class Address(NamedTuple):
    """Where a database is, resolved: it may hold a password, so it lives no longer than a connection."""

    scheme: str
    host: str | None = None
    port: int | None = None
    user: str | None = None
    password: str | None = None
    database: str = ""
    """Its name, or the path of its file."""
    options: tuple[tuple[str, str], ...] = ()
    """What stands after the `?`."""
    shown: str = ""
    """The URL as it may be shown."""


class Session(Protocol):
    """One connection. Raises `Transient` where trying again may help, else `Terminal` or `DataError`."""

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return a small result."""
        ...

    def execute(self, sql: str) -> None:
        """Run a statement."""
        ...

    def stream(self, sql: str, columns: Sequence[Column], batch_rows: int) -> Iterator[Piece]:
        """Run a query whose select list is `columns`, in their order, and yield its rows; memory stays constant."""
        ...

    def load(self, table: str, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> int:
        """Append batches to a (quoted) table that has just these columns, the fast way; return how many rows."""
        ...

    def transaction(self, *, snapshot: bool = False) -> AbstractContextManager[None]:
        """Commit what is done inside, or nothing; with `snapshot`, see one state of the database and change nothing."""
        ...

    def interrupt(self) -> None:
        """Wake a `stream` that waits, from another thread; the session is of no use afterwards."""
        ...

    def close(self) -> None: ...


class Dialect(Protocol):
    """One system's words. Picklable, and opens nothing by itself."""

    name: str
    """Such as `postgresql`."""
    stages: Literal["tables", "files"]
    """Whether workers load into staging tables, or write part files beside a database that is itself a file."""

    def connect(self, address: Address, *, write: bool = False) -> Session:
        """Open a session; a reading one cannot change anything where the system can forbid it."""
        ...

    def failure(self, error: Exception, doing: str) -> ConnectorError | TilthError:
        """Return what a driver's error means to us."""
        ...

    # Words for reading.

    def quote(self, name: str) -> str: ...

    def table(self, name: str) -> str:
        """Return `schema.table` quoted."""
        ...

    def columns(self, session: Session, relation: str) -> list[Column]:
        """Describe what a FROM clause would give; raises `DataError` where there is no such table."""
        ...

    def primary_key(self, session: Session, table: str) -> tuple[str, ...]: ...

    def cast(self, column: Column, word: str) -> Column:
        """Return the column read as the recipe asks: string, int, float, bool or timestamp."""
        ...

    def as_text(self, column: Column) -> str:
        """Return the expression that writes a value as text, such that `literal` brings it back exactly."""
        ...

    def literal(self, text: str, column: Column) -> str:
        """Return the SQL for a value that `as_text` wrote, to compare with the column: nothing in it is run."""
        ...

    def string(self, text: str) -> str:
        """Return the SQL for a text."""
        ...

    now: str
    """The SQL for the time in UTC, as ISO text."""
    version: str
    """The SQL for one line on the server's version."""

    # Words for writing.

    def kind(self, type: pa.DataType, *, key: bool = False, staged: bool = False) -> str:
        """Return the system's type for an Arrow type; `staged` is the one that `load` can fill."""
        ...

    def ready(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, dict[str, int]]:
        """Bring a batch to types and values that the system holds; return what was counted on the way."""
        ...

    def holds(self, type: pa.DataType, column: Column) -> bool:
        """Tell whether a column that is there takes values of an Arrow type."""
        ...

    def create(self, table: str, definitions: Sequence[str], *, staging: bool = False) -> str: ...

    def upsert(self, table: str, columns: Sequence[str], rows: str, key: Sequence[str]) -> str:
        """Return the statement that inserts what the query `rows` gives, or updates the rows with its keys."""
        ...

    def unique(self, session: Session, table: str, key: Sequence[str]) -> bool:
        """Tell whether the database keeps the key unique."""
        ...

    def tables(self, session: Session, schema: str, prefix: str) -> list[str]:
        """List the tables of a schema ("" for the one in use) whose names begin with a prefix."""
        ...

    def rename(self, table: str, name: str) -> str: ...

    def transfer(self, name: str, column: Column | None, type: pa.DataType) -> str:
        """Return the expression that reads a staged column into the target's."""
        ...

    def lock(self, session: Session, name: str) -> AbstractContextManager[None]:
        """Let one session at a time through; called before the transaction begins."""
        ...
