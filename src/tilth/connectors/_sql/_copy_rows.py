"""Decode what PostgreSQL's COPY sends in binary, compiled: find the cells of many rows, then turn columns into values.

A row is a message: `d`, its length in 4 bytes (with these 4, the first byte the greatest, as in all numbers here), how
many cells in 2 bytes, then each cell as a length in 4 bytes, -1 for a null, and bytes. The last message holds -1 for
the number of cells, and no cell. (PostgreSQL manual, "Message Formats" and "COPY", "Binary Format"; a server sends each
row as one message.) `rows` finds where cells lie; a length of -1 is NULL.

Each byte is made a signed number before it is reckoned with: of a signed and an unsigned one, Numba makes a float.
"""

from __future__ import annotations

from numpy import int64

from tilth.text._compile import Array, Number, entry

MORE, OTHER, FULL, BROKEN = range(4)
"""How `rows` ends: it needs more bytes; another message follows; all rows that fit are found; the bytes are no rows."""


@entry
def rows(
    buffer: Array, at: Number, end: Number, row: Number, starts: Array, lengths: Array
) -> tuple[Number, Number, Number]:
    """Find the cells of whole messages from `at`; return where it ended, how many rows there are, and how it ended."""
    columns, most = starts.shape
    while True:
        if row == most:
            return at, row, 2
        if at + 5 > end:
            return at, row, 0
        if buffer[at] != 0x64:
            return at, row, 1
        size = int64(buffer[at + 1]) << 24 | int64(buffer[at + 2]) << 16 | int64(buffer[at + 3]) << 8
        size |= int64(buffer[at + 4])
        stop = at + 1 + size
        if size < 6 or size >= 1 << 30:
            return at, row, 3
        if stop > end:
            return at, row, 0
        count = int64(buffer[at + 5]) << 8 | int64(buffer[at + 6])
        cell = at + 7
        if count == 0xFFFF and cell == stop:
            at = stop
            continue
        if count != columns:
            return at, row, 3
        for column in range(columns):
            if cell + 4 > stop:
                return at, row, 3
            length = int64(buffer[cell]) << 24 | int64(buffer[cell + 1]) << 16 | int64(buffer[cell + 2]) << 8
            length |= int64(buffer[cell + 3])
            cell += 4
            starts[column, row] = cell
            if length == 0xFFFFFFFF:
                lengths[column, row] = -1
                continue
            if length > stop - cell:
                return at, row, 3
            lengths[column, row] = length
            cell += length
        if cell != stop:
            return at, row, 3
        at = stop
        row += 1


@entry
def swapped(buffer: Array, starts: Array, lengths: Array, out: Array, valid: Array) -> Number:
    """Copy cells of one width, the second extent of `out`, the last byte first, and zeros for nulls.

    Returns how many are nulls, or -1 where a cell has another width.
    """
    count, width = out.shape
    nulls = 0
    for row in range(count):
        length = lengths[row]
        valid[row] = length >= 0
        if length < 0:
            nulls += 1
            for byte in range(width):
                out[row, byte] = 0
        elif length != width:
            return -1
        else:
            last = starts[row] + width - 1
            for byte in range(width):
                out[row, byte] = buffer[last - byte]
    return nulls


@entry
def decimals(
    buffer: Array, starts: Array, lengths: Array, scale: Number, values: Array, valid: Array
) -> tuple[Number, Number]:
    """Read numbers of up to 18 digits, `scale` of them behind the point, into the two halves of 128 bits.

    A number is how many digits of base 10,000 it has, the power of 10,000 of the first, the sign, the digits that are
    shown behind the point, in 2 bytes each, and the digits. Returns how many are nulls, and how many of them are no
    numbers (NaN, infinity); -1 for the first where a cell is none of these, or has more digits.
    """
    nulls, odd = 0, 0
    for row in range(len(starts)):
        values[row, 0] = 0
        values[row, 1] = 0
        valid[row] = 0
        at, length = starts[row], lengths[row]
        if length < 0:
            nulls += 1
            continue
        if length < 8:
            return -1, 0
        count = int64(buffer[at]) << 8 | int64(buffer[at + 1])
        weight = int64(buffer[at + 2]) << 8 | int64(buffer[at + 3])
        if weight >= 0x8000:
            weight -= 0x10000
        sign = int64(buffer[at + 4])
        if sign >= 0xC0:
            nulls += 1
            odd += 1
            continue
        if length != 8 + 2 * count:
            return -1, 0
        value = int64(0)
        at += 8
        # The power of ten, in units of the last place, of the digit that comes.
        power = 4 * weight + scale
        for _ in range(count):
            digit = int64(buffer[at]) << 8 | int64(buffer[at + 1])
            at += 2
            if power <= -4 or power > 17 or digit > 9999:
                return -1, 0
            factor = int64(1)
            for _ in range(abs(power)):
                factor *= 10
            if power < 0:
                if digit % factor:
                    return -1, 0
                value += digit // factor
            else:
                value += digit * factor
            power -= 4
        valid[row] = 1
        values[row, 0] = -value if sign == 0x40 else value
        values[row, 1] = -1 if sign == 0x40 and value else 0
    return nulls, odd
