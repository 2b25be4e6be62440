"""Stop a reader whose text grows beyond what is asked for."""

from __future__ import annotations

from contextvars import ContextVar


class TooMuch(Exception):
    """The text is longer than the limit."""


_most: ContextVar[int] = ContextVar("most", default=1 << 62)


def set_most_text(characters: int) -> None:
    """Set the most characters of a document's text."""
    _most.set(characters)


def most_text(characters: int) -> None:
    """Raise `TooMuch` where a text that is being read is already longer than the limit."""
    if characters > _most.get():
        raise TooMuch
