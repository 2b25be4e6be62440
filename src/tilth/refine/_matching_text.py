"""Write a cell in the form in which its kind is compared: case, marks, accents and spelling habits taken out.

An address becomes `number|street|everything` (`_matching_address`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Literal, get_args

from tilth.refine import _dates
from tilth.refine._matching_address import address

Kind = Literal["name", "org", "address", "code", "date", "number"]
"""name: a person or place; org: words in any order; code: ids, phones, postcodes; number: a quantity."""
KINDS: tuple[Kind, ...] = get_args(Kind)
_LONGEST = 400
_WORD = re.compile(r"[^\W_]+")
_INSIDE = re.compile(r"['’‘`´.]")
_ORDINAL = re.compile(r"(\d+)(?:st|nd|rd|th)")


def writer(kind: Kind) -> Callable[[str], str]:
    """Return the function that writes cells of a kind; an empty answer means that the cell says nothing.

    >>> writer("address")("2050 E. 93rd Street")
    '2050|93|2050 e 93 st'
    >>> writer("code")("(773) 375-4300"), writer("name")(" Ménard,  José")
    ('7733754300', 'menard jose')
    """
    return {"name": _words, "org": _org, "address": _address, "code": _code, "date": _date, "number": _number}[kind]


def plain(text: str) -> str:
    """Return the text in compatibility form, without case or accents, cut to 400 characters."""
    folded = unicodedata.normalize("NFKD", text[:_LONGEST]).casefold()
    return "".join(mark for mark in folded if not unicodedata.combining(mark)) if not folded.isascii() else folded


def tokens(text: str) -> list[str]:
    """Return the runs of letters and digits; points and apostrophes inside words do not part them."""
    return _WORD.findall(_INSIDE.sub("", plain(text)))


def _words(text: str) -> str:
    return " ".join(tokens(text))


def _org(text: str) -> str:
    return " ".join(_ORDINAL.sub(r"\1", "and" if word == "&" else word) for word in tokens(text.replace("&", " and ")))


def _code(text: str) -> str:
    return "".join(tokens(text))


def _date(text: str) -> str:
    read = _dates.read(text)
    return read.moment.date().isoformat().replace("-", "") if read else _code(text)


def _number(text: str) -> str:
    try:
        number = float(text.replace(",", ""))
    except ValueError:
        return ""
    return repr(number) if abs(number) < float("inf") else ""


def _address(text: str) -> str:
    return address(tokens(text.replace(".", " ")))
