"""Cut a table at its key into ranges of about equal numbers of rows.

Each bound is found by stepping over so many keys in the key's order: exact whatever the keys are (numbers with holes,
texts under any collation, times), and one reading of the key's index in all. A range is open below and closed above, so
that ranges leave no gap, and rows that are added behind the last change none of the others.
"""

# ruff: noqa: S608 (names are quoted, values are literals that a dialect wrote; conditions are the recipe's own)
from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pyarrow as pa

from tilth.connectors._sql.dialect import Column, Dialect, Session

SHARD_ROWS, MANY_ROWS = 250_000, 1_000_000
MANY = 4_000_000
"""From so many rows on, shards are larger by default: between two of them a reader waits for the server to begin."""
LARGE = 4
"""Shards from which a table is worth a look at how its key lies."""
LOOKS, AROUND = 32, 256
"""How many places are looked at, and over how many keys each."""
UNEVEN = 1.5
"""How much denser the key may lie in one place than on average."""


class Range(NamedTuple):
    """Keys above `low` up to `high`, as `as_text` writes them; None where nothing bounds."""

    low: str | None
    high: str | None


def ranges(
    dialect: Dialect, session: Session, relation: str, conditions: Sequence[str], column: Column, rows: int | None
) -> Iterator[Range]:
    """Yield ranges that hold `rows` rows each, the last one fewer; no range where there is no row.

    None means `SHARD_ROWS`, and `MANY_ROWS` in a table that has `MANY`.
    """
    even = None if conditions else _evenly(dialect, session, relation, column, rows)
    if even is not None:
        yield from even
        return
    low: str | None = None
    seen = 0
    while True:
        step = rows or (SHARD_ROWS if seen < MANY else MANY_ROWS)
        seen += step
        high = _key(dialect, session, relation, conditions, column, low, "ASC", step - 1)
        if high is None:
            high = _key(dialect, session, relation, conditions, column, low, "DESC", 0)
            if high is not None:
                yield Range(low, high)
            return
        yield Range(low, high)
        low = high


def within(dialect: Dialect, column: Column, part: Range) -> list[str]:
    """Return the conditions of a range."""
    name = dialect.quote(column.name)
    found = [] if part.low is None else [f"{name} > {dialect.literal(part.low, column)}"]
    return found if part.high is None else [*found, f"{name} <= {dialect.literal(part.high, column)}"]


def where(conditions: Sequence[str]) -> str:
    """Return the WHERE clause of conditions that must all be true."""
    return f" WHERE {' AND '.join(f'({condition})' for condition in conditions)}" if conditions else ""


def _evenly(dialect: Dialect, session: Session, relation: str, column: Column, asked: int | None) -> list[Range] | None:
    """Return ranges of equal width; None where the table is small, or the key is no whole number that lies evenly."""
    if not pa.types.is_integer(column.type):
        return None
    ends = [_key(dialect, session, relation, [], column, None, order, 0) for order in ("ASC", "DESC")]
    if ends[0] is None or ends[1] is None:
        return None
    first, last = int(ends[0]), int(ends[1])
    rows = asked or SHARD_ROWS
    step = (last - first) // LOOKS
    if step < LARGE * rows // LOOKS:
        return None
    widths = []
    for look in range(LOOKS):
        low = first + look * step
        high = _key(dialect, session, relation, [], column, str(low - 1), "ASC", AROUND - 1)
        if high is None or int(high) > last - (LOOKS - look - 1) * step:
            return None
        widths.append(int(high) - low + 1)
    each = sum(widths) / len(widths) / AROUND
    if max(widths) > UNEVEN * each * AROUND or (last - first) < LARGE * rows * each:
        return None
    rows = MANY_ROWS if asked is None and (last - first) >= MANY * each else rows
    # A round width, and multiples of it: a table that grows evenly keeps the bounds that it has.
    width = int(float(f"{rows * each:.1g}")) or 1
    bounds = [str(at) for at in range((first // width + 1) * width, last, width)]
    return [Range(low, high) for low, high in zip([None, *bounds], [*bounds, str(last)], strict=True)]


def _key(
    dialect: Dialect, session: Session, relation: str, conditions: Sequence[str], column: Column, low: str | None,
    order: str, skip: int,
) -> str | None:  # fmt: skip
    name = dialect.quote(column.name)
    # Ordered inside and written as text outside: the text's order may be another.
    inner = [*conditions, f"{name} IS NOT NULL", *within(dialect, column, Range(low, None))]
    found = session.rows(
        f"SELECT {dialect.as_text(column)} FROM (SELECT {name} FROM {relation}{where(inner)}"
        f" ORDER BY {name} {order} LIMIT 1 OFFSET {skip}) AS tilth_bound"
    )
    return str(found[0][0]) if found else None
