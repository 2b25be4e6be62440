"""Split text into words: runs of letters and digits; each character of a script without spaces; each pictograph."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

BREAK, RUN, SINGLE, MARK, IGNORE = range(5)
"""What a code point does: ends a word, belongs to a run, is a word, stays with the word before it, is not there."""

LAST = 0x33480
"""No letter is assigned beyond the Tertiary Ideographic Plane's extensions (Unicode 16)."""
_SINGLE = (
    ((0x0E00, 0x0EFF), "Thai, Lao"),
    ((0x1000, 0x109F), "Myanmar"),
    ((0x1780, 0x17FF), "Khmer"),
    ((0x2E80, 0x2FDF), "Han radicals"),
    ((0x3005, 0x3007), "Han iteration mark, zero"),
    ((0x3021, 0x3029), "Hangzhou numerals"),
    ((0x3041, 0x312F), "Hiragana, Katakana, Bopomofo"),
    ((0x31A0, 0x31FF), "Bopomofo, Katakana extensions"),
    ((0x3400, 0x4DBF), "Han extension A"),
    ((0x4E00, 0x9FFF), "Han"),
    ((0xF900, 0xFAFF), "Han compatibility"),
    ((0xFF66, 0xFF9F), "half-width Katakana"),
    ((0x1AFF0, 0x1B16F), "Kana extensions"),
    ((0x20000, LAST), "Han extensions B to J"),
)
_PICTOGRAPHS = ((0x2600, 0x27BF), (0x2B00, 0x2BFF), (0x1F000, 0x1FAFF))


_SEEN = re.compile(
    r"[^\s\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff]"
)


class Words(NamedTuple):
    """The words of many texts, in order: word `i` is `points[starts[i]:ends[i]]` and belongs to text `text[i]`."""

    points: npt.NDArray[np.uint32]
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    text: npt.NDArray[np.int64]
    numeric: npt.NDArray[np.bool_]
    """Whether the word holds a digit."""


class Table(NamedTuple):
    """What each code point up to `LAST` is."""

    kind: npt.NDArray[np.uint8]
    digit: npt.NDArray[np.bool_]


def words(text: str) -> list[str]:
    """Split one text.

    >>> words("Don't pay ¥1,200 (see №7)!")
    ['Don', 't', 'pay', '1', '200', 'see', '7']
    >>> words("我要取消order 3 👍")
    ['我', '要', '取', '消', 'order', '3', '👍']
    """
    found = split([text])
    whole = found.points.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
    return [whole[start:end] for start, end in zip(found.starts, found.ends, strict=True)]


def blank(text: str) -> bool:
    """Tell whether a reader sees nothing: white space, control and zero-width characters only.

    >>> blank(" \\u200b\\n"), blank("?!")
    (True, False)
    """
    return _SEEN.search(text) is None


def fold(text: str) -> str:
    """Fold case, width and compatibility forms (Unicode NFKC, case folding), so that "Ａ１" reads as "a1".

    >>> fold("Ｓｔｒａßｅ ①")
    'strasse 1'
    """
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def split(texts: Sequence[str | None], *, one_number: bool = False) -> Words:
    """Split many texts at once; null reads as no words.

    `one_number` reads every run of digits as one "0", so that texts that differ in numbers only have the same words.
    Needs about 50 bytes of memory a character.
    """
    found = table()
    points = np.frombuffer("\0".join(text or "" for text in texts).encode("utf-32-le", "surrogatepass"), np.uint32)
    text_of = np.cumsum(points == 0) if len(points) else np.zeros(0, np.int64)
    # A NUL inside a text must not read as the seam between two.
    if len(points) and int(text_of[-1]) != len(texts) - 1:
        return split([text and text.replace("\0", " ") for text in texts], one_number=one_number)
    kinds = found.kind[np.minimum(points, LAST)]
    present = kinds != IGNORE
    points, text_of, kinds = points[present], text_of[present], kinds[present]
    digits = found.digit[np.minimum(points, LAST)]
    if one_number and len(points):
        repeated = digits.copy()
        repeated[0] = False
        repeated[1:] &= digits[:-1]
        points = np.where(digits, np.uint32(ord("0")), points)[~repeated]
        text_of, kinds, digits = text_of[~repeated], kinds[~repeated], digits[~repeated]
    inside = kinds != BREAK
    begins = _begins(kinds)
    starts = np.flatnonzero(begins)
    stops = np.append(begins | ~inside, True)
    # The end of a word is the next place where another word begins or a break stands.
    stop_at = np.flatnonzero(stops)
    ends = stop_at[np.searchsorted(stop_at, starts, side="right")] if len(starts) else starts
    running = np.concatenate([[0], np.cumsum(digits)])
    return Words(points, starts, ends, text_of[starts], running[ends] > running[starts])


