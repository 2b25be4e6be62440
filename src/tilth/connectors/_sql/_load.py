"""Load Arrow batches into MySQL: LOAD DATA LOCAL from memory, or INSERT where the server does not allow that."""

# ruff: noqa: S608 (names are quoted, values are literals that a dialect wrote; conditions are the recipe's own)
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.errors import Terminal

NAME = "tilth"
"""What we call what we send; a server that asks for any other file gets nothing."""
PACKET = 1 << 20
NOT_ALLOWED = frozenset((1148, 3948, 4166))
"""`local_infile` is off."""
INSERT_BYTES = 1 << 20


def load(
    connection: Any, table: str, batches: Iterable[pa.RecordBatch], schema: pa.Schema, quote: Callable[[str], str]
) -> int:
    """Append batches; return how many rows. Raises PyMySQL's errors."""
    from pymysql import err

    rows = 0
    for batch in batches:
        if batch.num_rows == 0:
            continue
        try:
            _send(connection, table, batch, quote)
        except err.Error as error:
            if not error.args or error.args[0] not in NOT_ALLOWED:
                raise
            _insert(connection, table, batch, quote)
        rows += batch.num_rows
    return rows


def text(batch: pa.RecordBatch) -> pa.Buffer:
    r"""Write rows as LOAD DATA reads them: tabs and newlines, a backslash before what would be one, `\N` for null.

    >>> text(pa.RecordBatch.from_pydict({"a": ["x\ty", None], "n": [1, 2]})).to_pybytes()
    b'x\\\ty\t1\n\\N\t2\n'
    """
    cells = [_cells(column).cast(pa.large_string()) for column in batch.columns]
    tab, end, nothing = (pa.scalar(mark, pa.large_string()) for mark in ("\t", "\n", ""))
    lines = pc.binary_join_element_wise(*cells, tab, null_handling="replace", null_replacement="\\N")
    ended = pc.binary_join_element_wise(lines, nothing, end)
    ended = ended.combine_chunks() if isinstance(ended, pa.ChunkedArray) else ended
    _, offsets, data = ended.buffers()
    ends = memoryview(offsets).cast("q")
    return data.slice(ends[ended.offset], ends[ended.offset + len(ended)] - ends[ended.offset])


def _cells(column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_string(kind):
        for mark in ("\\", "\t", "\n", "\r", "\0"):
            # Few columns hold them: looking is cheaper than replacing.
            if pc.any(pc.match_substring(column, mark)).as_py():
                column = pc.replace_substring(column, mark, "\\0" if mark == "\0" else "\\" + mark)
        return column
    if pa.types.is_binary(kind):
        return pa.array([None if value is None else value.hex() for value in column.to_pylist()], pa.string())
    if pa.types.is_boolean(kind):
        return column.cast(pa.int8()).cast(pa.string())
    if pa.types.is_timestamp(kind):
        return column.cast(pa.timestamp("us")).cast(pa.string())
    if pa.types.is_floating(kind):
        # The shortest text that reads back as the same 64-bit number: the server reads any number as one first, and
        # the shortest text of the largest 32-bit number is larger than it.
        return column.cast(pa.float64()).cast(pa.string())
    return column.cast(pa.string())


def _send(connection: Any, table: str, batch: pa.RecordBatch, quote: Callable[[str], str]) -> None:
    from pymysql import err
    from pymysql.connections import LoadLocalPacketWrapper
    from pymysql.constants import COMMAND

    variables, sets = [], []
    for number, field in enumerate(batch.schema):
        if pa.types.is_binary(field.type):
            variables.append(f"@b{number}")
            sets.append(f"{quote(field.name)} = UNHEX(@b{number})")
        else:
            variables.append(quote(field.name))
    sql = (
        f"LOAD DATA LOCAL INFILE '{NAME}' INTO TABLE {table} CHARACTER SET utf8mb4"
        rf" FIELDS TERMINATED BY '\t' ESCAPED BY '\\' LINES TERMINATED BY '\n' ({', '.join(variables)})"
        + (f" SET {', '.join(sets)}" if sets else "")
    )
    content = memoryview(text(batch))
    connection._execute_command(COMMAND.COM_QUERY, sql)
    packet = connection._read_packet()
    if not packet.is_load_local_packet():
        raise err.InternalError(2027, "Malformed packet: the server does not ask for the rows")
    asked = LoadLocalPacketWrapper(packet).filename
    if asked != NAME.encode():
        connection._force_close()
        raise Terminal("the server asks for a file that was not offered: it may not be what it says")
    for start in range(0, len(content), PACKET):
        connection.write_packet(bytes(content[start : start + PACKET]))
    connection.write_packet(b"")
    connection._read_packet()
    _check_warnings(connection, batch.num_rows)


def _check_warnings(connection: Any, rows: int) -> None:
    """Raise where a value did not fit: LOCAL turns errors into warnings, whatever the mode."""
    from pymysql import err

    with connection.cursor() as cursor:
        cursor.execute("SHOW COUNT(*) WARNINGS")
        if cursor.fetchone()[0]:
            cursor.execute("SHOW WARNINGS LIMIT 1")
            _, code, said = cursor.fetchone()
            raise err.DataError(code, said)


def _insert(connection: Any, table: str, batch: pa.RecordBatch, quote: Callable[[str], str]) -> None:
    names = ", ".join(quote(name) for name in batch.schema.names)
    row = f"({', '.join(['%s'] * batch.num_columns)})"
    with connection.cursor() as cursor:
        for part in _parts(batch):
            values = [value for each in zip(*[c.to_pylist() for c in part.columns], strict=True) for value in each]
            cursor.execute(f"INSERT INTO {table} ({names}) VALUES {', '.join([row] * part.num_rows)}", values)


def _parts(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    step = max(1, batch.num_rows * INSERT_BYTES // max(INSERT_BYTES, batch.nbytes))
    for start in range(0, batch.num_rows, step):
        yield batch.slice(start, step)
