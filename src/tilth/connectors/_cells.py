"""Give text cells a type: infer it from a sample, then convert whole columns.

A type is inferred only where converting loses nothing. An integer has no sign but `-`, no leading zero and fewer than
ten digits (longer ones are telephone numbers, account numbers and the like); a date is ISO 8601; a column whose name
ends in a word such as `id`, `code` or `phone` stays text. An empty cell is null.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

TIMESTAMP = pa.timestamp("us", "UTC")
"""The one type of times: microseconds; a time without a zone is taken as UTC."""
WORDS: dict[str, pa.DataType] = {
    "string": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "timestamp": TIMESTAMP,
}
"""What `types` may say."""
STAY_TEXT = frozenset(
    (
        *("id", "ids", "key", "uuid", "guid", "code", "number", "no", "nr", "num", "hash", "version", "ver"),
        *("phone", "tel", "telephone", "mobile", "fax", "zip", "postcode", "postal", "plz"),
        *("iban", "account", "ssn", "isbn", "ean", "sku"),
    )
)
"""The last words of names of columns whose numbers are no quantities."""
MISSING = frozenset(("NA", "N/A", "NaN", "nan", "null", "NULL", "None", "n/a"))
"""Spellings of a missing value in a column of numbers, times or truth values; in a column of text they are text."""
_INT = r"(0|-?[1-9][0-9]{0,17})"
_FLOAT = r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?"
_BOOL = r"(?i:true|false)"
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
_ZONE = r"(Z|[+-][0-9]{2}:?[0-9]{2})"
_STAMP = rf"{_DATE}([ T]{_TIME}{_ZONE}?)?"
_ZONED = rf"{_DATE}[ T]{_TIME}{_ZONE}"
_STRICT = {"int": _INT, "float": _FLOAT, "bool": _BOOL, "timestamp": _STAMP}
_LENIENT = {
    "int": r"\s*[+-]?[0-9]{1,18}\s*",
    "float": r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?\s*",
    "bool": r"(?i:\s*(true|false|yes|no|t|f|y|n|1|0)\s*)",
    "timestamp": rf"\s*{_STAMP}\s*",
}
"""What is taken where the recipe asks for the type: the user knows that `007` is a number."""


def inferred(name: str, cells: Sequence[str]) -> pa.DataType:
    """Return the type of a column from a sample of its cells; null where all are empty.

    >>> [str(inferred("n", cells)) for cells in (["1", "-20"], ["007"], ["1.5", "2", "NA"], ["2024-02-29"], [""])]
    ['int64', 'string', 'double', 'timestamp[us, tz=UTC]', 'null']
    >>> str(inferred("customer_id", ["1", "2"]))
    'string'
    """
    filled = [cell for cell in cells if cell]
    if not filled:
        return pa.null()
    values = [cell for cell in filled if cell not in MISSING]
    if not values or (words_of(name) or [""])[-1] in STAY_TEXT:
        return pa.string()
    for word in ("int", "float", "bool", "timestamp"):
        if all(re.fullmatch(_STRICT[word], cell) for cell in values):
            if word == "int" and any(len(cell.lstrip("-")) > 9 for cell in values):
                return pa.string()
            if word == "float" and any(len(cell.lstrip("-").partition(".")[0]) > 15 for cell in values):
                return pa.string()
            _, bad = converted(pa.array(values), WORDS[word])
            return pa.string() if bad else WORDS[word]
    return pa.string()


def words_of(name: str) -> list[str]:
    """Split a column's name into lower-case words.

    >>> words_of("customerId"), words_of("Zip code")
    (['customer', 'id'], ['zip', 'code'])
    """
    return re.findall(r"[a-z]+|[0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())


def converted(cells: pa.Array, type: pa.DataType, *, asked: bool = False) -> tuple[pa.Array, list[int]]:
    """Convert text cells (empty ones are null); return the array and the indexes of cells that are not of the type.

    >>> array, bad = converted(pa.array(["1", "", "x"]), pa.int64())
    >>> array.to_pylist(), bad
    ([1, None, None], [2])
    """
    cells = pc.if_else(pc.equal(cells, ""), pa.scalar(None, pa.string()), cells)
    if pa.types.is_string(type):
        return cells, []
    word = next((word for word, known in WORDS.items() if known == type), None)
    if word is None:
        # Only where another file of the source, of a typed format, has a column of that name.
        return pa.nulls(len(cells), type), pc.indices_nonzero(pc.is_valid(cells)).to_pylist()
    pattern = f"^(?:{(_LENIENT if asked else _STRICT)[word]})$"
    fits = pc.match_substring_regex(cells, pattern)
    if pc.all(fits).as_py() is False:
        missing = pc.is_in(cells, pa.array(sorted(MISSING)))
        wrong = pc.and_(pc.invert(pc.fill_null(fits, True)), pc.invert(missing))
        cells = pc.if_else(pc.fill_null(fits, False), cells, pa.scalar(None, pa.string()))
        bad = pc.indices_nonzero(wrong).to_pylist()
    else:
        bad = []
    array, more = _cast(pc.utf8_trim_whitespace(cells) if asked else cells, word)
    return array, sorted({*bad, *more})


def _cast(cells: pa.Array, word: str) -> tuple[pa.Array, list[int]]:
    """Cast cells that match the type's pattern; some still name no value, such as 30 February."""
    try:
        return _cast_all(cells, word), []
    except pa.ArrowInvalid:
        values, bad = [], []
        for index, cell in enumerate(cells):
            try:
                values.append(_cast_all(pa.array([cell.as_py()], pa.string()), word)[0].as_py())
            except (pa.ArrowInvalid, OverflowError, ValueError):
                values.append(None)
                bad.append(index)
        return pa.array(values, WORDS[word]), bad


def _cast_all(cells: pa.Array, word: str) -> pa.Array:
    if word == "bool":
        truths = pa.array(["true", "yes", "t", "y", "1"])
        return pc.if_else(pc.is_null(cells), pa.scalar(None, pa.bool_()), pc.is_in(pc.utf8_lower(cells), truths))
    if word == "int":
        return pc.cast(pc.replace_substring_regex(cells, r"^\+?(-?)0*([0-9])", r"\1\2"), pa.int64())
    if word == "float":
        numbers = pc.cast(pc.replace_substring_regex(cells, r"^\+", ""), pa.float64())
        if pc.any(pc.is_inf(numbers)).as_py():
            raise pa.ArrowInvalid("over the range of a float")
        return numbers
    return _times(cells)


def _times(cells: pa.Array) -> pa.Array:
    zoned = pc.fill_null(pc.match_substring_regex(cells, f"^{_ZONED}$"), False)
    nothing = pa.scalar(None, pa.string())
    local = pc.cast(pc.if_else(zoned, nothing, cells), pa.timestamp("us"))
    return pc.coalesce(pc.cast(local, TIMESTAMP), pc.cast(pc.if_else(zoned, cells, nothing), TIMESTAMP))
