"""Write C4's options as compiled code reads them: marks, phrases and limits as arrays of bytes and numbers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tilth.text._compile import Array, Number
from tilth.text._marks import POLICY as POLICY_PHRASES
from tilth.text._utf8 import BREAKS

LOREM, JAVASCRIPT, POLICY, CITED, UNSURE = (1 << bit for bit in range(5))
"""What a text may hold."""
BREAK = 1 << 7
"""The bit of line breaks in `Phrases.one` and `two`, above those of pairs and brackets."""
COMPARE, ENOUGH = 1, 2
"""What `Marks.last` says of a byte that a mark ends in: the mark is longer, or it is that byte."""
EMPTY = 256
"""Where `Marks.last` tells of a line without a byte."""
_UNLIMITED = 1 << 62
_PAIRS = (b"ja", b"ki", b"cy", b"ps", b"ms", b"\xe2\x84")
"""A text is searched for these first: one is in each phrase, and few are in other words."""
_CITES = b"0123456789]ec" + bytes(range(0x80, 0x100))
"""What may follow the bracket of a citation mark."""


class Strings(NamedTuple):
    """String `i` is `data[offsets[i]:offsets[i + 1]]`."""

    data: Array
    offsets: Array


class Marks(NamedTuple):
    """What a line may end in; `last` says of its last byte, if any: no mark, one to compare, or enough."""

    strings: Strings
    last: Array


class Phrases(NamedTuple):
    """Phrases in lower case, each with the bit of the two bytes it is found by, which stand `anchor` into it.

    At two bytes, in either case, those may stand whose bits are in both `one[byte]` and `two[next_byte]`; so too a line
    break.
    """

    strings: Strings
    kinds: Array
    anchors: Array
    bits: Array
    one: Array
    two: Array


class Rules(NamedTuple):
    """What a line must be to stay, as `rules` makes it."""

    marks: Marks
    phrases: Phrases
    min_words: Number
    max_word: Number
    curly: Number


def rules(
    *,
    end_marks: tuple[str, ...],
    min_words: int | None,
    max_word: int | None,
    citations: bool,
    javascript: bool,
    policy: bool,
    lorem_ipsum: bool,
    curly: bool,
) -> Rules:
    """Return the options as compiled code reads them."""
    asked: list[tuple[bytes, int]] = []
    if lorem_ipsum:
        asked.append((b"lorem ipsum", LOREM))
    if javascript:
        asked.append((b"javascript", JAVASCRIPT))
    if policy:
        asked += [(phrase.encode(), POLICY) for phrase in POLICY_PHRASES]
        asked.append(("\N{KELVIN SIGN}".encode(), UNSURE))
    return Rules(
        _marks([mark.encode("utf-8", "surrogatepass") for mark in end_marks]),
        _phrases(asked, citations),
        0 if min_words is None else max(0, min(min_words, _UNLIMITED)),
        _UNLIMITED if max_word is None else max(-1, min(max_word, _UNLIMITED)),
        bool(curly),
    )


def _strings(listed: list[bytes]) -> Strings:
    ends = np.cumsum([0, *map(len, listed)]).astype(np.int64)
    return Strings(np.frombuffer(b"".join(listed) or b"\0", np.uint8), ends)


def _marks(listed: list[bytes]) -> Marks:
    last = np.zeros(EMPTY + 1, np.uint8)
    for mark in sorted(listed, key=len, reverse=True):
        last[mark[-1] if mark else slice(None)] = COMPARE if len(mark) > 1 else ENOUGH
    return Marks(_strings(listed), last)


def _phrases(asked: list[tuple[bytes, int]], citations: bool) -> Phrases:
    one, two = np.zeros(256, np.uint8), np.full(256, BREAK, np.uint8)
    one[list(BREAKS)] = BREAK
    anchors, bits = [], []
    for phrase, _ in asked:
        pair = next(pair for pair in _PAIRS if pair in phrase)
        anchors.append(phrase.index(pair))
        bits.append(1 << _PAIRS.index(pair))
        one[[*pair[:1].lower(), *pair[:1].upper()]] |= bits[-1]
        two[[*pair[1:].lower(), *pair[1:].upper()]] |= bits[-1]
    if citations:
        asked = [*asked, (b"[", CITED)]
        anchors.append(0)
        bits.append(1 << len(_PAIRS))
        one[ord("[")] |= bits[-1]
        two[list(_CITES)] |= bits[-1]
    kinds = np.array([kind for _, kind in asked], np.int64)
    texts = _strings([phrase for phrase, _ in asked])
    return Phrases(texts, kinds, np.array(anchors, np.int64), np.array(bits, np.uint8), one, two)
