"""Turn the batches of a result into records: name the rows, set aside those without a key, rename the columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from tilth.connectors._finish import Finish, key_text
from tilth.connectors._sql.dialect import Piece
from tilth.core.batch import canonical
from tilth.core.connector import Record, Reject

_SPECIAL = r'["\\\x00-\x1f]'


@dataclass(frozen=True)
class Landing:
    """What becomes of the pieces of one shard."""

    finish: Finish
    schema: pa.Schema
    """The types that rows have, by the database's names."""
    place: str
    """What a reject calls the shard."""

    def record(self, piece: Piece, ordinal: int) -> Record:
        """Return a piece as a record; its first row is the shard's row `ordinal`, from 0."""
        batch, bad = self._typed(piece.batch, dict(piece.bad))
        keys = [texts(batch.column(name)) for name in self.finish.key]
        for column in keys:
            if column.null_count:
                missing = ", ".join(f'"{self.finish.renamed.get(name, name)}"' for name in self.finish.key)
                for row in pc.indices_nonzero(column.is_null()).to_pylist():
                    bad.setdefault(row, f"the key {missing} is empty")
        rejects = tuple(Reject(self.place, ordinal + row, reason) for row, reason in sorted(bad.items()))
        if bad:
            kept = pa.array([row for row in range(batch.num_rows) if row not in bad], pa.int64())
            batch, keys = batch.take(kept), [column.take(kept) for column in keys]
        subjects = None
        if self.finish.subject is not None:
            subjects = tuple(texts(batch.column(self.finish.subject)).to_pylist())
        chosen = batch.select(list(self.finish.keep))
        chosen = chosen.rename_columns([self.finish.renamed.get(name, name) for name in self.finish.keep])
        plain = [not pa.types.is_string(self.schema.field(name).type) for name in self.finish.key]
        return Record(batch=chosen, names=names(keys, plain), rejects=rejects, subjects=subjects, notes=piece.notes)

    def gone(self, batch: pa.RecordBatch) -> Record:
        """Return the record that says that the rows with these keys are gone."""
        keys = [texts(batch.column(name)) for name in self.finish.key]
        whole = [row for row in zip(*(column.to_pylist() for column in keys), strict=True) if None not in row]
        said = names([pa.array(column, pa.string()) for column in zip(*whole, strict=True)]) if whole else ()
        return self.nothing(())._replace(gone=said)

    def nothing(self, notes: Sequence[str]) -> Record:
        """Return a record without rows, to say something."""
        columns = [pa.field(self.finish.renamed.get(name, name), self.schema.field(name).type)
                   for name in self.finish.keep]  # fmt: skip
        batch = pa.RecordBatch.from_pylist([], schema=pa.schema(columns))
        subjects = None if self.finish.subject is None else ()
        return Record(batch=batch, names=(), subjects=subjects, notes=tuple(notes))

    def _typed(self, batch: pa.RecordBatch, bad: dict[int, str]) -> tuple[pa.RecordBatch, dict[int, str]]:
        """Bring columns to the types that were planned, and add those that went."""
        if batch.schema.equals(self.schema):
            return batch, bad
        arrays = []
        for field in self.schema:
            at = batch.schema.get_field_index(field.name)
            column = pa.nulls(batch.num_rows, field.type) if at < 0 else batch.column(at)
            arrays.append(column if column.type == field.type else column.cast(field.type))
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema), bad


def texts(column: pa.Array) -> pa.Array:
    """Write keys as texts, so that a column read as numbers one day and as text the next names the same rows.

    >>> texts(pa.array([42, None])).to_pylist(), texts(pa.array(["", "a"])).to_pylist()
    (['42', None], [None, 'a'])
    """
    kind = column.type
    if pa.types.is_string(kind):
        empty = pc.equal(column, "")
        return pc.if_else(empty, pa.scalar(None, pa.string()), column) if pc.any(empty).as_py() else column
    if pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return column.cast(pa.string())
    return pa.array(map(key_text, column.to_pylist()), pa.string())


def names(keys: Sequence[pa.Array], plain: Sequence[bool] = ()) -> tuple[str, ...]:
    """Return rows' names: the key's texts as JSON, a list of them where the key has several columns.

    `plain` says which of the columns hold no character that JSON escapes, such as numbers.

    >>> names([pa.array(["a", 'b"'])]), names([pa.array(["1"]), pa.array(["x"])])
    (('"a"', '"b\\\\""'), ('["1","x"]',))
    """
    told = plain or [False] * len(keys)
    safe = [column if known else _escaped(column) for column, known in zip(keys, told, strict=True)]
    if len(safe) == 1:
        return _between('"', safe[0], '"')
    quoted = [pc.binary_join_element_wise('"', column, '"', "") for column in safe]
    return _between("[", pc.binary_join_element_wise(*quoted, ","), "]")


def _between(before: str, texts: pa.Array, after: str) -> tuple[str, ...]:
    """Put each text between two others; none holds a newline, so that all can be made as one and cut: twice as fast."""
    if not len(texts):
        return ()
    one = pa.ListArray.from_arrays(pa.array([0, len(texts)], pa.int32()), texts)
    joined = pc.binary_join(one, f"{after}\n{before}")[0].as_py()
    return tuple(f"{before}{joined}{after}".split("\n"))


def _escaped(column: pa.Array) -> pa.Array:
    if not pc.any(pc.match_substring_regex(column, _SPECIAL)).as_py():
        return column
    return pa.array([canonical(text)[1:-1] for text in column.to_pylist()], pa.string())
