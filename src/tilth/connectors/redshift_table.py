"""Write rows to an Amazon Redshift table."""

# ruff: noqa: S608 (names are quoted, values are literals or parameters)
from __future__ import annotations

import hashlib
import io
import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa
from pyarrow import types as t

from tilth.bytes.opening import open_store
from tilth.bytes.store import Store
from tilth.connectors._redshift.columns import Losses, definition, ready
from tilth.connectors._redshift.session import Session, connected, literal, quoted, table_name
from tilth.connectors._schema import dump, load
from tilth.core.batch import ID, Batch
from tilth.core.connector import Finding, Probed, Sink
from tilth.core.errors import CommitConflict, DataError, RecipeError, TilthError, did_you_mean
from tilth.core.secret import reveal
from tilth.core.shard import Cursor, Part, Receipt, RunKey, Shard, Version
from tilth.tables._types import merged

COMMITS = "_tilth_commits"
MODES = ("append", "upsert", "replace")
FILE_BYTES = 256 << 20
"""About how large one Parquet file becomes."""
_LOG = ("target VARCHAR(300)", "number BIGINT", "run_key VARCHAR(300)", "position VARCHAR(65535)")


@dataclass(frozen=True, kw_only=True)
class RedshiftTable:
    """Write rows to an Amazon Redshift table.

    Workers put Parquet files into S3, named by shard and content. A commit is one transaction, alone under a lock on
    `_tilth_commits`: COPY brings the files into temporary tables, from there the rows go to the table, and number, key
    and cursor are written down. So readers see all of it or nothing, and a run that is killed and run again commits
    once. The files go after the commit; those of a run that never commits are for the bucket's lifecycle rule.

    Times are stored as TIMESTAMP in UTC, lists and structs as JSON text. Redshift holds no NUL in a text: U+2400 stands
    for it, and the receipt counts them. Rows of one commit that share a key in mode `upsert` are all kept.

    >>> RedshiftTable(url="env:REDSHIFT_URL", table="crm.clean", staging="s3://b/p", iam_role="env:ROLE").mode
    'upsert'
    """

    url: str
    """Where the cluster is, as env:NAME; redshift://user:password@host:5439/database."""
    table: str
    """The table, with or without its schema; made when it is not there."""
    staging: str
    """A folder in S3 through which to write, such as s3://bucket/prefix."""
    iam_role: str
    """The role with which the cluster reads there: an ARN, or env:NAME of it."""
    mode: Literal["append", "upsert", "replace"] = "upsert"
    """append: beside what is there, all rows of each run; upsert: in place of rows with the same key; replace: in
    place of all rows, also those that others wrote."""
    key: str = ID
    """The column that says which rows are the same, for upsert."""
    text_bytes: int = 65535
    """How wide text columns are made; a longer text is an error that names its row."""

    def __post_init__(self) -> None:
        for option in ("url", "table", "staging", "iam_role", "key"):
            if not getattr(self, option):
                raise RecipeError(f"no {option}", where=f"redshift_table.{option}", wanted=f"a {option}")
        if not self.staging.startswith("s3://"):
            raise RecipeError(
                f'"{self.staging}" is not in S3', where="redshift_table.staging", wanted="s3://bucket/prefix"
            )
        if self.mode not in MODES:
            raise RecipeError(
                f'no mode "{self.mode}"',
                where="redshift_table.mode",
                wanted=f"one of {', '.join(MODES)}",
                do=did_you_mean(self.mode, MODES),
            )

    def write(self, shard: Shard, batches: Iterable[Batch]) -> Receipt:
        """Put a shard's rows into S3. Twice the same rows give the same files. Holds one batch."""
        losses, parts, schemas = Losses(), list[Part](), list[str]()
        store = open_store(self.staging)
        made = (ready(batch, self.text_bytes, losses, self.table) for batch in batches if batch.num_rows)
        for file, schema, rows in _files(made):
            digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
            path = f"{self._folder}/{shard.id}-{len(parts):05d}-{digest}.parquet"
            size = _put(store, path, file)
            parts.append(Part(path=path, rows=rows, bytes=size, digest=digest))
            schemas.append(dump(schema))
        notes: dict[str, Any] = {"schemas": schemas} if schemas else {}
        notes |= {"nul_texts": losses.nul} if losses.nul else {}
        return Receipt(shard=shard.id, parts=tuple(parts), rows=sum(part.rows for part in parts), notes=notes)

    def commit(
        self, receipts: Sequence[Receipt], key: RunKey, cursor: Cursor | None, expected: Version | None
    ) -> Version:
        """Bring what is in S3 in, once under a key. Raises `CommitConflict`; `DataError` where a file is gone."""
        ordered = sorted(receipts, key=lambda each: each.shard)
        parts = [part for receipt in ordered for part in receipt.parts]
        store = open_store(self.staging)
        with connected(self.url, where="redshift_table") as session:
            session.execute(f"CREATE TABLE IF NOT EXISTS {self._log} ({', '.join(_LOG)})")
            session.commit()
            # Who waits here sees, once he has the lock, what the one before him committed.
            session.execute(f"LOCK TABLE {self._log}")
            done = self._version(session, key)
            if done is None:
                newest = self._version(session)
                if newest != expected and (newest is None or expected is None or newest.number != expected.number):
                    raise self._conflict(newest, expected)
                self._check_there(store, parts)
                self._bring(session, ordered, _digest(key))
                number = 0 if expected is None else expected.number + 1
                position = None if cursor is None else json.dumps(dict(cursor.position), sort_keys=True)
                self._note(session, number, key, position)
                done = Version(table=self.table, number=number, key=key, cursor=cursor)
            session.commit()
        for part in parts:
            store.delete(part.path)
        return done

    def newest(self) -> Version | None:
        """Return what was committed last."""
        with connected(self.url, where="redshift_table") as session:
            return self._version(session) if self._exists(session, COMMITS) else None

    def probe(self) -> Iterator[Finding]:
        """Try to reach the cluster, to log in, to make a table, and to bring a row from S3 into it."""
        try:
            with connected(self.url, where="redshift_table") as session:
                session.rows("SELECT 1")
                yield Finding(True, "redshift_table: the cluster answers")
                store = open_store(self.staging)
                batch = pa.RecordBatch.from_pydict({ID: ["probe"]})
                file = io.BytesIO()
                _parquet(file, [batch])
                path = f"{self._folder}/probe.parquet"
                store.put(path, file.getvalue())
                yield Finding(True, f"{self.staging}: can be written")
                self._copy(session, "tilth_probe", batch.schema, [path])
                session.execute(f"CREATE TABLE {table_name(f'{self.table}_tilth_probe')} (a INTEGER)")
                store.delete(path)
        except TilthError as error:
            yield Finding(False, str(error.what), error.do or "See the URL, the user's rights, the bucket, the role.")
            return
        yield Finding(True, f"{self.table}: the cluster can read what is staged, and make tables")

    # What a commit is made of.

    def _bring(self, session: Session, receipts: Sequence[Receipt], tag: str) -> None:
        into = table_name(self.table)
        columns = pa.schema([])
        groups: dict[str, list[str]] = {}
        for receipt in receipts:
            for part, shape in zip(receipt.parts, receipt.notes.get("schemas", ()), strict=True):
                columns = merged(columns, load(shape), self.table)
                groups.setdefault(shape, []).append(part.path)
        if len(columns):
            self._make(session, into, columns)
        if self.mode == "replace" and (len(columns) or self._exists(session)):
            session.execute(f"DELETE FROM {into}")
        for at, (shape, paths) in enumerate(groups.items()):
            staged, schema = f"tilth_{tag}_{at}", load(shape)
            self._copy(session, staged, schema, paths)
            if self.mode == "upsert":
                key = quoted(self.key)
                session.execute(f"DELETE FROM {into} WHERE {key} IN (SELECT {key} FROM {quoted(staged)})")
            names = ", ".join(map(quoted, schema.names))
            session.execute(f"INSERT INTO {into} ({names}) SELECT {names} FROM {quoted(staged)}")
            session.execute(f"DROP TABLE {quoted(staged)}")

    def _copy(self, session: Session, staged: str, schema: pa.Schema, paths: Sequence[str]) -> None:
        """Make a temporary table of the rows in files; their columns are in the order of the table's."""
        columns = ", ".join(definition(field, self.text_bytes) for field in schema)
        session.execute(f"CREATE TEMP TABLE {quoted(staged)} ({columns})")
        role = literal(reveal(self.iam_role, where="redshift_table.iam_role"))
        root = self.staging.rstrip("/")
        for path in paths:
            source = literal(f"{root}/{path}")
            session.execute(f"COPY {quoted(staged)} FROM {source} IAM_ROLE {role} FORMAT AS PARQUET")

    def _make(self, session: Session, into: str, columns: pa.Schema) -> None:
        """Make the table where there is none, and add the columns that it lacks."""
        made = ", ".join(definition(field, self.text_bytes) for field in columns)
        session.execute(f"CREATE TABLE IF NOT EXISTS {into} ({made})")
        known = {field.name for field in session.described(f"SELECT * FROM {into}")}
        for field in columns:
            if field.name not in known:
                session.execute(f"ALTER TABLE {into} ADD COLUMN {definition(field, self.text_bytes)}")

    def _exists(self, session: Session, name: str | None = None) -> bool:
        """Tell whether a table is there, by default the one to write."""
        schema, _, mine = self.table.rpartition(".")
        place = literal(schema) if schema else "current_schema()"
        there = f"SELECT 1 FROM information_schema.tables WHERE table_schema = {place} AND table_name = "
        return bool(session.rows(f"{there}{literal(name or mine)} LIMIT 1"))

    def _check_there(self, store: Store, parts: Sequence[Part]) -> None:
        for part in parts:
            found = store.stat(part.path)
            if found is None or found.size != part.bytes:
                raise DataError(
                    f'the part "{part.path}" is gone or cut short', where=self.table, do="Run its shard again"
                )

    def _note(self, session: Session, number: int, key: RunKey, position: str | None) -> None:
        session.execute(f"INSERT INTO {self._log} VALUES (?, ?, ?, ?)", (self.table, number, key, position))

    def _version(self, session: Session, key: RunKey | None = None) -> Version | None:
        mine = " AND run_key = ?" if key is not None else ""
        values = (self.table,) if key is None else (self.table, key)
        found = session.rows(
            f"SELECT number, run_key, position FROM {self._log} WHERE target = ?{mine} ORDER BY number DESC LIMIT 1",
            values,
        )
        if not found:
            return None
        number, under, position = found[0]
        cursor = None if position is None else Cursor(position=json.loads(position))
        return Version(table=self.table, number=int(number), key=RunKey(under), cursor=cursor)

    def _conflict(self, newest: Version | None, expected: Version | None) -> CommitConflict:
        return CommitConflict(
            f"another writer committed version {newest.number} meanwhile" if newest else "the log is gone",
            where=self.table,
            wanted=f"version {expected.number} to be the newest" if expected else "no version",
            do="Run again: it starts from the newest version, and what was staged is kept",
        )

    @property
    def _log(self) -> str:
        schema, _, _ = self.table.rpartition(".")
        return table_name(f"{schema}.{COMMITS}" if schema else COMMITS)

    @property
    def _folder(self) -> str:
        return f"tilth-stage/{self.table}"


