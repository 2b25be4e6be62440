"""Learn the columns of a source from the heads of its files: one schema for every shard."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pyarrow as pa

from tilth.connectors._cells import WORDS
from tilth.connectors._files.formats import module_for
from tilth.connectors._reading import SAMPLE, Reading
from tilth.connectors._schema import json_text, merged, settled
from tilth.core.errors import DataError, did_you_mean

MOST_LOOKED_AT = 64
"""How many files are looked at; of more, this many spread evenly over the list."""
EACH_LOOKED_AT = 100
"""How many records of each file but the first."""
TEXTUAL = {"csv", "tsv", "excel"}
"""Formats whose cells have no types of their own, or hardly."""


def learned(
    readings: Sequence[Reading],
    *,
    before: pa.Schema | None,
    names: Collection[str],
    asked: Mapping[str, str],
    where: str,
) -> pa.Schema:
    """Return the schema of all files; columns known `before` keep their types, those in `names` stay text.

    `asked` gives types by the files' own column names. Raises `DataError` where there is no column, or no such column.
    """
    looked_at = _spread(readings, MOST_LOOKED_AT)
    seen = [
        module_for(reading.format).peek(reading, EACH_LOOKED_AT if number else SAMPLE)
        for number, reading in enumerate(looked_at)
    ]
    schema = settled(merged(seen))
    formats = {reading.format for reading in readings}
    if before is not None:
        schema = pa.schema([*before, *(field for field in schema if field.name not in before.names)])
    elif formats <= TEXTUAL:
        # A key is a name, not a quantity: `007` stays as it is.
        schema = pa.schema([pa.field(field.name, pa.string()) if field.name in names else field for field in schema])
    if not len(schema):
        raise DataError(
            "no record in the files looked at can be read",
            where=where,
            wanted="rows with columns",
            do="Look at the file, or say what it is with format: and encoding:.",
        )
    return _typed(schema, asked, where, more=_may_have_more(readings))


def _may_have_more(readings: Sequence[Reading]) -> bool:
    """Tell whether there may be columns that the look has not seen."""
    by_row = any(reading.format in ("json", "jsonl") for reading in readings)
    return by_row or not readings or len(readings) > MOST_LOOKED_AT


def _spread(readings: Sequence[Reading], most: int) -> Sequence[Reading]:
    if len(readings) <= most:
        return readings
    return [readings[number * (len(readings) - 1) // (most - 1)] for number in range(most)]


def _typed(schema: pa.Schema, asked: Mapping[str, str], where: str, *, more: bool) -> pa.Schema:
    """Give columns the types that the recipe asks for; with `more`, to ones that the look has not seen too."""
    fields = [_as_asked(field, asked[field.name]) if field.name in asked else field for field in schema]
    for name in (name for name in asked if name not in schema.names):
        if not more:
            raise DataError(
                f'types: no column "{name}"',
                where=where,
                wanted=f"one of {', '.join(schema.names)}",
                do=did_you_mean(name, schema.names),
            )
        fields.append(_as_asked(json_text(name), asked[name]))
    return pa.schema(fields)


def _as_asked(field: pa.Field, word: str) -> pa.Field:
    if word == "string" and (pa.types.is_nested(field.type) or field.metadata):
        return json_text(field.name)
    return pa.field(field.name, WORDS[word])
