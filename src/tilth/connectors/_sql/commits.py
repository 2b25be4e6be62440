"""Merge what workers staged into a table, with the run key and the cursor, in one transaction.

`_tilth_commits`, beside the table, holds one row a version. A commit takes the table's lock, sees whether its key is
there already and whether the newest version is the expected one, merges, and adds its row: all or nothing. Statements
that change tables come before the transaction, since MySQL would end it there; none of them removes a row.
"""

# ruff: noqa: S608 (names are quoted, values are literals that a dialect wrote)
from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from tilth.connectors._schema import load
from tilth.connectors._sql.dialect import Column, Dialect, Session
from tilth.connectors._sql.drift import spoken
from tilth.connectors._sql.plain import holds
from tilth.connectors._sql.stage import Target, read_file, there
from tilth.core.errors import CommitConflict, DataError, Terminal, TilthError
from tilth.core.shard import Cursor, Receipt, RunKey, Version

LEDGER = "_tilth_commits"
HELD = "_tilth_rows"
"""The temporary table that staged files are loaded into."""
_FIELDS = ("table_name", "number", "run_key", "fingerprint", "cursor_json", "committed_at")


class Commit:
    """One commit to one table, over one session."""

    def __init__(self, dialect: Dialect, session: Session, target: Target, folder: Path | None) -> None:
        self.dialect, self.session, self.target, self.folder = dialect, session, target, folder
        self.name = dialect.table(target.table)
        self.ledger = dialect.table(target.beside(LEDGER))

    def run(self, receipts: Sequence[Receipt], key: RunKey, cursor: Cursor | None, expected: Version | None) -> Version:
        """Do it, or find that it was done. Raises `CommitConflict` where another version is the newest."""
        self._make_ledger()
        found = self._found(key, expected)
        if found is not None:
            return found
        staged = sorted((one for one in receipts if one.parts), key=lambda one: one.shard)
        schema = self._schema(staged)
        columns = self._prepare(schema)
        with self.dialect.lock(self.session, f"tilth:{self.target.table}"[-64:]), self.session.transaction():
            found = self._found(key, expected)
            if found is None:
                self._merge(staged, schema, columns)
                found = self._written(staged, key, cursor)
        # What stays behind is removed by the next commit.
        with contextlib.suppress(TilthError, OSError):
            self._clean()
        return found

    def newest(self) -> Version | None:
        """Return the newest version; None where there is none, or no ledger."""
        if LEDGER not in self.dialect.tables(self.session, self.target.schema, LEDGER):
            return None
        found = self._versions("ORDER BY number DESC LIMIT 1")
        return found[0] if found else None

    def _found(self, key: RunKey, expected: Version | None) -> Version | None:
        """Return the version that was committed under a key; else see that the newest is the expected one."""
        done = self._versions(f"AND run_key = {self.dialect.string(key)}")
        if done:
            return done[0]
        newest = self.newest()
        if (newest and (newest.number, newest.key)) != (expected and (expected.number, expected.key)):
            raise CommitConflict(
                f"{self.target.table}: version {newest.number if newest else 0} is the newest, not "
                f"{expected.number if expected else 0}",
                do="Another run has committed meanwhile. Run again.",
            )
        return None

    def _versions(self, more: str) -> list[Version]:
        rows = self.session.rows(
            f"SELECT number, run_key, fingerprint, cursor_json FROM {self.ledger}"
            f" WHERE table_name = {self.dialect.string(self.target.table)} {more}"
        )
        return [
            Version(table=self.target.table, number=int(number), key=RunKey(key), fingerprint=print_,
                    cursor=None if said is None else Cursor(position=json.loads(said)))
            for number, key, print_, said in rows
        ]  # fmt: skip

    def _make_ledger(self) -> None:
        if LEDGER in self.dialect.tables(self.session, self.target.schema, LEDGER):
            return
        word, text = self.dialect.kind(pa.string(), key=True), self.dialect.kind(pa.string())
        kinds = (f"{word} NOT NULL", f"{self.dialect.kind(pa.int64())} NOT NULL", f"{word} NOT NULL", word, text, word)
        columns = [f"{name} {kind}" for name, kind in zip(_FIELDS, kinds, strict=True)]
        # Two commits may make it at once.
        with contextlib.suppress(TilthError):
            self.session.execute(self.dialect.create(self.ledger, [*columns, "PRIMARY KEY (table_name, number)"]))
        self.session.rows(f"SELECT 1 FROM {self.ledger} LIMIT 1")

    def _schema(self, staged: Sequence[Receipt]) -> pa.Schema:
        """Return one schema for all receipts; a number's type may be wider in some."""
        fields: dict[str, pa.Field] = {}
        for receipt in staged:
            for each in load(receipt.notes["schema"]):
                known = fields.get(each.name, each)
                if not (holds(known.type, each.type) or holds(each.type, known.type) or known.type == each.type):
                    kinds = f"{spoken(known.type)} in one shard and {spoken(each.type)} in another"
                    raise DataError(
                        f'{self.target.table}: column "{each.name}" is {kinds}', do="Cast it in the recipe."
                    )
                fields[each.name] = each if holds(known.type, each.type) else known
        return pa.schema(list(fields.values()))

    def _prepare(self, schema: pa.Schema) -> list[Column]:
        """Make the table, or the columns that it lacks; return its columns."""
        dialect, target = self.dialect, self.target
        columns = there(self.session, dialect, target)
        if not len(schema):
            return columns or []
        target.check(schema, dialect, columns)
        keyed = target.key if target.mode != "append" else ()
        if columns is None:
            made = [self._definition(field, field.name in keyed) for field in schema]
            if keyed:
                made.append(f"PRIMARY KEY ({', '.join(map(dialect.quote, keyed))})")
            self.session.execute(dialect.create(self.name, made))
        else:
            known = {column.name for column in columns}
            for field in schema:
                if field.name not in known:
                    self.session.execute(f"ALTER TABLE {self.name} ADD COLUMN {self._definition(field, False)}")
            if keyed and not dialect.unique(self.session, target.table, keyed):
                raise DataError(
                    f"{target.table} does not keep its key {', '.join(keyed)} unique, or has another unique key",
                    do=f"CREATE UNIQUE INDEX … ON {target.table} ({', '.join(keyed)}), or say mode: append.",
                )
        return dialect.columns(self.session, self.name)

    def _definition(self, field: pa.Field, keyed: bool) -> str:
        kind = self.dialect.kind(field.type, key=keyed)
        return f"{self.dialect.quote(field.name)} {kind}{' NOT NULL' if keyed else ''}"

    def _merge(self, staged: Sequence[Receipt], schema: pa.Schema, columns: Sequence[Column]) -> None:
        key = self.target.key
        if not staged:
            if self.target.mode == "replace" and columns:
                self.session.execute(f"DELETE FROM {self.name}")
            return
        selects = list(self._selects(staged, schema, columns))
        rows = " UNION ALL ".join(selects)
        wanted = sum(one.rows for one in staged)
        count = self.session.rows(f"SELECT count(*) FROM ({rows}) AS s")[0][0]
        if int(count) != wanted:
            raise Terminal(
                f"{self.target.table}: {count} rows are staged, not {wanted}",
                do="The server lost them, or another commit removed them. Run again, writing all rows.",
            )
        names = [self.dialect.quote(name) for name in schema.names]
        if self.target.mode == "append":
            self.session.execute(f"INSERT INTO {self.name} ({', '.join(names)}) {rows}")
            return
        keys = ", ".join(map(self.dialect.quote, key))
        if self.session.rows(f"SELECT {keys} FROM ({rows}) AS s GROUP BY {keys} HAVING count(*) > 1 LIMIT 1"):
            raise DataError(
                f"{self.target.table}: a key ({', '.join(key)}) stands twice among the rows",
                do="Take duplicates out in the recipe, or name a key that tells rows apart.",
            )
        self.session.execute(self.dialect.upsert(self.name, schema.names, rows, key))
        if self.target.mode == "replace":
            self.session.execute(self._missing(f"SELECT {keys} FROM ({rows}) AS r"))

    def _missing(self, rows: str) -> str:
        """Return the statement that deletes the rows whose keys are not among others."""
        keys = [self.dialect.quote(name) for name in self.target.key]
        if self.dialect.name in ("mysql", "sqlite"):
            listed = keys[0] if len(keys) == 1 else f"({', '.join(keys)})"
            return f"DELETE FROM {self.name} WHERE {listed} NOT IN ({rows})"
        same = " AND ".join(f"s.{key} = {self.name}.{key}" for key in keys)
        return f"DELETE FROM {self.name} WHERE NOT EXISTS (SELECT 1 FROM ({rows}) AS s WHERE {same})"

    def _selects(self, staged: Sequence[Receipt], schema: pa.Schema, columns: Sequence[Column]) -> Iterator[str]:
        known = {column.name: column for column in columns}
        if self.folder is not None:
            yield self._loaded(staged, schema)
            return
        listed = set(self.dialect.tables(self.session, self.target.schema, self.target.prefix))
        for receipt in staged:
            own = load(receipt.notes["schema"])
            reads = [self._read(field, own, known) for field in schema]
            for part in receipt.parts:
                if part.path not in listed:
                    raise Terminal(
                        f"{self.target.table}: what was staged for shard {receipt.shard} is gone",
                        do="Another commit has removed it. Run again, writing all rows.",
                    )
                yield f"SELECT {', '.join(reads)} FROM {self.dialect.table(self.target.beside(part.path))}"

    def _read(self, field: pa.Field, own: pa.Schema, known: dict[str, Column]) -> str:
        if field.name in own.names:
            return self.dialect.transfer(field.name, known.get(field.name), field.type)
        null = "NULL" if self.dialect.name == "mysql" else f"CAST(NULL AS {self.dialect.kind(field.type)})"
        return f"{null} AS {self.dialect.quote(field.name)}"

    def _loaded(self, staged: Sequence[Receipt], schema: pa.Schema) -> str:
        """Load the staged files into a temporary table, which the transaction drops if it fails."""
        assert self.folder is not None
        self.session.execute(f"DROP TABLE IF EXISTS {HELD}")
        kinds = [f"{self.dialect.quote(field.name)} {self.dialect.kind(field.type)}" for field in schema]
        self.session.execute(f"CREATE TEMP TABLE {HELD} ({', '.join(kinds)})")
        for part in itertools.chain.from_iterable(receipt.parts for receipt in staged):
            path = self.folder / part.path
            if not path.is_file():
                raise Terminal(f"{self.target.table}: {part.path} is gone", do="Run again, writing all rows.")
            batches = (_aligned(batch, schema) for batch in read_file(path))
            first = next(batches, None)
            if first is not None:
                self.session.load(HELD, itertools.chain([first], batches), first.schema)
        names = ", ".join(map(self.dialect.quote, schema.names))
        return f"SELECT {names} FROM {HELD}"

    def _written(self, staged: Sequence[Receipt], key: RunKey, cursor: Cursor | None) -> Version:
        """Add the version's row to the ledger."""
        newest = self.newest()
        before = newest.fingerprint if newest and self.target.mode != "replace" else ""
        digests = [part.digest for one in staged for part in one.parts]
        said = hashlib.blake2b(json.dumps([before, digests]).encode(), digest_size=16).hexdigest()
        number = (newest.number if newest else 0) + 1
        position = None if cursor is None else json.dumps(dict(cursor.position), allow_nan=False)
        text = self.dialect.string
        values = [text(self.target.table), str(number), text(key), text(said),
                  "NULL" if position is None else text(position), self.dialect.now]  # fmt: skip
        self.session.execute(f"INSERT INTO {self.ledger} ({', '.join(_FIELDS)}) VALUES ({', '.join(values)})")
        return Version(table=self.target.table, number=number, key=key, fingerprint=said, cursor=cursor)

    def _clean(self) -> None:
        """Remove what is staged for the table: what was merged, and what writers that died have left."""
        if self.folder is not None:
            self.session.execute(f"DROP TABLE IF EXISTS {HELD}")
            for path in self.folder.iterdir() if self.folder.is_dir() else ():
                path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                self.folder.rmdir()
            return
        for name in self.dialect.tables(self.session, self.target.schema, self.target.prefix):
            self.session.execute(f"DROP TABLE IF EXISTS {self.dialect.table(self.target.beside(name))}")


def _aligned(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return a batch with all the columns, in the schema's order; nested ones are text by now."""
    arrays = []
    for field in schema:
        at = batch.schema.get_field_index(field.name)
        kind = pa.string() if pa.types.is_nested(field.type) else field.type
        arrays.append(pa.nulls(batch.num_rows, kind) if at < 0 else batch.column(at))
    return pa.RecordBatch.from_arrays(arrays, names=schema.names)
