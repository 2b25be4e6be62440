"""Damage that text suffers between systems, done on purpose."""

from __future__ import annotations

import html
import html.entities
import re
from random import Random
from typing import Final

from tilth.samples.support_desk_writer import curl

DAMAGES: Final = ("mojibake_cp1252", "html_entities", "zero_width", "mojibake_latin1", "fullwidth", "doubled_spaces")


def damage(text: str, how: str, *, rng: Random) -> str:
    """Return the text damaged in one of the `DAMAGES`; unchanged, if it holds nothing to damage.

    >>> damage("It’s £5", "mojibake_cp1252", rng=Random(0))
    'Itâ€™s Â£5'
    """
    if how == "mojibake_cp1252":
        return "".join(_cp1252(byte) for byte in text.encode())
    if how == "mojibake_latin1":
        return text.encode().decode("latin-1")
    if how == "html_entities":
        return re.sub(r"[^\x00-\x7f\u4e00-\u9fff]", lambda found: _entity(found[0]), html.escape(text))
    if how == "zero_width":
        signs = list(text)
        for _ in range(rng.randint(2, 6)):
            signs.insert(rng.randrange(1, len(signs)), rng.choice("\u200b\u200b\u200c\ufeff"))
        return "".join(signs)
    if how == "fullwidth":
        runs = re.findall(r"[!-~]+", text)
        chosen = set(rng.sample(runs, max(1, len(runs) // 2)) if runs else ())
        return re.sub(r"[!-~]+", lambda found: _wide(found[0]) if found[0] in chosen else found[0], text)
    if how == "doubled_spaces":
        return re.sub(" ", lambda _: rng.choice((" ", "  ", "  ", "   ")), text)
    raise ValueError(f'damage: no way "{how}". Ways: {", ".join(DAMAGES)}.')


def suited(text: str, how: str, *, rng: Random) -> str:
    """Return the text with typographic signs, where this damage needs some to show."""
    if how.startswith("mojibake") and text.isascii():
        return curl(text) + rng.choice((" …", " – thanks", " It’s the €20 one."))
    return text


def _cp1252(byte: int) -> str:
    try:
        return bytes([byte]).decode("cp1252")
    except UnicodeDecodeError:
        # Windows and browsers pass the five bytes that code page 1252 leaves open through as control characters.
        return chr(byte)


def _entity(sign: str) -> str:
    name = html.entities.codepoint2name.get(ord(sign))
    return f"&{name};" if name else f"&#{ord(sign)};"


def _wide(run: str) -> str:
    return "".join(chr(ord(sign) + 0xFEE0) for sign in run)
