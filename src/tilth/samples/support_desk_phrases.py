"""Phrases with choices and slots, and saying one of them at random.

A phrase such as ``I [want|need] a refund for {order}`` holds choices in square brackets and slots in braces.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random
from typing import Final

_CHOICE: Final = re.compile(r"\[([^\[\]]*)\]")
_SLOT: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, kw_only=True)
class Phrases:
    """What people say when they write with one intent."""

    core: tuple[str, ...] = ()
    """The matter itself, in a sentence or two."""
    short: tuple[str, ...] = ()
    """The matter in a few words, as typed in a chat."""
    detail: tuple[str, ...] = ()
    """What may follow a core sentence."""
    ask: tuple[str, ...] = ()
    """The question that ends the message."""
    note: tuple[str, ...] = ()
    """What an agent writes down after a phone call."""
    hard: tuple[str, ...] = ()
    """The matter in the vocabulary of another intent."""


def parse(material: str) -> Phrases:
    """Read phrases: a heading at the margin names a field of `Phrases`, each indented line is one phrase.

    >>> parse("core\\n  Give me [a|the] refund.\\nshort\\n  refund!").short
    ('refund!',)
    """
    sections: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in filter(str.strip, material.splitlines()):
        if line.startswith(" "):
            lines.append(line.strip())
        else:
            lines = sections.setdefault(line.strip(), [])
    return Phrases(**{name: tuple(found) for name, found in sections.items()})


class Slots:
    """Fill slots of one message; the same slot keeps its value throughout the message."""

    def __init__(
        self, words: dict[str, tuple[str, ...]], *, language: str, rng: Random, known: dict[str, str] | None = None
    ) -> None:
        self._words, self._language, self._rng = words, language, rng
        self._chosen = dict(known or {})

    def say(self, phrase: str) -> str:
        """Make the choices of a phrase and fill its slots."""
        while _CHOICE.search(phrase):
            phrase = _CHOICE.sub(lambda found: self._rng.choice(found[1].split("|")), phrase)
        return _SLOT.sub(lambda found: self._value(found[1]), phrase)

    def _value(self, slot: str) -> str:
        if slot not in self._chosen:
            words = self._words.get(slot)
            self._chosen[slot] = self._rng.choice(words) if words else self._figure(slot)
        return self._chosen[slot]

    def _figure(self, slot: str) -> str:
        rng = self._rng
        if slot == "n":
            return str(rng.randint(2, 9))
        if slot == "order":
            return rng.choice(("BW-{}", "BW-{}", "#{}", "BW{}", "{}")).format(rng.randint(20_000, 99_999))
        if slot == "invoice":
            return rng.choice(("INV-{}", "INV-{}", "2026/{}")).format(rng.randint(3_000, 29_999))
        if slot == "version":
            return f"{rng.randint(3, 5)}.{rng.randint(0, 9)}" + rng.choice(("", f".{rng.randint(1, 6)}"))
        if slot == "error":
            return rng.choice(("E{}", "E-{}", "{}")).format(rng.randint(100, 599))
        if slot == "amount":
            whole, cents = rng.choice((5, 9, 19, 24, 39, 49, 59, 89, 119, 129, 249)), rng.choice(("", ".90", ".50"))
            forms = ("{}元", "￥{}", "{}块") if self._language == "zh" else ("£{}", "${}", "€{}", "{} EUR", "{} pounds")
            return rng.choice(forms).format(f"{whole}{cents}")
        raise KeyError(slot)
