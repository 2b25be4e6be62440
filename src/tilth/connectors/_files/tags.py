"""Recognise how tags mark entities, and rewrite them as BIO.

BIO (also IOB2): every entity begins with `B-`. IOB1 (Ramshaw and Marcus 1995; CoNLL-2003): an entity begins with `I-`,
and with `B-` only right after another of its type. BIOES (also IOBES, BILOU, BMES): `E-` or `L-` ends an entity, `S-`
or `U-` is one alone, and `M-` is `I-`.

A sequence that breaks the scheme is mended as the CoNLL evaluation script reads it: an inside tag with nothing to
continue begins an entity. What is mended is counted. A tag of no scheme at all is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

_TAG = re.compile(r"([BIESLUM])[-_](.+)")
_BIOES = {"L": "E", "U": "S", "M": "I"}
SCHEMES = ("auto", "iob1", "bio", "bioes")


class BadTag(Exception):
    """A tag is not of the scheme; `at` is its place in the sentence."""

    def __init__(self, at: int, scheme: str) -> None:
        self.at, self.scheme = at, scheme
        super().__init__(at, scheme)


class Tags(NamedTuple):
    """A sentence's tags in BIO."""

    tags: list[str]
    mended: int
    """How many tags broke the scheme."""


def is_tag(text: str) -> bool:
    """Tell whether a word looks like a tag of an entity scheme.

    >>> [is_tag(word) for word in ("O", "B-PER", "S-ORG.NAM", "NN")]
    [True, True, True, False]
    """
    return text == "O" or bool(_TAG.fullmatch(text))


def scheme_of(sentences: Iterable[Sequence[str]]) -> str:
    """Recognise the scheme by what tags follow one another: iob1, bio, bioes, or none (parts of speech and the like).

    Any `E-`, `S-`, `L-`, `U-` or `M-` is BIOES. Otherwise it is IOB1 where more entities begin with `I-` than there
    are `B-` that IOB1 would not write; else BIO.

    >>> scheme_of([["I-PER", "O", "I-LOC", "B-LOC"]]), scheme_of([["B-PER", "I-PER", "O"]]), scheme_of([["NN", "VB"]])
    ('iob1', 'bio', 'none')
    """
    tagged = plain = starts_inside = begins_apart = 0
    bioes = False
    for tags in sentences:
        last = ""
        for tag in tags:
            found = _TAG.fullmatch(tag)
            kind = found[2] if found else ""
            if found:
                tagged += 1
                bioes = bioes or found[1] in "ESLUM"
                starts_inside += found[1] == "I" and last != kind
                begins_apart += found[1] == "B" and last != kind
            else:
                plain += tag != "O"
            last = kind
    if plain > 0.1 * tagged and plain:
        return "none"
    if bioes:
        return "bioes"
    return "iob1" if starts_inside > begins_apart else "bio"


def to_bio(tags: Sequence[str], scheme: str) -> Tags:
    """Rewrite a sentence's tags in BIO; raises `BadTag`.

    >>> to_bio(["I-PER", "I-PER", "B-PER", "O"], "iob1").tags
    ['B-PER', 'I-PER', 'B-PER', 'O']
    >>> to_bio(["S-PER", "B-LOC", "E-LOC", "I-ORG"], "bioes")
    Tags(tags=['B-PER', 'B-LOC', 'I-LOC', 'B-ORG'], mended=2)
    """
    written: list[str] = []
    mended = 0
    open_kind = ""
    for at, tag in enumerate(tags):
        mark, kind = _parts(tag, at, scheme)
        goes_on = mark in ("I", "E") and kind == open_kind
        if scheme == "bioes":
            # An entity that is open must go on; one that goes on must be open.
            mended += not goes_on if mark in ("I", "E") else bool(open_kind)
        elif scheme == "bio":
            mended += mark == "I" and not goes_on
        written.append("O" if mark == "O" else f"{'I' if goes_on else 'B'}-{kind}")
        open_kind = "" if mark in ("O", "E", "S") else kind
    mended += scheme == "bioes" and bool(open_kind)
    return Tags(written, mended)


def _parts(tag: str, at: int, scheme: str) -> tuple[str, str]:
    if tag == "O":
        return "O", ""
    found = _TAG.fullmatch(tag)
    if not found or (scheme != "bioes" and found[1] not in "BI"):
        raise BadTag(at, scheme)
    return _BIOES.get(found[1], found[1]), found[2]
