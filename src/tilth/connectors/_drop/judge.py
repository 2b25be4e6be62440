"""Hold a delivered file against the agreed schema: its columns, and the type of every value in them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tilth.connectors._cells import WORDS
from tilth.connectors.files import Files
from tilth.core.errors import DataError, RecipeError, did_you_mean

_MOST = 20
"""Breaches that a report quotes, by place and reason; never a value."""


@dataclass(kw_only=True)
class Verdict:
    """What was found."""

    rows: int = 0
    broken: int = 0
    """Rows that break the agreement."""
    columns: list[str] = field(default_factory=list)
    """The file's own."""
    breaches: list[dict[str, Any]] = field(default_factory=list)
    """The first ones: what, where, wanted."""

    def add(self, what: str, where: str, wanted: str, rows: int = 1) -> None:
        """Note a breach."""
        self.broken += rows
        if len(self.breaches) < _MOST:
            self.breaches.append({"what": what, "where": where, "wanted": wanted})


def check_schema(schema: Mapping[str, str] | None, where: str) -> None:
    """Raise `RecipeError` for types that there are not."""
    for column, word in (schema or {}).items():
        if word.removesuffix("?") not in WORDS:
            wanted = f"one of {', '.join(WORDS)}, with ? where a value may be missing"
            do = did_you_mean(word.removesuffix("?"), WORDS)
            raise RecipeError(f'no type "{word}"', where=f"{where}.{column}", wanted=wanted, do=do)


def types_of(schema: Mapping[str, str] | None, columns: Collection[str]) -> dict[str, str] | None:
    """Return the types of the columns that there are, as `files` takes them."""
    found = {column: word.removesuffix("?") for column, word in (schema or {}).items() if column in columns}
    return found or None


def judged(files: Files, schema: Mapping[str, str] | None, *, extra: bool) -> Verdict:
    """Read the whole file and return what breaks the agreement; `files` reads it alone, with all of its columns."""
    verdict = Verdict()
    try:
        # Without types first: with them, a column that is not there would be made up.
        here = verdict.columns = _columns(replace(files, types=None, key=None, subject=None, columns=None, rename=None))
        wrong = [name for name in schema or {} if not (schema or {})[name].endswith("?") and name not in here]
        for name in wrong:
            verdict.add(f'no column "{name}"', "the file", f"columns {', '.join(schema or {})}")
        for name in here if schema and not extra else ():
            if name not in (schema or {}):
                verdict.add(f'a column "{name}" that was not agreed', "the file", f"columns {', '.join(schema or {})}")
        if not verdict.breaches:
            _read(files, {name: word for name, word in (schema or {}).items() if name in here}, verdict)
    except DataError as error:
        verdict.add(error.what, error.where or "the file", error.wanted or "a file that can be read")
    return verdict


def _columns(files: Files) -> list[str]:
    """Return the columns as the file names them: what is agreed is what the partner writes."""
    shards, _ = files.plan()
    for record in files.read(shards[0]):
        return [str(name) for name in record.batch.schema.names]
    return []


def _read(files: Files, schema: Mapping[str, str], verdict: Verdict) -> None:
    typed = replace(files, types=types_of(schema, schema), columns=None)
    renamed = files.rename or {}
    needed = {renamed.get(name, name): word for name, word in schema.items() if not word.endswith("?")}
    for shard in typed.plan()[0]:
        for record in typed.read(shard):
            verdict.rows += record.batch.num_rows + len(record.rejects)
            for reject in record.rejects:
                verdict.add(reject.reason, f"record {reject.ordinal}", "a record that fits the agreement")
            for name, word in needed.items():
                nulls = record.batch.column(name).null_count if name in record.batch.schema.names else 0
                if nulls:
                    verdict.add(f'{nulls} empty cells in "{name}"', "the file", f"{word}, never empty", nulls)
