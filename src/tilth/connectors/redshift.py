"""Read an Amazon Redshift table or query."""

# ruff: noqa: S608 (names are quoted, values are literals; conditions are the recipe's own)
from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa
from pyarrow import types as t

from tilth.connectors._bigquery.rows import fit, known, parted
from tilth.connectors._finish import Finish, finish_for
from tilth.connectors._redshift.columns import INTEGERS, as_text, batch_of, schema_of
from tilth.connectors._redshift.session import Session, connected, literal, quoted, table_name
from tilth.connectors._redshift.unload import unloaded
from tilth.connectors._schema import dump, load
from tilth.core.batch import SPLITS
from tilth.core.connector import Finding, Probed, Record, Source
from tilth.core.errors import DataError, RecipeError, TilthError
from tilth.core.secret import reveal
from tilth.core.shard import Cursor, Shard

MOST_SHARDS = 4096


@dataclass(frozen=True, kw_only=True)
class Redshift:
    """Read rows from an Amazon Redshift table or query, with columns and conditions pushed down.

    With `staging` each shard is unloaded to S3 as Parquet and read from there; without, through a cursor of the leader
    node, which suits up to some million rows. A key of one whole number is cut into ranges, a shard each; any other is
    one shard. Each shard reads what is there when it is read. SUPER, TIME and numbers without a precision are text; a
    TIMESTAMP is taken as UTC. Without `incremental` every run reads all: Redshift does not tell what changed.

    >>> Redshift(url="env:REDSHIFT_URL", table="crm.tickets", key="id", incremental="updated_at").source
    'crm.tickets'
    """

    url: str
    """Where the cluster is, as env:NAME; redshift://user:password@host:5439/database."""
    table: str | None = None
    """The table, with or without its schema."""
    query: str | None = None
    """A query in place of a table; say what to call the source with `name`."""
    key: str | tuple[str, ...]
    """The column or columns that say which row is which."""
    columns: tuple[str, ...] | None = None
    """The columns to read, in this order; by default all."""
    where: str | None = None
    """A condition in SQL that rows must meet."""
    incremental: str | None = None
    """A column that grows whenever a row is written, such as updated_at: later runs read only what is above the
    greatest value that was there before. A row where it is null is read by the first run only."""
    overlap: float = 0
    """How far below that value to read again, for rows that were written late; seconds, or as much of a number."""
    deleted: str | None = None
    """A column that marks a row as deleted where it is anything but null, false, 0 or ""."""
    staging: str | None = None
    """A folder in S3 through which to read, such as s3://bucket/prefix; needs iam_role."""
    iam_role: str | None = None
    """The role with which the cluster writes there: an ARN, or env:NAME of it."""
    licence: str | None = None
    """The licence that the rows come under."""
    subject: str | None = None
    """The column that names the person a row is about, so that the row can be found and erased."""
    name: str | None = None
    """What to call the source; by default the table. Row ids depend on it."""
    split: Literal["train", "valid", "test"] | None = None
    """Put all rows of this source into one split."""
    shard_rows: int = 100_000
    """About how many rows a shard holds where keys have no gaps."""

    def __post_init__(self) -> None:
        _check(self)

    @property
    def source(self) -> str:
        """The source's name: the one that is given, else the table."""
        return self.name or self.table or "query"

    def fingerprint(self, cursor: Cursor) -> str:
        """Return a digest of what there is; another one each time where nothing tells what changed."""
        return _digest(
            json.dumps(dict(cursor.position), sort_keys=True), "" if self.incremental else str(time.time_ns())
        )

    def plan(self, since: Cursor | None = None) -> tuple[Sequence[Shard], Cursor]:
        """Describe the columns and look at the ends of the key; return a shard a range.

        With the cursor of an earlier plan with the same options, and `incremental`, only rows above its greatest value
        make shards. Raises `DataError` where an option names a column that is not there.
        """
        how = self._how()
        before = since.position if since is not None and since.position.get("how") == how else None
        low = before["high"] if before and self.incremental else None
        with connected(self.url, where="redshift") as session:
            fields = session.described(self._select([]))
            schema, notes = known(schema_of(fields), load(before["schema"]) if before else None)
            notes += self._finish(schema)[1]
            high = self._greatest(session) if self.incremental else None
            kinds = {field.name: field.type for field in fields}
            pieces, window = list[str](), ""
            if not (low is not None and not self.overlap and high in (None, low)):
                window = self._window(schema, low, high)
                whole = len(self._key()) == 1 and kinds.get(self._key()[0]) in INTEGERS
                pieces = self._ranges(session, window) if whole else ["1 = 1"]
        said = [f"{self.source}: {note}" for note in notes]
        shards = []
        for piece in pieces:
            condition = " AND ".join(filter(None, [window, piece]))
            names = [field.name for field in fields]
            where = {"condition": condition, "schema": dump(schema), "here": names, "notes": said}
            # The first plan's ranges have the same names whenever they are planned from the start.
            shards.append(Shard(id=_digest(self.source, piece if low is None else condition), where=where))
            said = []
        mark = high if high is not None else low
        return shards, Cursor(position={"how": how, "schema": dump(schema), "high": mark})

    def read(self, shard: Shard) -> Iterator[Record]:
        """Read a shard's rows in the order of the key, 8,192 at a time."""
        schema, notes, first = load(shard.where["schema"]), tuple(shard.where["notes"]), 0
        finish, _ = self._finish(schema)
        here = pa.schema([field for field in schema if field.name in shard.where["here"]])
        order = ", ".join(map(quoted, self._key()))
        sql = f"{self._select([str(shard.where['condition'])])} ORDER BY {order}"
        with connected(self.url, where="redshift") as session:
            for batch, wrong in self._batches(session, sql, here, shard.id):
                rows, gone = parted(fit(batch, schema)[0], wrong, self.deleted, first)
                record = finish.record(rows, f"{self.source}/{shard.id}")
                yield record._replace(notes=(*notes, *record.notes), gone=finish.record(gone, "gone").names)
                notes, first = (), first + batch.num_rows
        if notes:
            yield finish.nothing(schema, notes)

    def probe(self) -> Iterator[Finding]:
        """Try to reach the cluster, to log in, to run the query, and to unload where that is asked for."""
        try:
            with connected(self.url, where="redshift") as session:
                session.rows("SELECT 1")
                yield Finding(True, "redshift: the cluster answers")
                schema = schema_of(session.described(self._select([])))
                self._finish(schema)
                yield Finding(True, f"{self.source}: can be read; {len(schema)} columns")
                if self.staging:
                    for _ in self._batches(session, self._select(["1 = 0"]), schema, "probe"):
                        pass
                    yield Finding(True, f"{self.staging}: the cluster can write there, and we can read")
        except TilthError as error:
            yield Finding(False, str(error.what), error.do or "See the URL, the user's rights and the role.")

    def _batches(
        self, session: Session, sql: str, schema: pa.Schema, shard: str
    ) -> Iterator[tuple[pa.RecordBatch, dict[int, str]]]:
        if self.staging and self.iam_role:
            role = reveal(self.iam_role, where="redshift.iam_role")
            yield from unloaded(session, sql, schema, staging=self.staging, role=role, shard=shard)
        else:
            yield from (batch_of(rows, schema) for rows in session.stream(sql))

    def _from(self) -> str:
        return table_name(self.table) if self.table else f"({self.query}) AS tilth_query"

    def _select(self, conditions: Sequence[str]) -> str:
        extra = [*self._key(), *filter(None, [self.subject, self.deleted, self.incremental])]
        names = ", ".join(map(quoted, dict.fromkeys([*self.columns, *extra]))) if self.columns else "*"
        return f"SELECT {names} FROM {self._from()}{self._filtered(conditions)}"

    def _filtered(self, conditions: Sequence[str]) -> str:
        told = [*([f"({self.where})"] if self.where else []), *filter(None, conditions)]
        return f" WHERE {' AND '.join(told)}" if told else ""

    def _greatest(self, session: Session) -> str | None:
        found = session.rows(f"SELECT MAX({quoted(str(self.incremental))}) FROM {self._from()}{self._filtered([])}")
        return None if found[0][0] is None else as_text(found[0][0])

    def _window(self, schema: pa.Schema, low: str | None, high: str | None) -> str:
        """Return the condition on the incremental column."""
        if high is None or self.incremental is None:
            return ""
        column, kind = quoted(self.incremental), schema.field(self.incremental).type
        upper = f"{column} <= {_typed(high, kind)}"
        if low is None:
            return f"({upper} OR {column} IS NULL)"
        start = _typed(low, kind)
        if self.overlap and t.is_timestamp(kind):
            start = f"DATEADD(microsecond, {-round(self.overlap * 1_000_000)}, {start})"
        elif self.overlap and (t.is_integer(kind) or t.is_floating(kind) or t.is_decimal(kind)):
            start = f"({start} - {self.overlap:g})"
        elif self.overlap:
            raise DataError(f"overlap: the column is {kind}", where=self.source, wanted="a time or a number")
        return f"{column} > {start} AND {upper}"

    def _ranges(self, session: Session, window: str) -> list[str]:
        """Cut a whole-number key at multiples of a step, so that ranges stay as rows are added behind."""
        key = quoted(self._key()[0])
        ends = f"SELECT MIN({key}), MAX({key}), COUNT(*), COUNT({key}) FROM {self._from()}{self._filtered([window])}"
        least, greatest, rows, keyed = session.rows(ends)[0]
        step = self.shard_rows
        while keyed and greatest // step - least // step >= min(MOST_SHARDS, max(4, 4 * keyed // self.shard_rows)):
            step *= 2
        starts = range(least // step, greatest // step + 1) if keyed else ()
        # Rows without a key are read too, to be told of.
        lost = [f"{key} IS NULL"] if rows > keyed else []
        return [*(f"{key} >= {at * step} AND {key} < {(at + 1) * step}" for at in starts), *lost]

    def _how(self) -> str:
        told = [self.table, self.query, self.columns, self.where, self.incremental, self.deleted, self._key()]
        return _digest(json.dumps(told))

    def _key(self) -> tuple[str, ...]:
        return (self.key,) if isinstance(self.key, str) else tuple(self.key)

    def _finish(self, schema: pa.Schema) -> tuple[Finish, list[str]]:
        return finish_for(
            schema, rename={}, columns=self.columns, key=self._key(), subject=self.subject, where=self.source
        )


def _typed(text: str, kind: pa.DataType) -> str:
    name = "TIMESTAMP" if t.is_timestamp(kind) and "+" not in text else "TIMESTAMPTZ" if t.is_timestamp(kind) else None
    if t.is_date(kind):
        name = "DATE"
    if name:
        return f"CAST({literal(text)} AS {name})"
    number = t.is_integer(kind) or t.is_floating(kind) or t.is_decimal(kind)
    return str(float(text)) if t.is_floating(kind) else _number(text) if number else literal(text)


def _number(text: str) -> str:
    from decimal import Decimal

    return format(Decimal(text), "f")


def _digest(*texts: Any) -> str:
    return hashlib.blake2b(json.dumps(texts).encode(), digest_size=12).hexdigest()


def _check(options: Redshift) -> None:
    def refuse(option: str, what: str, wanted: str) -> None:
        raise RecipeError(what, where=f"redshift.{option}", wanted=wanted)

    if not options.url:
        refuse("url", "no url", "env:NAME of a URL")
    if bool(options.table) == bool(options.query):
        refuse("table", "a table and a query" if options.table else "no table", "one of table and query")
    if not options.key:
        refuse("key", "no key", "a column or columns")
    if options.staging and not options.staging.startswith("s3://"):
        refuse("staging", f'"{options.staging}" is not in S3', "s3://bucket/prefix")
    if options.staging and not options.iam_role:
        refuse("iam_role", "no role", "the role with which the cluster writes to staging:")
    if options.overlap < 0 or (options.overlap and not options.incremental):
        refuse("overlap", f"an overlap of {options.overlap}", "0 or more, beside `incremental:`")
    if options.shard_rows < 1:
        refuse("shard_rows", f"{options.shard_rows} rows", "1 or more")
    if options.split not in (None, *SPLITS):
        refuse("split", f'no split "{options.split}"', f"one of {', '.join(SPLITS)}")


_: type[Source] = Redshift
_probed: type[Probed] = Redshift
