"""Read documents of a collection as records: one that cannot be decoded or does not fit is a reject."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from tilth.connectors._cells import WORDS
from tilth.connectors._mongodb.values import columns_of, learned, plain
from tilth.connectors._reading import BLOCK, ROWS, SAMPLE_CHARS, Chunk
from tilth.connectors._schema import is_json_text, json_text, merged, settled
from tilth.connectors._values import Seen

FETCH = 1000
"""Documents asked for at a time; a server sends 16 MB at most in one answer."""
FIRST, LAST = 800, 200
"""How many documents are looked at: those with the smallest ids, and those with the greatest."""


def options() -> Any:
    """Return how values are decoded: dates as milliseconds, since BSON's reach beyond Python's years."""
    from bson.binary import UuidRepresentation
    from bson.codec_options import CodecOptions, DatetimeConversion

    return CodecOptions(
        datetime_conversion=DatetimeConversion.DATETIME_MS, uuid_representation=UuidRepresentation.STANDARD
    )


def raw(collection: Any) -> Any:
    """Return the collection, giving documents undecoded, so that a broken one costs no other."""
    from bson.codec_options import CodecOptions
    from bson.raw_bson import RawBSONDocument

    return collection.with_options(codec_options=CodecOptions(document_class=RawBSONDocument))


def sample(collection: Any, condition: Mapping[str, Any], projection: Mapping[str, int] | None) -> list[dict[str, Any]]:
    """Return the documents to learn columns from, decoded and plain: the first and the last ids."""
    found: list[dict[str, Any]] = []
    for order, limit in ((1, FIRST), (-1, LAST)):
        size = 0
        with raw(collection).find(condition, projection).sort("_id", order).limit(limit) as cursor:
            for document in cursor:
                size += len(document.raw)
                decoded = _decoded(document.raw)
                if isinstance(decoded, dict):
                    found.append(decoded)
                if size > SAMPLE_CHARS:
                    break
    return found


def schema_of(
    documents: Sequence[Mapping[str, Any]], before: pa.Schema | None, types: Mapping[str, str]
) -> tuple[pa.Schema, list[str]]:
    """Return the columns and what to say of them; those known `before` keep their types."""
    found = learned(documents)
    if before is not None:
        fresh = [field for field in found if field.name not in before.names]
        notes = [f'new field "{field.name}"' for field in fresh]
        schema = settled(pa.schema([*before, *fresh]))
    else:
        schema = settled(merged([found]))
        mixed = [field.name for field in schema if is_json_text(field) and field.name not in types]
        notes = [f'"{name}" holds values of several kinds, or none: read as JSON text' for name in mixed]
    fields = [_as_asked(field.name, types[field.name]) if field.name in types else field for field in schema]
    fields += [_as_asked(name, word) for name, word in types.items() if name not in schema.names]
    return pa.schema(fields), notes


def _as_asked(name: str, word: str) -> pa.Field:
    return json_text(name) if word == "string" else pa.field(name, WORDS[word])


def chunks(cursor: Any, schema: pa.Schema, seen: Seen, deleted: str | None) -> Iterator[tuple[Chunk, Chunk]]:
    """Yield rows, and those of documents that are marked as deleted, 8,192 or 4 MB at a time."""
    waiting: list[dict[str, Any] | str] = []
    size, first = 0, 0
    for document in cursor:
        waiting.append(_decoded(document.raw))
        size += len(document.raw)
        if len(waiting) >= ROWS or size >= BLOCK:
            yield _chunk(waiting, first, schema, seen, deleted)
            first += len(waiting)
            waiting, size = [], 0
    if waiting:
        yield _chunk(waiting, first, schema, seen, deleted)


def _decoded(raw: bytes) -> dict[str, Any] | str:
    import bson
    from bson.errors import BSONError

    try:
        # A key that stands twice in a document: the last one counts, as in every client.
        return {key: plain(value) for key, value in bson.decode(raw, options()).items()}
    except (BSONError, RecursionError, ValueError):
        return "the document is not valid BSON, such as a text that is not UTF-8"


def _chunk(
    documents: Sequence[dict[str, Any] | str], first: int, schema: pa.Schema, seen: Seen, deleted: str | None
) -> tuple[Chunk, Chunk]:
    whole = [(first + at, each) for at, each in enumerate(documents) if isinstance(each, dict)]
    broken = [(first + at, each) for at, each in enumerate(documents) if isinstance(each, str)]
    found = columns_of([each for _, each in whole], schema, seen)
    fitting = [pair for at, pair in enumerate(whole) if at not in found.wrong]
    rejects = sorted([*broken, *((whole[at][0], reason) for at, reason in found.wrong.items())])
    gone = [bool(deleted and each.get(deleted)) for _, each in fitting]
    here, there = ([at for at, is_gone in enumerate(gone) if is_gone is wanted] for wanted in (False, True))
    rows = Chunk(_taken(found.batch, here), [fitting[at][0] for at in here], tuple(rejects))
    return rows, Chunk(_taken(found.batch, there), [fitting[at][0] for at in there])


def _taken(batch: pa.RecordBatch, rows: Sequence[int]) -> pa.RecordBatch:
    return batch if len(rows) == batch.num_rows else batch.take(pa.array(rows, pa.int64()))
