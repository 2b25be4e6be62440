"""Turn a format's chunks into records: name the rows, rename and choose the columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from tilth.connectors._reading import Chunk
from tilth.connectors._schema import bare
from tilth.core.batch import SYSTEM_FIELDS, canonical
from tilth.core.connector import Record, Reject
from tilth.core.errors import DataError, did_you_mean


@dataclass(frozen=True, kw_only=True)
class Finish:
    """What becomes of a file's own columns."""

    renamed: Mapping[str, str]
    """The file's name for a column -> ours."""
    keep: tuple[str, ...]
    """The file's names of the columns to keep, in order."""
    key: tuple[str, ...]
    """The file's names of the key's columns; empty for path and number."""
    subject: str | None

    def record(self, chunk: Chunk, file: str) -> Record:
        """Return the chunk's rows; a row without a key becomes a reject."""
        batch, ordinals, rejects = chunk.batch, chunk.ordinals, list(chunk.rejects)
        if self.key:
            columns = [[key_text(value) for value in batch.column(name).to_pylist()] for name in self.key]
            keys = list(zip(*columns, strict=True))
            without = [index for index, parts in enumerate(keys) if None in parts]
            if without:
                missing = ", ".join(f'"{self.renamed.get(name, name)}"' for name in self.key)
                rejects += [(ordinals[index], f"the key {missing} is empty") for index in without]
                lacking = set(without)
                kept = [index for index in range(batch.num_rows) if index not in lacking]
                batch = batch.take(pa.array(kept, pa.int64()))
                keys = [keys[index] for index in kept]
            names = tuple(canonical(parts[0] if len(parts) == 1 else list(parts)) for parts in keys)
        else:
            names = tuple(f"{file}:{ordinal}" for ordinal in ordinals)
        subjects = None
        if self.subject is not None:
            subjects = tuple(key_text(value) for value in batch.column(self.subject).to_pylist())
        chosen = batch.select(list(self.keep)).rename_columns([self.renamed.get(name, name) for name in self.keep])
        said = tuple(Reject(file, ordinal, reason) for ordinal, reason in sorted(rejects))
        return Record(batch=chosen, names=names, rejects=said, subjects=subjects, notes=chunk.notes)

    def nothing(self, schema: pa.Schema, notes: tuple[str, ...]) -> Record:
        """Return a record without rows, to say something."""
        return self.record(Chunk(pa.RecordBatch.from_pylist([], schema=bare(schema)), (), notes=notes), "")


def key_text(value: Any) -> str | None:
    """Write a key as text, so that a column read as numbers one day and as text the next names the same rows.

    >>> key_text(42), key_text("42"), key_text(""), key_text(None)
    ('42', '42', None, None)
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    return value.isoformat() if isinstance(value, datetime) else canonical(value)


def finish_for(
    schema: pa.Schema,
    *,
    rename: Mapping[str, str],
    columns: Sequence[str] | None,
    key: Sequence[str],
    subject: str | None,
    where: str,
) -> tuple[Finish, list[str]]:
    """Check the options against the columns there are; return what to do, and what to say.

    Options may use a column's name in the file or the name that it is given. Raises `DataError` for an unknown one.
    """
    here = schema.names
    for name in rename:
        if name not in here:
            raise _no_column(name, here, where, "rename")
    renamed = {**_out_of_the_way(here, rename), **rename}
    final: dict[str, str] = {renamed.get(name, name): name for name in here}
    if len(final) < len(here):
        twice = next(name for name in final if [renamed.get(each, each) for each in here].count(name) > 1)
        raise DataError(f'rename gives two columns the name "{twice}"', where=where, wanted="names that differ")

    def own(name: str, option: str) -> str:
        if name in final:
            return final[name]
        if name in here:
            return name
        raise _no_column(name, list(final), where, option)

    finish = Finish(
        renamed=renamed,
        keep=tuple(own(name, "columns") for name in columns) if columns is not None else tuple(here),
        key=tuple(own(name, "key") for name in key),
        subject=own(subject, "subject") if subject is not None else None,
    )
    moved = [
        f'column "{old}" is called "{new}": the name is taken' for old, new in renamed.items() if old not in rename
    ]
    return finish, moved


def _out_of_the_way(here: Sequence[str], rename: Mapping[str, str]) -> dict[str, str]:
    moved = {}
    for name in here:
        if name in SYSTEM_FIELDS and name not in rename:
            new = f"{name.lstrip('_')}_"
            while new in here or new in rename.values():
                new += "_"
            moved[name] = new
    return moved


def _no_column(name: str, known: Sequence[str], where: str, option: str) -> DataError:
    return DataError(
        f'{option}: no column "{name}"',
        where=where,
        wanted=f"one of {', '.join(known[:50])}" if known else "a file with columns",
        do=did_you_mean(name, known),
    )
