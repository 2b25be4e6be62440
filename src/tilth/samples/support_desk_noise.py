"""Messages that are noise: empty ones, single words, other languages, fingers on the keyboard."""

from __future__ import annotations

from random import Random
from typing import Final

from tilth.samples.support_desk_en import FOREIGN, ONE_WORD
from tilth.samples.support_desk_phrases import Slots
from tilth.samples.support_desk_writer import SLOTS

_KEYS: Final = ("asdfghjkl", "qwertyuiop", "zxcvbnm", "1234567890", "jkl;'", "fdsa")


def noise_texts(rows: int, *, rng: Random) -> list[tuple[str, str, str, str]]:
    """Return (text, how, language, intent) of the noise among so many rows; no two texts but empty ones are the same."""
    slots = [Slots(SLOTS["en"], language="en", rng=rng) for _ in FOREIGN]
    words = rng.sample(ONE_WORD, min(len(ONE_WORD), round(rows * 0.007)))
    foreign = rng.sample(FOREIGN, min(len(FOREIGN), round(rows * 0.01)))
    return [
        *(("", "empty", "", "") for _ in range(max(1, round(rows * 0.004)))),
        *((word, "one_word", "", "") for word in words),
        *(
            (filled.say(text), "foreign", language, intent)
            for filled, (intent, language, text) in zip(slots, foreign, strict=False)
        ),
        *(("", "mash", "", "") for _ in range(round(rows * 0.005))),
    ]


def mash(rng: Random) -> str:
    """Return what a hand, a cat or a child types.

    >>> mash(Random(1))
    'wiiiurwiq'
    """
    keys = rng.choice(_KEYS)
    runs = ("".join(rng.choice(keys) for _ in range(rng.randint(5, 14))) for _ in range(rng.choice((1, 1, 2, 4))))
    return " ".join(runs)
