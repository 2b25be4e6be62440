"""Name the blocks in which a row meets others: keys by kind of field, several a row.

name     the whole; its sound (Soundex, Russell 1918) with nothing else
org      the whole; each of its three rarest words, and pairs of neighbours among the rest
address  number and the street's first letters; the street
code     the whole; a code of six or more without its first and its last characters
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tilth.refine._matching_text import Kind

_SOUNDS = {
    **dict.fromkeys("bfpv", "1"),
    **dict.fromkeys("cgjkqsxz", "2"),
    **dict.fromkeys("dt", "3"),
    "l": "4",
    **dict.fromkeys("mn", "5"),
    "r": "6",
}
_RAREST = 3


def keys(kind: Kind, cell: str, count: Callable[[str], int]) -> Iterator[str]:
    """Yield the block keys of a written cell; `count` says about how often a word came in its column.

    >>> list(keys("address", "2050|93|2050 e 93 st", len))
    ['a2050 93', 's93']
    >>> list(keys("name", "robert", len))
    ['wrobert', 'zR163']
    """
    if not cell:
        return
    if kind == "address":
        number, street, _ = cell.split("|", 2)
        if number:
            yield f"a{number} {street[:3]}"
        yield f"s{street}"
        return
    yield f"w{cell}"
    if kind == "name":
        yield f"z{soundex(cell)}"
    elif kind == "org":
        words = dict.fromkeys(cell.split())
        for word in sorted((word for word in words if len(word) > 1), key=lambda word: (count(word), word))[:_RAREST]:
            yield f"t{word}"
    elif kind in ("code", "date") and len(cell) >= 6:
        yield f"f{cell[: len(cell) // 2 + 1]}"
        yield f"l{cell[-(len(cell) // 2 + 1) :]}"


def soundex(word: str) -> str:
    """Return the American Soundex of a word (the rules of the US National Archives); other scripts stay as they are.

    >>> [soundex(name) for name in ("robert", "rupert", "tymczak", "pfister", "honeyman", "王")]
    ['R163', 'R163', 'T522', 'P236', 'H555', '王']
    """
    letters = [letter for letter in word if "a" <= letter <= "z"]
    if not letters:
        return word
    found, last = letters[0].upper(), _SOUNDS.get(letters[0], "")
    for letter in letters[1:]:
        sound = _SOUNDS.get(letter, "")
        if sound and sound != last:
            found += sound
        if letter not in "hw":
            last = sound
    return (found + "000")[:4]