def _files(batches: Iterable[Batch]) -> Iterator[tuple[Any, pa.Schema, int]]:
    """Yield rows as Parquet files; a new one begins where the columns change, or one is large enough."""
    from pyarrow.parquet import ParquetWriter

    waiting = iter(batches)
    batch = next(waiting, None)
    while batch is not None:
        schema, rows = _typed(batch.schema), 0
        with tempfile.TemporaryFile() as file:
            with ParquetWriter(file, schema, compression="snappy") as writer:
                while batch is not None and _typed(batch.schema) == schema and file.tell() < FILE_BYTES:
                    writer.write_batch(batch.select(schema.names))
                    rows += batch.num_rows
                    batch = next(waiting, None)
            file.seek(0)
            yield file, schema, rows


def _typed(schema: pa.Schema) -> pa.Schema:
    # A column that holds nothing but nulls: what type it has, other parts may know.
    return pa.schema([field.with_metadata(None) for field in schema if not t.is_null(field.type)])


def _put(store: Store, path: str, file: Any) -> int:
    size = int(file.seek(0, io.SEEK_END))
    file.seek(0)
    writer = store.write(path)
    try:
        while piece := file.read(8 << 20):
            writer.write(piece)
        writer.close()
    except BaseException:
        writer.abandon()
        raise
    return size


def _parquet(file: Any, batches: Sequence[Batch]) -> None:
    import pyarrow.parquet as parquet

    parquet.write_table(pa.Table.from_batches(batches), file)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


_fits: type[Sink] = RedshiftTable
_probed: type[Probed] = RedshiftTable
