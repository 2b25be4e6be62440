"""Split running text into words, and describe how a word is spelt."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import numpy as np

from tilth.train.encoded import Array

_CLITIC = re.compile(r"(?i)(?:n['’]t|['’](?:s|re|ve|ll|d|m))$")
_ABBREVIATION = re.compile(r"(?:[^\W\d_]\.){2,}$|[^\W\d_]\.$|(?:Mr|Mrs|Ms|Dr|St|Co|Corp|Inc|Ltd|Jr|Sr|vs|No)\.$")
_CJK = re.compile(r"[぀-ヿ㐀-䶿一-鿿豈-﫿가-힯]")
_PIECE = re.compile(rf"{_CJK.pattern}|(?:(?!{_CJK.pattern})\S)+")


def split(text: str) -> list[tuple[int, int]]:
    """Return the words of a text as [start, end) characters.

    The rule: cut at white space; each Chinese, Japanese or Korean character is a word; peel opening and closing
    punctuation off, one character a word (a full stop stays on "U.N.", an initial and a few titles); cut the English
    "'s", "n't", "'ll" … off. What is inside a word (hyphens, dots, slashes) stays.

    >>> text = "(Blair's EU-wide plan, U.S. says.)"
    >>> [text[start:end] for start, end in split(text)]
    ['(', 'Blair', "'s", 'EU-wide', 'plan', ',', 'U.S.', 'says', '.', ')']
    """
    found: list[tuple[int, int]] = []
    for piece in _PIECE.finditer(text):
        start, end = piece.span()
        while start < end and _punctuation(text[start]):
            found.append((start, start + 1))
            start += 1
        tail: list[tuple[int, int]] = []
        while start < end and _punctuation(text[end - 1]) and not _ABBREVIATION.match(text[start:end]):
            tail.append((end - 1, end))
            end -= 1
        clitic = _CLITIC.search(text, start, end)
        if clitic and clitic.start() > start:
            tail.append((clitic.start(), end))
            end = clitic.start()
        if start < end:
            found.append((start, end))
        found.extend(reversed(tail))
    return found


def _punctuation(character: str) -> bool:
    return unicodedata.category(character)[0] in "PS"


SHAPES = (
    "none",
    "lower",
    "upper",
    "title",
    "letter",
    "mixed",
    "digits",
    "lower+digits",
    "upper+digits",
    "marks",
    "other",
)
"""How a word is spelt. `letter` is one capital, `other` a script without case, `none` no word at all."""
PLACES = 3
"""Where a shape was seen: inside a sentence, at its start, or in a row without a lower-case letter (a headline)."""
SHAPE_CODES = len(SHAPES) * PLACES

_END = frozenset(".!?。！？")


def shape(word: str) -> int:
    """Return the index in `SHAPES` of a word's spelling.

    >>> [SHAPES[shape(word)] for word in ["EU", "rejects", "German", "A", "McDonald", "1996-08-22", "B-52", "--"]]
    ['upper', 'lower', 'title', 'letter', 'mixed', 'digits', 'upper+digits', 'marks']
    """
    letters = [character for character in word if character.isalpha()]
    if not letters:
        return 6 if any(character.isdigit() for character in word) else 9 if word else 0
    upper = sum(character.isupper() for character in letters)
    lower = sum(character.islower() for character in letters)
    if not upper and not lower:
        return 10
    if any(character.isdigit() for character in word):
        return 8 if upper else 7
    if not upper:
        return 1
    if not lower:
        return 4 if len(letters) == 1 else 2
    return 3 if upper == 1 and letters[0].isupper() else 5


def shapes(words: Sequence[str], known: dict[str, int]) -> Array:
    """Return one code a word of a row: its spelling and where it stands. `known` remembers spellings.

    >>> shapes(["The", "EU", "said", "No", ".", "It"], {}).tolist()
    [14, 2, 1, 3, 9, 14]
    """
    codes = np.empty(len(words), np.uint8)
    start = True
    lower = False
    for at, word in enumerate(words):
        code = known.get(word)
        if code is None:
            code = known[word] = shape(word)
        codes[at] = code + (len(SHAPES) if start else 0)
        lower = lower or code in (1, 7)
        start = code == 9 and (start or word[-1:] in _END)
    if not lower:
        codes = codes % len(SHAPES) + 2 * len(SHAPES)
    return codes.astype(np.uint8)
