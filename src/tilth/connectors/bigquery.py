"""Read a BigQuery table or query."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from tilth.connectors._arrow_types import storable
from tilth.connectors._bigquery import sql
from tilth.connectors._bigquery.client import connected, patient
from tilth.connectors._bigquery.jobs import Value, finished, one, rows_of, value_of
from tilth.connectors._bigquery.rows import fit, known, parted
from tilth.connectors._finish import Finish, finish_for
from tilth.connectors._reading import ROWS
from tilth.connectors._schema import dump, load
from tilth.core.batch import SPLITS
from tilth.core.connector import Finding, Probed, Record, Source
from tilth.core.errors import DataError, RecipeError, TilthError
from tilth.core.shard import Cursor, Shard


@dataclass(frozen=True, kw_only=True)
class Bigquery:
    """Read rows from a BigQuery table or query, with columns and conditions pushed down.

    Planning runs one query, so that the rows are those of one moment and are scanned, and billed, once; shards are
    ranges of its result, which BigQuery keeps for a day. The query's job is named by a hash of the query and of when
    its tables changed: planning again while nothing changed finds the same result. Types become those that tables
    hold: TIME, BIGNUMERIC and INTERVAL are text, a DATETIME is taken as UTC.

    >>> Bigquery(project="shop", table="crm.tickets", key="id", where="lang = 'en'").source
    'crm.tickets'
    """

    project: str
    """The project that runs the query, and that holds the table where it names none."""
    table: str | None = None
    """The table: dataset.table or project.dataset.table."""
    query: str | None = None
    """A query in place of a table; say what to call the source with `name`."""
    key: str | tuple[str, ...]
    """The column or columns that say which row is which."""
    columns: tuple[str, ...] | None = None
    """The columns to read, in this order; by default all."""
    where: str | None = None
    """A condition in GoogleSQL that rows must meet."""
    incremental: str | None = None
    """A column that grows whenever a row is written, such as updated_at: later runs read only what is above the
    greatest value that was there before. A row where it is null is read by the first run only."""
    overlap: float = 0
    """How far below that value to read again, for rows that were written late; seconds, or as much of a number."""
    deleted: str | None = None
    """A column that marks a row as deleted where it is anything but null, false, 0 or ""."""
    ordered: bool = True
    """Whether BigQuery sorts the result by the key. It does so on one machine: switch it off for many gigabytes; which
    shard a row lies in then differs from plan to plan."""
    location: str | None = None
    """Where the data set lies, such as EU; by default BigQuery finds out."""
    endpoint: str | None = None
    """Another address of the API, by default BIGQUERY_EMULATOR_HOST or Google's; on this machine it is an emulator."""
    licence: str | None = None
    """The licence that the rows come under."""
    subject: str | None = None
    """The column that names the person a row is about, so that the row can be found and erased."""
    name: str | None = None
    """What to call the source; by default the table. Row ids depend on it."""
    split: Literal["train", "valid", "test"] | None = None
    """Put all rows of this source into one split."""
    shard_rows: int = 100_000
    """How many rows a shard holds."""

    def __post_init__(self) -> None:
        _check(self)

    @property
    def source(self) -> str:
        """The source's name: the one that is given, else the table."""
        return self.name or self.table or "query"

    def fingerprint(self, cursor: Cursor) -> str:
        """Return a digest of what there is; another one each time where BigQuery does not tell what changed."""
        told = {name: value for name, value in cursor.position.items() if name != "schema"}
        return _digest(json.dumps(told, sort_keys=True))

    def plan(self, since: Cursor | None = None) -> tuple[Sequence[Shard], Cursor]:
        """Run the query and return a shard a range of its result.

        With the cursor of an earlier plan with the same options, and `incremental`, only rows above its greatest value
        make shards. Raises `DataError` where an option names a column that is not there.
        """
        how = self._how()
        before = since.position if since is not None and since.position.get("how") == how else None
        low = Value(*before["high"]) if before and self.incremental and before["high"] else None
        with self._client() as client:
            state, location = self._state(client)
            high = self._greatest(client) if self.incremental else None
            if before and low and not self.overlap and (high is None or high == low):
                return [], Cursor(position=dict(before))
            parameters = [] if high is None else [high.parameter("high"), *([low.parameter("low")] if low else [])]
            job = finished(client, self._sql(low, high), parameters, state, location)
            rows = job.result(retry=patient(), job_retry=None, page_size=1, max_results=1)
            found = rows.to_arrow(create_bqstorage_client=False).schema
            total = int(client.get_job(job.job_id, location=job.location).result(max_results=0).total_rows or 0)
        here = pa.schema([storable(field) for field in found])
        schema, notes = known(here, load(before["schema"]) if before else None)
        notes += self._finish(schema)[1]
        said = [f"{self.source}: {note}" for note in notes]
        shards = []
        for start in range(0, total, self.shard_rows):
            count = min(self.shard_rows, total - start)
            place = {"job": job.job_id, "location": job.location, "start": start, "count": count}
            name = _digest(self.source, str(low), str(start), str(count))
            shards.append(Shard(id=name, where={**place, "schema": dump(schema), "notes": said}, rows=None))
            said = []
        mark = list(high) if high is not None else (before or {}).get("high")
        position = {"how": how, "schema": dump(schema), "high": mark, "state": None if self.incremental else state}
        return shards, Cursor(position=position)

    def read(self, shard: Shard) -> Iterator[Record]:
        """Read a shard's range of the result, 8,192 rows at a time."""
        where, schema = shard.where, load(shard.where["schema"])
        notes = tuple(where["notes"])
        finish, _ = self._finish(schema)
        file, first = f"{self.source}/{shard.id}", 0
        with self._client() as client:
            for batch in rows_of(client, where["job"], where["location"], where["start"], where["count"], ROWS):
                rows, gone = parted(*fit(batch, schema), self.deleted, first)
                record = finish.record(rows, file)
                yield record._replace(notes=(*notes, *record.notes), gone=finish.record(gone, file).names)
                notes, first = (), first + batch.num_rows
        if notes:
            yield finish.nothing(schema, notes)

    def probe(self) -> Iterator[Finding]:
        """Try to reach BigQuery, to log in, and to run the query without being billed."""
        from google.cloud.bigquery import QueryJobConfig

        try:
            with self._client() as client:
                config = QueryJobConfig(dry_run=True, use_query_cache=False)
                job = client.query(self._sql(None, None), job_config=config, retry=patient(), job_retry=None)
                size = job.total_bytes_processed or 0
                rows = client.get_table(self._path()[1:-1]).num_rows if self.table else None
        except TilthError as error:
            yield Finding(False, str(error.what), error.do or "See project, table and the account's roles.")
            return
        yield Finding(True, f"bigquery: the query can be run; it scans {size / 1e6:,.1f} MB")
        if rows is not None:
            yield Finding(rows > 0, f"{self.source}: {rows:,} rows", "" if rows else "The table is empty.")

    def _client(self) -> Any:
        return connected(self.project, endpoint=self.endpoint, location=self.location, where="bigquery")

    def _path(self) -> str:
        return sql.path(self.project, str(self.table), where="bigquery.table")

    def _from(self) -> str:
        return self._path() if self.table else f"({self.query})"

    def _sql(self, low: Value | None, high: Value | None) -> str:
        keep = [*(self.columns or ()), *self._key(), *filter(None, [self.subject, self.deleted, self.incremental])]
        names = ", ".join(sql.quoted(name) for name in dict.fromkeys(keep)) if self.columns else "*"
        conditions = [f"({self.where})"] if self.where else []
        if high is not None and self.incremental:
            column = sql.quoted(self.incremental)
            above = f"{column} > {_back(low, self.overlap)} AND " if low else ""
            none = "" if low else f" OR {column} IS NULL"
            conditions.append(f"({above}{column} <= @high{none})")
        filtered = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        order = [*filter(None, [self.incremental]), *(name for name in self._key() if name != self.incremental)]
        sorted_by = f" ORDER BY {', '.join(sql.quoted(name) for name in order)}" if self.ordered else ""
        return f"SELECT {names} FROM {self._from()}{filtered}{sorted_by}"  # noqa: S608 (names are quoted)

    def _greatest(self, client: Any) -> Value | None:
        filtered = f" WHERE ({self.where})" if self.where else ""
        column = sql.quoted(str(self.incremental))
        return value_of(*one(client, f"SELECT MAX({column}) AS high FROM {self._from()}{filtered}"))  # noqa: S608

    def _state(self, client: Any) -> tuple[str, str | None]:
        """Say when what is read changed last, another text each time where that can't be told; and where it lies."""
        from google.cloud.bigquery import QueryJobConfig

        location: str | None = self.location
        if self.table:
            tables = [self._path()[1:-1]]
        else:
            config = QueryJobConfig(dry_run=True)
            dry = client.query(self._sql(None, None), job_config=config, retry=patient(), job_retry=None)
            tables = [f"{each.project}.{each.dataset_id}.{each.table_id}" for each in dry.referenced_tables]
            location = location or dry.location
        found = [client.get_table(name, retry=patient()) for name in sorted(tables)]
        location = location or next((str(each.location) for each in found if each.location), None)
        tells = found and all(each.table_type == "TABLE" and each.streaming_buffer is None for each in found)
        told = json.dumps([[str(each.modified), each.num_rows] for each in found])
        return told if tells else str(time.time_ns()), location

    def _how(self) -> str:
        told = [self.table, self.query, self.columns, self.where, self.incremental, self.deleted, self._key()]
        return _digest(json.dumps(told))

    def _key(self) -> tuple[str, ...]:
        return (self.key,) if isinstance(self.key, str) else tuple(self.key)

    def _finish(self, schema: pa.Schema) -> tuple[Finish, list[str]]:
        return finish_for(
            schema, rename={}, columns=self.columns, key=self._key(), subject=self.subject, where=self.source
        )


