"""Write rows to a BigQuery table."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from tilth.connectors._bigquery import sql
from tilth.connectors._bigquery.client import connected, patient
from tilth.connectors._bigquery.staging import loaded, packed
from tilth.connectors._schema import dump, load
from tilth.core.batch import ID, Batch
from tilth.core.connector import Finding, Probed, Sink
from tilth.core.errors import CommitConflict, DataError, RecipeError, TilthError, did_you_mean
from tilth.core.shard import Cursor, Part, Receipt, RunKey, Shard, Version
from tilth.tables._types import merged

COMMITS = "_tilth_commits"
MODES = ("append", "upsert", "replace")
_LOG = (("target", "STRING"), ("number", "INT64"), ("key", "STRING"), ("position", "STRING"), ("newest", "BOOL"))


@dataclass(frozen=True, kw_only=True)
class BigqueryTable:
    """Write rows to a BigQuery table.

    Workers bring each shard as a Parquet file into a staging table of its own, named by shard and content. A commit is
    one multi-statement transaction: it looks whether its key is new and its base the newest, brings the staged rows in,
    and writes number, key and cursor to `_tilth_commits` in the same data set. So readers see all of it or nothing, and
    a run that is killed and run again commits once. Two that commit at once both change `_tilth_commits`, so that
    BigQuery ends one of them, which then finds the other's. Staging tables go after the commit, or by themselves after
    seven days. Columns that are new are added to the table before the transaction, without values.

    A list that is null is stored as an empty one, since BigQuery has no other. Rows of one commit that share a key in
    mode `upsert` are all kept.

    >>> BigqueryTable(project="shop", dataset="crm", table="clean").mode
    'upsert'
    """

    project: str
    """The project."""
    dataset: str
    """The data set; it must be there."""
    table: str
    """The table; made when it is not there."""
    mode: Literal["append", "upsert", "replace"] = "upsert"
    """append: beside what is there, all rows of each run; upsert: in place of rows with the same key; replace: in
    place of all rows, also those that others wrote."""
    key: str = ID
    """The column that says which rows are the same, for upsert."""
    location: str | None = None
    """Where the data set lies, such as EU; by default BigQuery finds out."""
    endpoint: str | None = None
    """Another address of the API, by default BIGQUERY_EMULATOR_HOST or Google's; on this machine it is an emulator."""

    def __post_init__(self) -> None:
        for option in ("project", "dataset", "table", "key"):
            if not getattr(self, option):
                raise RecipeError(f"no {option}", where=f"bigquery_table.{option}", wanted="a name")
        sql.path(self.project, f"{self.dataset}.{self.table}", where="bigquery_table.table")
        if self.mode not in MODES:
            raise RecipeError(
                f'no mode "{self.mode}"',
                where="bigquery_table.mode",
                wanted=f"one of {', '.join(MODES)}",
                do=did_you_mean(self.mode, MODES),
            )

    @property
    def full_name(self) -> str:
        """How versions and messages call it."""
        return f"{self.project}.{self.dataset}.{self.table}"

    def write(self, shard: Shard, batches: Iterable[Batch]) -> Receipt:
        """Stage a shard's rows. Twice the same rows give the same staging tables. Holds one batch."""
        parts, columns = list[Part](), pa.schema([])
        with self._client() as client:
            for part in packed(batches, self.full_name):
                columns = merged(columns, part.schema, self.full_name)
                place = hashlib.blake2b(f"{shard.id}\0{len(parts)}".encode(), digest_size=6).hexdigest()
                name = f"_tilth_stage_{place}_{part.digest}"
                loaded(client, self._named(name), part)
                parts.append(Part(path=name, rows=part.rows, bytes=part.file.tell(), digest=part.digest))
        notes = {"schema": dump(columns)} if len(columns) else {}
        return Receipt(shard=shard.id, parts=tuple(parts), rows=sum(part.rows for part in parts), notes=notes)

    def commit(
        self, receipts: Sequence[Receipt], key: RunKey, cursor: Cursor | None, expected: Version | None
    ) -> Version:
        """Bring staged rows in, once under a key. Raises `CommitConflict`; `DataError` where a staged part is gone."""
        parts = [part for receipt in sorted(receipts, key=lambda each: each.shard) for part in receipt.parts]
        with self._client() as client:
            self._make(client, COMMITS, [pa.field(name, pa.string()) for name, _ in _LOG], log=True)
            done = self._version(client, key)
            if done is None:
                columns = self._columns(receipts)
                if len(columns):
                    self._make(client, self.table, list(columns), log=False)
                staged = self._staged(client, parts)
                exists = bool(len(columns)) or self._exists(client)
                client.query(self._script(staged, key, cursor, expected, exists), job_retry=None).result(
                    retry=patient(), job_retry=None
                )
                done = self._version(client, key)
                if done is None:
                    raise self._conflict(self._version(client), expected)
            for part in parts:
                client.delete_table(self._named(part.path), not_found_ok=True, retry=patient())
            return done

    def newest(self) -> Version | None:
        """Return what was committed last."""
        with self._client() as client:
            return self._version(client)

    def probe(self) -> Iterator[Finding]:
        """Try to reach BigQuery, to log in, and to make and remove a table."""
        try:
            with self._client() as client:
                client.get_dataset(f"{self.project}.{self.dataset}", retry=patient())
                yield Finding(True, f"bigquery_table: the data set {self.dataset} is there")
                name = self._named("_tilth_probe")
                client.delete_table(name, not_found_ok=True, retry=patient())
                client.create_table(_table(name, [pa.field("probe", pa.string())]), retry=patient())
                client.delete_table(name, not_found_ok=True, retry=patient())
                self._version(client)
        except TilthError as error:
            yield Finding(False, str(error.what), error.do or "Make the data set; see the account's roles.")
            return
        yield Finding(True, f"{self.full_name}: tables can be made")

    # What a commit is made of.

    def _script(
        self,
        staged: Sequence[tuple[str, list[str]]],
        key: RunKey,
        cursor: Cursor | None,
        expected: Version | None,
        exists: bool,
    ) -> str:
        base = -1 if expected is None else expected.number
        log, target = self._path(COMMITS), sql.literal(self.table)
        position = None if cursor is None else json.dumps(dict(cursor.position), sort_keys=True)
        values = ", ".join([target, str(base + 1), sql.literal(key), sql.literal(_wrapped(position)), "TRUE"])
        names = ", ".join(f"`{name}`" for name, _ in _LOG)
        free = f"COUNTIF(`key` = {sql.literal(key)}) = 0 AND IFNULL(MAX(`number`), -1) = {base}"
        changes = [*(self._changes(staged) if exists else [])]
        # The update makes two commits clash: BigQuery lets two inserts into one table pass.
        marks = [
            f"UPDATE {log} SET `newest` = FALSE WHERE `target` = {target} AND `newest`",  # noqa: S608
            f"INSERT INTO {log} ({names}) VALUES ({values})",  # noqa: S608
        ]
        lines = [
            "DECLARE free BOOL",
            "BEGIN TRANSACTION",
            f"SET free = (SELECT {free} FROM {log} WHERE `target` = {target})",  # noqa: S608
            f"IF free THEN {'; '.join([*changes, *marks])}; END IF",
            "COMMIT TRANSACTION",
        ]
        return ";\n".join(lines) + ";"

    def _changes(self, staged: Sequence[tuple[str, list[str]]]) -> Iterator[str]:
        into = self._path(self.table)
        if self.mode == "replace":
            yield f"DELETE FROM {into} WHERE TRUE"  # noqa: S608
        if self.mode == "upsert":
            key = sql.quoted(self.key)
            for table, _ in staged:
                yield f"DELETE FROM {into} WHERE {key} IN (SELECT {key} FROM {table})"  # noqa: S608
        for table, names in staged:
            columns = ", ".join(map(sql.quoted, names))
            yield f"INSERT INTO {into} ({columns}) SELECT {columns} FROM {table}"  # noqa: S608

    def _staged(self, client: Any, parts: Sequence[Part]) -> list[tuple[str, list[str]]]:
        from google.api_core.exceptions import NotFound

        found = []
        for part in parts:
            try:
                table = client.get_table(self._named(part.path), retry=patient())
            except NotFound as error:
                raise DataError(
                    f'the part "{part.path}" is gone', where=self.full_name, do="Run its shard again"
                ) from error
            found.append((self._path(part.path), [field.name for field in table.schema]))
        return found

    def _columns(self, receipts: Sequence[Receipt]) -> pa.Schema:
        columns = pa.schema([])
        for receipt in sorted(receipts, key=lambda each: each.shard):
            if "schema" in receipt.notes:
                columns = merged(columns, load(str(receipt.notes["schema"])), self.full_name)
        return columns

    def _make(self, client: Any, name: str, fields: Sequence[pa.Field], *, log: bool) -> None:
        """Make a table where there is none, and add the columns that it lacks."""
        from google.cloud.bigquery import SchemaField

        made = _table(self._named(name), fields)
        if log:
            made.schema = [SchemaField(column, kind) for column, kind in _LOG]
        there = client.create_table(made, exists_ok=True, retry=patient())
        known = {field.name.lower() for field in there.schema}
        for field in fields:
            if field.name.lower() not in known:
                column = f"{sql.quoted(field.name)} {sql.sql_type(field.type, field.name)}"
                client.query(f"ALTER TABLE {self._path(name)} ADD COLUMN IF NOT EXISTS {column}").result()

    def _version(self, client: Any, key: RunKey | None = None) -> Version | None:
        from google.api_core.exceptions import NotFound

        mine = "" if key is None else f" AND `key` = {sql.literal(key)}"
        text = (
            f"SELECT `number`, `key`, `position` FROM {self._path(COMMITS)}"  # noqa: S608
            f" WHERE `target` = {sql.literal(self.table)}{mine} ORDER BY `number` DESC LIMIT 1"
        )
        try:
            row = next(iter(client.query(text, job_retry=None).result(retry=patient(), job_retry=None)), None)
        except NotFound:
            return None
        if row is None:
            return None
        cursor = None if row[2] is None else Cursor(position=json.loads(base64.b64decode(row[2])))
        return Version(table=self.full_name, number=int(row[0]), key=RunKey(row[1]), cursor=cursor)

    def _exists(self, client: Any) -> bool:
        from google.api_core.exceptions import NotFound

        try:
            client.get_table(self._named(self.table), retry=patient())
        except NotFound:
            return False
        return True

    def _conflict(self, newest: Version | None, expected: Version | None) -> CommitConflict:
        return CommitConflict(
            f"another writer committed version {newest.number} meanwhile" if newest else "the log is gone",
            where=self.full_name,
            wanted=f"version {expected.number} to be the newest" if expected else "no version",
            do="Run again: it starts from the newest version",
        )

    def _client(self) -> Any:
        return connected(self.project, endpoint=self.endpoint, location=self.location, where="bigquery_table")

    def _named(self, table: str) -> str:
        return f"{self.project}.{self.dataset}.{table}"

    def _path(self, table: str) -> str:
        return f"`{self._named(table)}`"


def _table(name: str, fields: Sequence[pa.Field]) -> Any:
    from google.cloud.bigquery import Table

    return Table(name, schema=[sql.field_of(field) for field in fields])


def _wrapped(text: str | None) -> str | None:
    # In base 64, so that no quotation mark or line end of a cursor meets GoogleSQL's rules for literals.
    return None if text is None else base64.b64encode(text.encode()).decode()


_fits: type[Sink] = BigqueryTable
_probed: type[Probed] = BigqueryTable
