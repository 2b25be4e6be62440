"""Cut a collection into ranges of a field that stay the same as documents are added behind them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

_KINDS = (
    ("number", ("int", "float", "Int64", "Decimal128")),
    ("string", ("str",)),
    ("object", ("dict", "SON", "OrderedDict")),
    ("binData", ("bytes", "Binary", "UUID")),
    ("objectId", ("ObjectId",)),
    ("bool", ("bool",)),
    ("date", ("DatetimeMS", "datetime")),
)
"""MongoDB compares only within these kinds: https://www.mongodb.com/docs/manual/reference/bson-type-comparison-order."""


class Range(NamedTuple):
    """Values above `low` (None: from the first) and up to `high`."""

    low: Any
    high: Any
    kind: str | None = None
    """Given where the field holds several kinds of values."""

    def query(self, field: str) -> dict[str, Any]:
        """Return the condition for MongoDB."""
        low = {} if self.low is None else {"$gt": self.low}
        kind = {} if self.kind is None else {"$type": self.kind}
        return {field: {**low, "$lte": self.high, **kind}}


def packed(value: Any) -> str:
    """Write a value of BSON as text that `unpacked` reads back, in the same kind."""
    from bson import json_util

    return json_util.dumps(value, json_options=json_util.CANONICAL_JSON_OPTIONS, sort_keys=False)


def unpacked(text: str) -> Any:
    """Read what `packed` wrote."""
    from bson import json_util
    from bson.binary import UuidRepresentation
    from bson.codec_options import DatetimeConversion

    options = json_util.CANONICAL_JSON_OPTIONS.with_options(
        datetime_conversion=DatetimeConversion.DATETIME_MS,
        uuid_representation=UuidRepresentation.STANDARD,
        tz_aware=False,
    )
    return json_util.loads(text, json_options=options)


def query_of(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a filter of the recipe as MongoDB takes it: `{"$date": …}`, `{"$oid": …}` stand for their kinds."""
    read: dict[str, Any] = unpacked(json.dumps(dict(given or {}), default=str))
    return read


def together(*conditions: Mapping[str, Any]) -> dict[str, Any]:
    """Return the condition that all of these hold."""
    told = [dict(each) for each in conditions if each]
    return {"$and": told} if len(told) > 1 else (told[0] if told else {})


def ranges(collection: Any, field: str, condition: Mapping[str, Any], rows: int) -> Iterator[Range]:
    """Cut what there is into ranges of about `rows` documents, by walking the field's index.

    A range holds more where one value stands in more documents. Of a field without an index MongoDB sorts everything
    for each cut. Each kind of value (numbers, texts, object ids …) is cut for itself, since MongoDB compares so.
    """
    known: list[str] = []
    last = greatest(collection, field, condition)
    while True:
        others = {"$nor": [{field: {"$type": known}}]} if known else {}
        first = _at(collection, field, together(condition, others, _there(field)), 0, 1)
        kind = kind_of(first)
        if kind is None:
            return
        if not known and kind == kind_of(last):
            yield from cut(collection, field, condition, rows, None, last)
            return
        mine = {field: {"$type": kind}}
        high = greatest(collection, field, together(condition, mine))
        yield from cut(collection, field, condition, rows, None, high, kind)
        known.append(kind)


def cut(
    collection: Any, field: str, condition: Mapping[str, Any], rows: int, low: Any, high: Any, kind: str | None = None
) -> Iterator[Range]:
    """Cut what there is above `low` and up to `high`, both of one kind."""
    while True:
        rest = together(condition, Range(low, high, kind).query(field))
        edge = _at(collection, field, rest, rows - 1, 1)
        if edge is None:
            if _at(collection, field, rest, 0, 1) is not None:
                yield Range(low, high, kind)
            return
        yield Range(low, edge, kind)
        low = edge


def greatest(collection: Any, field: str, condition: Mapping[str, Any]) -> Any:
    """Return the greatest value of a field, None where no document has one."""
    return _at(collection, field, together(condition, _there(field)), 0, -1)


def _there(field: str) -> dict[str, Any]:
    # Every document has an id.
    return {} if field == "_id" else {field: {"$ne": None}}


def kind_of(value: Any) -> str | None:
    """Return the kind within which MongoDB compares a value; None where ranges make no sense."""
    name = type(value).__name__
    return next((kind for kind, names in _KINDS if name in names), None)


def _at(collection: Any, field: str, condition: Mapping[str, Any], skip: int, order: int) -> Any:
    keep = {field: 1} if field == "_id" else {field: 1, "_id": 0}
    found = collection.find(condition, keep).sort(field, order).skip(skip).limit(1)
    if field != "_id":
        found = found.allow_disk_use(True)
    with found as cursor:
        document = next(iter(cursor), None)
    for step in field.split("."):
        document = document.get(step) if isinstance(document, Mapping) else None
    return document