def _back(low: Value | None, overlap: float) -> str:
    if not overlap or low is None:
        return "@low"
    if low.type in ("TIMESTAMP", "DATETIME"):
        return f"{low.type}_SUB(@low, INTERVAL {round(overlap * 1_000_000)} MICROSECOND)"
    if low.type in ("INT64", "FLOAT64", "NUMERIC", "BIGNUMERIC"):
        return f"@low - {overlap:g}"
    raise DataError(f"overlap: the column is {low.type}", where="bigquery.overlap", wanted="a time or a number")


def _digest(*texts: str) -> str:
    return hashlib.blake2b(json.dumps(texts).encode(), digest_size=12).hexdigest()


def _check(options: Bigquery) -> None:
    def refuse(option: str, what: str, wanted: str) -> None:
        raise RecipeError(what, where=f"bigquery.{option}", wanted=wanted)

    if not options.project:
        refuse("project", "no project", "the project that runs the query")
    if bool(options.table) == bool(options.query):
        refuse("table", "a table and a query" if options.table else "no table", "one of table and query")
    if options.table:
        sql.path(options.project, options.table, where="bigquery.table")
    if not options.key:
        refuse("key", "no key", "a column or columns")
    if options.overlap < 0 or (options.overlap and not options.incremental):
        refuse("overlap", f"an overlap of {options.overlap}", "0 or more, beside `incremental:`")
    if options.shard_rows < 1:
        refuse("shard_rows", f"{options.shard_rows} rows", "1 or more")
    if options.split not in (None, *SPLITS):
        refuse("split", f'no split "{options.split}"', f"one of {', '.join(SPLITS)}")


_: type[Source] = Bigquery
_probed: type[Probed] = Bigquery