def count(texts: Sequence[str | None]) -> npt.NDArray[np.int64]:
    """Count the words of each text; null has none.

    >>> count(["two words", "四个汉字", None]).tolist()
    [2, 4, 0]
    """
    counts = [np.bincount(split(part).text, minlength=len(part)) for part in chunked(texts)]
    return np.concatenate([np.zeros(0, np.int64), *counts]).astype(np.int64)


def chunked(texts: Iterable[str | None], characters: int = 1 << 20) -> Iterator[list[str]]:
    """Cut texts into lists of about so many characters, null read as ""; bounds the memory that `split` needs."""
    waiting: list[str] = []
    held = 0
    for text in texts:
        waiting.append(text or "")
        held += len(waiting[-1])
        if held >= characters:
            yield waiting
            waiting, held = [], 0
    if waiting:
        yield waiting


def _begins(kinds: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Tell at which code points a word begins: a mark never parts from the letter before it."""
    if not len(kinds):
        return np.zeros(0, np.bool_)
    at = np.arange(len(kinds))
    base_at = np.maximum.accumulate(np.where(kinds != MARK, at, -1))
    base = np.where(base_at >= 0, kinds[np.maximum(base_at, 0)], BREAK)
    before = np.concatenate([[BREAK], base[:-1]])
    # A mark after a break would otherwise hang on nothing; only the first of such marks begins a word.
    lone = (kinds == MARK) & (base == BREAK)
    lone[1:] &= kinds[:-1] != MARK
    begins: npt.NDArray[np.bool_] = (kinds == SINGLE) | ((kinds == RUN) & (before != RUN)) | lone
    return begins


@functools.cache
def table() -> Table:
    """Classify every assigned code point by its Unicode category (of this Python's `unicodedata`)."""
    found = categories()
    kind = np.full(LAST + 1, BREAK, np.uint8)
    digit = np.zeros(LAST + 1, np.bool_)
    digit[:LAST] = np.char.startswith(found, "N")
    kind[:LAST][np.char.startswith(found, "L") | digit[:LAST]] = RUN
    kind[:LAST][np.char.startswith(found, "M")] = MARK
    kind[:LAST][found == "Cf"] = IGNORE
    for (first, last), _ in _SINGLE:
        block = kind[first : last + 1]
        block[(block == RUN) & ~digit[first : last + 1]] = SINGLE
    for first, last in _PICTOGRAPHS:
        block = kind[first : last + 1]
        block[block == BREAK] = SINGLE
    # Skin tones and variation selectors stay with their emoji, or vanish after plain letters.
    kind[0x1F3FB:0x1F400] = MARK
    kind[0xFE00:0xFE10] = IGNORE
    return Table(kind, digit)


@functools.cache
def categories() -> npt.NDArray[np.str_]:
    """Return the Unicode category of each code point below `LAST`; in a block of nothing but letters, some "L"."""
    found: list[str] = []
    for first in range(0, LAST, 256):
        block = "".join(map(chr, range(first, min(first + 256, LAST))))
        if block.isalpha():
            found += ["Lo"] * len(block)
        else:
            found += map(unicodedata.category, block)
    return np.array(found)
