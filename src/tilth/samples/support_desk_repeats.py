"""Messages sent again in nearly the same words."""

from __future__ import annotations

import re
from random import Random
from typing import Final

from tilth.samples import support_desk_en as en
from tilth.samples import support_desk_zh as zh

ALIKE: Final = 0.6
"""A planted near duplicate is at least so similar to its original; two other messages are less similar."""


def repeat(text: str, *, language: str, rng: Random) -> tuple[str, str]:
    """Return a text sent again and how it differs: "reworded", "signature" or "resent".

    >>> repeat("The parcel is late and I want to know why.", language="en", rng=Random(1))[1]
    'signature'
    """
    chinese, draw = language == "zh", rng.random()
    if draw < 0.25:
        return text + rng.choice(zh.SIGNATURES_ZH if chinese else en.SIGNATURES), "signature"
    if draw < 0.6:
        frames: tuple[str, ...] = zh.RESENT_ZH if chinese else en.RESENT_EN
        if text.startswith(("Subject:", "主题：")):
            frames = tuple(frame for frame in frames if frame.startswith("{text}"))
        return rng.choice(frames).format(text=text), "resent"
    return _reworded(text, chinese, rng), "reworded"


def _reworded(text: str, chinese: bool, rng: Random) -> str:
    """Change up to three words; where there are none to change, add some at the end."""
    synonyms = zh.SYNONYMS_ZH if chinese else en.SYNONYMS_EN
    edges = ("", "") if chinese else (r"(?<![\w'’])", r"(?![\w'’])")
    known = [word for word in synonyms if re.search(word.join(edges), text)]
    if not known:
        return (
            f"{text.rstrip('。，')}，{rng.choice(zh.LAST_WORDS_ZH)}"
            if chinese
            else f"{text} {rng.choice(en.LAST_WORDS)}"
        )
    for word in rng.sample(known, min(len(known), rng.randint(1, 3))):
        text = re.sub(word.join(edges), synonyms[word], text, count=1)
    return text
