"""Stream the elements of a JSON array, however long the array is, holding one element at a time."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from tilth.connectors._files.encoding import BROKEN, Encoding
from tilth.connectors._files.lines import too_long
from tilth.connectors._files.open import Cut, Stream, opened
from tilth.connectors._reading import BLOCK, Reading
from tilth.core.errors import DataError, did_you_mean

NOT_JSON = "not valid JSON"
_SPACE = re.compile(r"[ \t\r\n]*")
_OUTSIDE = re.compile(r'["{}\[\],]')
_INSIDE = re.compile(r'["\\]')


def strict_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object; a key that comes twice would lose a value, so it is an error."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key comes twice in one object")
    return found


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no JSON number")


DECODER = json.JSONDecoder(object_pairs_hook=strict_object, parse_constant=_no_number)


def decoded(text: str) -> dict[str, Any] | str:
    """Parse one record; return the object, or why it is none."""
    try:
        value = DECODER.decode(text)
    except json.JSONDecodeError as error:
        return f"{NOT_JSON} at character {error.pos}: {error.msg[:1].lower()}{error.msg[1:]}"
    except RecursionError:
        return "nested too deep"
    except ValueError as error:
        # Ours, or a number of more digits than Python reads.
        return str(error) if "4300" not in str(error) else "holds a number of more than 4,300 digits"
    return value if isinstance(value, dict) else "not an object"


class Text:
    """Characters with a place in them; what is before the place is let go."""

    def __init__(self, stream: Stream, encoding: Encoding) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding.codec)("tilth_broken")
        self._mark = encoding.mark
        self._ended = False
        self.buffer = ""
        self.at = 0
        self.cut = ""
        """Why the stream broke, once it did."""

    def more(self) -> bool:
        """Read on; False at the end."""
        if self._ended:
            return False
        try:
            block = self._stream.read(BLOCK)
        except Cut as cut:
            self.cut, block = str(cut), b""
        self._ended = not block
        piece = self._decoder.decode(block[self._mark :], self._ended)
        self._mark = 0
        self.buffer = self.buffer[self.at :] + piece
        self.at = 0
        return not self._ended or bool(piece)

    def next(self) -> str:
        """Return the next character that is no space, without taking it; "" at the end."""
        while True:
            found = _SPACE.match(self.buffer, self.at)
            self.at = found.end() if found else self.at
            if self.at < len(self.buffer):
                return self.buffer[self.at]
            if not self.more():
                return ""

    def value(self, cap: int) -> str | None:
        """Take the text of one value, up to the `,`, `}` or `]` after it or the end; None if it is over the cap."""
        offset, depth, inside, skipped = 0, 0, False, False
        while True:
            found = (_INSIDE if inside else _OUTSIDE).search(self.buffer, self.at + offset)
            sign = found[0] if found else ""
            if found is None or (sign == "\\" and found.end() == len(self.buffer)):
                offset = (found.start() if found else len(self.buffer)) - self.at
                if offset > cap:
                    self.at, offset, skipped = self.at + offset, 0, True
                if self.more():
                    continue
                offset = len(self.buffer) - self.at
                break
            offset = found.end() - self.at
            if sign == "\\":
                offset += 1
            elif sign == '"':
                inside = not inside
            elif sign in "{[":
                depth += 1
            elif depth == 0:
                offset -= 1
                break
            elif sign != ",":
                depth -= 1
        value = self.buffer[self.at : self.at + offset]
        self.at += offset
        return None if skipped or _bytes(value, cap) > cap else value

    def string(self, cap: int) -> str | None:
        """Take a string; None if there is none."""
        while self.next() == '"':
            try:
                value, self.at = DECODER.raw_decode(self.buffer, self.at)
            except json.JSONDecodeError:
                if len(self.buffer) - self.at > cap or not self.more():
                    return None
            else:
                return str(value)
        return None


def _bytes(text: str, cap: int) -> int:
    return len(text.encode("utf-8", "surrogatepass")) if len(text) <= cap < 4 * len(text) else len(text)


class Element(NamedTuple):
    """One element of the array."""

    record: dict[str, Any] | str
    """The object, or why it is none."""
    size: int
    """About how many characters it takes."""


def elements(reading: Reading, encoding: Encoding) -> Iterator[Element]:
    """Yield the array's elements in order.

    An element with a mistake in it costs itself; where the file ends too early, the last reason says so.
    """
    cap = reading.max_record_bytes
    with opened(reading.path, reading.file) as stream:
        text = Text(stream, encoding)
        if reading.records:
            _go_to(text, reading)
        if text.next() != "[":
            raise DataError(
                f'"{reading.records}" is not an array' if reading.records else "not an array",
                where=reading.file,
                wanted="an array of objects",
            )
        text.at += 1
        while (sign := text.next()) not in ("]", ""):
            item = (_quick(text, cap) if sign == "{" else None) or _careful(text, cap, encoding.codec)
            end = text.next()
            if not end and isinstance(item.record, str):
                yield Element(text.cut or f"the file ends inside this record ({item.record})", 0)
                return
            yield item
            if end == "}":
                # A stray one: no element begins with it.
                text.at += 1
                end = text.next()
            if end == ",":
                text.at += 1
        if not sign:
            yield Element(text.cut or "the file ends before its array does", 0)
            return
        text.at += 1
        if not reading.records and text.next():
            yield Element("there is more text after the end of the array", 0)


def _quick(text: Text, cap: int) -> Element | None:
    """Parse an object that the buffer holds whole, with what follows it; None leaves it to `_careful`."""
    start = text.at
    try:
        value, end = DECODER.raw_decode(text.buffer, start)
    except (ValueError, RecursionError):
        return None
    after = _SPACE.match(text.buffer, end)
    follows = text.buffer[after.end() : after.end() + 1] if after else ""
    if follows not in (",", "]") or end - start > cap // 4 or text.buffer.find(BROKEN, start, end) >= 0:
        return None
    text.at = end
    return Element(value, end - start)


def _careful(text: Text, cap: int, codec: str) -> Element:
    value = text.value(cap)
    if value is None:
        return Element(too_long(cap), 0)
    return Element(f"not {codec}" if BROKEN in value else decoded(value), len(value))


def _go_to(text: Text, reading: Reading) -> None:
    """Go to the array that `records` names, past everything before it."""
    for name in str(reading.records).split("."):
        if text.next() != "{":
            raise DataError(f'no object to look for "{name}" in', where=reading.file, wanted="an object with an array")
        text.at += 1
        seen: list[str] = []
        while (key := text.string(reading.max_record_bytes)) != name:
            if key is not None and text.next() == ":":
                seen.append(key)
                text.at += 1
                text.value(reading.max_record_bytes)
                if text.next() == ",":
                    text.at += 1
                    continue
            raise DataError(
                f'no key "{name}"',
                where=reading.file,
                wanted=f"one of {', '.join(seen[:20])}" if seen else "an object with an array",
                do=did_you_mean(name, seen),
            )
        if text.next() != ":":
            raise DataError(NOT_JSON, where=reading.file)
        text.at += 1
