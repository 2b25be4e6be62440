"""Take an address apart: its number, the street's own name, and everything with habits of spelling taken out.

The abbreviations are those of USPS Publication 28 (appendices B, C) that English speakers elsewhere use too, written
here by hand. In other languages addresses are compared as they are.
"""

from __future__ import annotations

import re

_ORDINAL = re.compile(r"(\d+)(?:st|nd|rd|th)")
_SHORT = {
    "street": "st",
    "str": "st",
    "avenue": "ave",
    "av": "ave",
    "road": "rd",
    "boulevard": "blvd",
    "drive": "dr",
    "place": "pl",
    "lane": "ln",
    "court": "ct",
    "parkway": "pkwy",
    "highway": "hwy",
    "terrace": "ter",
    "crescent": "cr",
    "cres": "cr",
    "circuit": "cct",
    "circle": "cir",
    "close": "cl",
    "square": "sq",
    "north": "n",
    "south": "s",
    "east": "e",
    "west": "w",
    "northeast": "ne",
    "northwest": "nw",
    "southeast": "se",
    "southwest": "sw",
    "saint": "st",
    "mount": "mt",
    "fort": "ft",
    "first": "1",
    "second": "2",
    "third": "3",
    "fourth": "4",
    "fifth": "5",
    "sixth": "6",
    "seventh": "7",
    "eighth": "8",
    "ninth": "9",
    "tenth": "10",
    "eleventh": "11",
    "twelfth": "12",
}
_TYPES = frozenset(
    ["st", "ave", "rd", "blvd", "dr", "pl", "ln", "ct", "pkwy", "hwy", "ter", "cr", "cct", "cir", "cl", "sq", "way"]
)
_POINTS = frozenset(["n", "s", "e", "w", "ne", "nw", "se", "sw"])
_INNER = frozenset(["floor", "fl", "suite", "ste", "apt", "unit", "room", "rm", "building", "bldg"])
"""What a place inside a building begins with."""


def address(words: list[str]) -> str:
    """Return `number|street|everything` of an address's words; an empty text if there are none.

    >>> address("78 west van buren floor 1".split())
    '78|van buren|78 w van buren floor 1'
    """
    words = [_ORDINAL.sub(r"\1", _SHORT.get(word, word)) for word in words]
    if not words:
        return ""
    digits = re.search(r"\d+", " ".join(words))
    number = digits.group() if digits else ""
    rest = words[1:] if words[0] == number else words
    return f"{number}|{_street(rest)}|{' '.join(words)}"


def _street(words: list[str]) -> str:
    """Return the street's own name: before its type or a floor, without points of the compass."""
    name: list[str] = []
    for word in words:
        if name and (word in _TYPES or word in _INNER):
            break
        if word not in _POINTS and word not in _TYPES:
            name.append(word)
    return " ".join(name or words)
