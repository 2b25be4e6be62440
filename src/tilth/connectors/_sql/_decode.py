"""Decode rows of MySQL's binary protocol, compiled: find the cells of many packets, then turn each column into values.

A row is a packet: its length in 3 bytes (little-endian), a number, a zero, a bitmap of nulls that begins at bit 2, then
the cells that are not null: numbers as they lie in memory, times as a length and fields, all else as a length and
bytes. (MariaDB and MySQL manuals, "Binary Protocol Resultset Row".) `cells` finds where cells lie; the other functions
each read one column of such cells. Positions are those in the buffer; a length of -1 is NULL.

Each byte is made a signed number before it is reckoned with: of a signed and an unsigned one, Numba makes a float.
"""

from __future__ import annotations

from numpy import int64

from tilth.text._compile import Array, Number, entry

MORE, END, ERROR, FULL, HUGE, BROKEN = range(6)
"""How `cells` ends: it needs more bytes; the result, or an error, follows; all rows that fit are found; a packet of 16
MiB or more follows; the bytes are no rows."""
BYTES, TIME = 0, -1
"""Widths of cells that say their own length: in one to nine bytes, or in one."""


@entry
def cells(
    buffer: Array, at: Number, end: Number, row: Number, widths: Array, starts: Array, lengths: Array
) -> tuple[Number, Number, Number]:
    """Find the cells of whole packets from `at`; return where it ended, how many rows there are, and how it ended."""
    columns, most = starts.shape
    bitmap = (columns + 9) // 8
    while True:
        if row == most:
            return at, row, 3
        if at + 4 > end:
            return at, row, 0
        size = int64(buffer[at]) | int64(buffer[at + 1]) << 8 | int64(buffer[at + 2]) << 16
        if size == 0xFFFFFF:
            return at, row, 4
        if at + 4 + size > end:
            return at, row, 0
        head, stop = at + 4, at + 4 + size
        if size and buffer[head] == 0xFE and size < 9:
            return at, row, 1
        if size and buffer[head] == 0xFF:
            return at, row, 2
        cell = head + 1 + bitmap
        if cell > stop or buffer[head] != 0:
            return at, row, 5
        for column in range(columns):
            bit = column + 2
            if buffer[head + 1 + (bit >> 3)] >> (bit & 7) & 1:
                starts[column, row] = cell
                lengths[column, row] = -1
                continue
            length = widths[column]
            if length <= 0:
                if cell >= stop:
                    return at, row, 5
                first = int64(buffer[cell])
                cell += 1
                if length < 0 or first < 0xFB:
                    length = first
                else:
                    wide = 2 if first == 0xFC else 3 if first == 0xFD else 8
                    if cell + wide > stop:
                        return at, row, 5
                    length = 0
                    for byte in range(wide):
                        length |= int64(buffer[cell + byte]) << (8 * byte)
                    cell += wide
            if length < 0 or length > stop - cell:
                return at, row, 5
            starts[column, row] = cell
            lengths[column, row] = length
            cell += length
        if cell != stop:
            return at, row, 5
        at = stop
        row += 1


@entry
def fixed(buffer: Array, starts: Array, lengths: Array, out: Array, valid: Array) -> Number:
    """Copy cells of one width, the second extent of `out`, and zeros for nulls; return how many are nulls."""
    count, width = out.shape
    nulls = 0
    for row in range(count):
        valid[row] = lengths[row] >= 0
        if lengths[row] < 0:
            nulls += 1
            for byte in range(width):
                out[row, byte] = 0
        else:
            at = starts[row]
            for byte in range(width):
                out[row, byte] = buffer[at + byte]
    return nulls


@entry
def decimals(buffer: Array, starts: Array, lengths: Array, scale: Number, values: Array, valid: Array) -> Number:
    """Read decimals of up to 18 digits, all with the same scale, into the two halves of 128 bits; nulls, or -1."""
    nulls = 0
    for row in range(len(starts)):
        length = lengths[row]
        values[row, 0] = 0
        values[row, 1] = 0
        if length < 0:
            valid[row] = 0
            nulls += 1
            continue
        valid[row] = 1
        at, stop = starts[row], starts[row] + length
        negative = length > 0 and buffer[at] == 45
        if negative:
            at += 1
        if at == stop or stop - at > 20:
            return -1
        value, after = int64(0), -1
        while at < stop:
            byte = int64(buffer[at])
            if byte == 46 and after < 0:
                after = 0
            else:
                if byte < 48 or byte > 57:
                    return -1
                value = value * 10 + byte - 48
                if after >= 0:
                    after += 1
            at += 1
        if max(after, 0) != scale:
            return -1
        values[row, 0] = -value if negative else value
        values[row, 1] = -1 if negative and value else 0
    return nulls


@entry
def times(buffer: Array, starts: Array, lengths: Array, values: Array, valid: Array) -> tuple[Number, Number]:
    """Read dates and times into microseconds since 1970; return nulls, and how many of them are no dates.

    A date that the calendar does not have, such as MySQL's `0000-00-00`, is a null. The days are counted as in Howard
    Hinnant's `days_from_civil`.
    """
    nulls, odd = 0, 0
    for row in range(len(starts)):
        length, at = lengths[row], starts[row]
        values[row] = 0
        valid[row] = 0
        if length < 4:
            # No length at all is MySQL's zero date.
            nulls += 1
            odd += length >= 0
            continue
        year = int64(buffer[at]) | int64(buffer[at + 1]) << 8
        month, day = int64(buffer[at + 2]), int64(buffer[at + 3])
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        longest = 31
        if month in (4, 6, 9, 11):
            longest = 30
        elif month == 2:
            longest = 29 if leap else 28
        if year < 1 or year > 9999 or month < 1 or month > 12 or day < 1 or day > longest:
            nulls += 1
            odd += 1
            continue
        shifted = year - 1 if month <= 2 else year
        era = shifted // 400
        of_era = shifted - era * 400
        of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
        days = era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468
        time = int64(0)
        if length >= 7:
            time = ((int64(buffer[at + 4]) * 60 + int64(buffer[at + 5])) * 60 + int64(buffer[at + 6])) * 1_000_000
        if length >= 11:
            for byte in range(4):
                time += int64(buffer[at + 7 + byte]) << (8 * byte)
        values[row] = days * 86_400_000_000 + time
        valid[row] = 1
    return nulls, odd


@entry
def sizes(lengths: Array, offsets: Array, valid: Array) -> tuple[Number, Number]:
    """Turn lengths into the offsets that Arrow wants; return the sum of them and how many are nulls."""
    total, nulls = 0, 0
    offsets[0] = 0
    for row in range(len(lengths)):
        length = lengths[row]
        valid[row] = length >= 0
        if length < 0:
            nulls += 1
        else:
            total += length
        offsets[row + 1] = total
    return total, nulls


@entry
def gather(buffer: Array, starts: Array, lengths: Array, out: Array) -> None:
    """Copy the cells one behind the other."""
    to = 0
    for row in range(len(starts)):
        at, length = starts[row], lengths[row]
        for step in range(length):
            out[to + step] = buffer[at + step]
        if length > 0:
            to += length
