"""Make bytes and texts that break careless readers and operators, by a seed."""

from __future__ import annotations

import random
from collections.abc import Callable

BITS = (
    *(b'"', b"'", b"\n", b"\r", b"\r\n", b"\0", b",", b"\t", b"{", b"}", b"[", b"]", b"\\", b'""', b"<", b">", b"&"),
    *(b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"\x1f\x8b", b"PK\x03\x04", b"PAR1", b"ARROW1", b"-DOCSTART-"),
    *(b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xc1\xbf", b"\xf8\x88\x80\x80\x80"),
    *(b"\xed\xa0\x80", b"\xed\xb0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\xf0\x9f\x98", b"\x80", b"\xff"),
    *(rb"\ud800", rb"\udc00", rb"\ud83d\ude00", rb"\ude00\ud83d", rb"\u0000", rb"\u202e", rb"\uffff", rb"\x", rb"\u1"),
    *("\u202e\u2066".encode(), "\u200b\u200d\ufeff".encode(), "e\u0301".encode(), "\u2028\u2029\x85".encode()),
    *(b"1e999999", b"-0", b"NaN", b"1" * 400, b"null", b"=1+1", b"%PDF-", b"[" * 2000, b'{"a":' * 2000, b"<div>" * 500),
)
"""Pieces that readers take for something: marks of formats, overlong and cut UTF-8, halves of pairs, deep nests."""
ODD = (
    *("\u202e", "\u202a", "\u2066", "\u2069", "\u200f", "\u061c", "\u200b", "\u200c", "\u200d", "\u2060", "\ufeff"),
    *("\0", "\x07", "\x1b[31m", "\x7f", "\x85", "\u2028", "\u2029", "\v", "\f", "\r", "\xad"),
    *("\ufffd", "\uffff", "\U0010ffff", "\ue000", "e\u0301\u0323", "\u0301"),
    *("क्ष", "ไทย", "한국어", "שלום", "مرحبا ٣٤", "𝔘𝔫𝔦", "𠮷野家", "Ａ１，￥", "ﬁ", "ß", "İ", "ı", "ǅ"),
    *("👩‍👩‍👧‍👦", "👍🏽", "🏴\U000e0067\U000e007f", "🇬🇧", "â€™", "Ã©"),
    *("&amp;lt;", "&#0;", "&#xD800;", "<b>", "</", "<!--", "]]>"),
    *("1,234.50", "٣٤", "１２", "1e400", "-", "+", "%", "€", "٪", "\u2212", "½", "Ⅷ", "²", "𝟛", "१२"),
    *("ann@example.org", "@", "http://", "://", "1.1.1.1", "::", "4111 1111 1111 1111", "GB82 WEST 1234"),
    *("..", "…", "。", "#", "•"),
)
"""Characters and pieces that careless text code trips over."""
RUNS = (
    *("a", " ", "\n", "-", ".", "1", "(", '"', "@", "字", "\0", "\u0301", "\u200b", "\u202e"),
    *("<div>", "&amp;", "a@", "1.", "%20", "a\n\n"),
)
"""What is repeated into long lines: many an expression needs quadratic time for one of them."""


def mutated(raw: bytes, chance: random.Random) -> bytes:
    """Return bytes with flipped bits, cuts, repeats, odd pieces or noise; sometimes nothing of what it was.

    >>> mutated(b"id,text", random.Random(1)) == mutated(b"id,text", random.Random(1))
    True
    """
    if chance.random() < 0.05:
        return chance.randbytes(chance.randrange(1, 3000))
    data = bytearray(raw)
    for _ in range(chance.choice((0, 1, 1, 2, 4, 12))):
        chance.choice(_CHANGES)(data, chance)
    return bytes(data[: chance.randrange(1, len(data) + 1)] if data and chance.random() < 0.2 else data)


def hostile_text(chance: random.Random, longest: int = 20_000) -> str:
    """Return a text of odd pieces, ordinary words and long runs of one piece, of about `longest` characters at most.

    >>> len(hostile_text(random.Random(1), longest=100)) <= 200
    True
    """
    if chance.random() < 0.15:
        piece = chance.choice(RUNS)
        run = piece * (longest // len(piece))
        return chance.choice((run, f"a{run}", f"{run}!", f"<{run}>", f"http://{run}"))
    parts: list[str] = []
    for _ in range(chance.choice((0, 1, 3, 10, 60))):
        luck = chance.random()
        if luck < 0.5:
            parts.append(chance.choice(ODD) * chance.choice((1, 1, 1, 2, 30)))
        elif luck < 0.6:
            parts.append(chr(chance.choice((chance.randrange(0xD800), chance.randrange(0xE000, 0x110000)))))
        else:
            parts.append(chance.choice(("word", "Where", "is", "the", "卡", "在哪里", "42", ".", ",", "\n", "\t")))
        parts.append(chance.choice(("", "", " ", " ", "\n")))
    return "".join(parts)[:longest]


def _flip(data: bytearray, chance: random.Random) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _insert(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data) + 1)
    data[at:at] = chance.choice(BITS)


def _delete(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data) + 1)
    del data[at : at + chance.randrange(1, 20)]


def _repeat(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data) + 1)
    data[at:at] = data[at : at + chance.randrange(1, 60)] * chance.choice((1, 1, 1, 200))


def _noise(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data) + 1)
    data[at:at] = chance.randbytes(chance.randrange(1, 6))


def _cut_character(data: bytearray, chance: random.Random) -> None:
    """Take the last byte of a character of several bytes away."""
    high = [at for at, byte in enumerate(data) if byte >= 0xC0]
    if high:
        at = chance.choice(high)
        del data[at + 1 : at + 2]


def _text(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data) + 1)
    data[at:at] = hostile_text(chance, longest=3000).encode()


_CHANGES: tuple[Callable[[bytearray, random.Random], None], ...] = (
    _flip,
    _flip,
    _insert,
    _insert,
    _delete,
    _repeat,
    _noise,
    _cut_character,
    _text,
)
