"""Say what a reader finds in a document, and how it refuses one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

Tables = str
"""text, markdown or drop."""


class Found(NamedTuple):
    """A document's text and what it says of itself; None where it does not say."""

    text: str
    title: str | None = None
    author: str | None = None
    published: str | None = None
    language: str | None = None
    url: str | None = None
    attachments: tuple[str, ...] = ()


class Refused(Exception):
    """A document that cannot be read; says why in words that quote nothing of it."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How documents are to be read."""

    tables: Tables = "text"
    replies: str = "keep"
    main: bool = True
    max_unpacked: int = 256 << 20
    """The most bytes that a packed document may unpack to."""


def clean(text: str) -> str:
    """Drop what no text holds: control characters but tab and newline, and lone surrogates; a return is a newline.

    >>> clean("a\\x00b\\x0c")
    'ab'
    """
    if not _CONTROL.search(text):
        return text
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
