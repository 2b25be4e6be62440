"""Write numbers, times and strangers' text the way a person reads them."""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from typing import NamedTuple

_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
"""Control characters, marks that turn the direction of the text around them, and halves of surrogate pairs."""


class Part(NamedTuple):
    """A piece of a text that changed: `same`, `gone` or `new`."""

    kind: str
    text: str


def clean(text: str) -> str:
    r"""Make characters visible that a terminal or a page would obey or choke on; keep tabs and line ends.

    >>> clean("a\x1b[31m\u202eb")
    'a␛[31m[U+202E]b'
    """
    return _UNSEEN.sub(_visible, text.replace("\r\n", "\n"))


def _visible(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\ufffd" if 0xD800 <= code <= 0xDFFF else f"[U+{code:04X}]"


def apparent(text: str) -> str:
    r"""Make characters visible that have no width, as a change of them is no change to the eye.

    >>> apparent("a\u200bb\u00a0c")
    'a[U+200B]b[U+00A0]c'
    """
    return "".join(
        f"[U+{ord(char):04X}]"
        if unicodedata.category(char) == "Cf" or (unicodedata.category(char) == "Zs" and char != " ")
        else char
        for char in text
    )


def excerpt(text: str, most: int = 400) -> str:
    """Return the text, cut to `most` characters.

    >>> excerpt("abcdef", 4)
    'abc…'
    """
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def columns(text: str) -> int:
    """Return how many columns a fixed-width screen gives the text: two for a Chinese character.

    >>> columns("天气 ok")
    7
    """
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def count(value: float | None) -> str:
    """Write a count with its thousands apart.

    >>> count(12480), count(None)
    ('12,480', '–')
    """
    return "–" if value is None else f"{value:,.0f}"


def plural(value: int, noun: str) -> str:
    """Write a count and its noun.

    >>> plural(1, "row"), plural(1200, "row")
    ('1 row', '1,200 rows')
    """
    return f"{count(value)} {noun}{'' if value == 1 else 's'}"


def share(part: float | None, whole: float | None = 1.0) -> str:
    """Write a share in per cent, with as many digits as keep it from reading 0 or 100 by rounding.

    >>> share(0.874), share(1, 3), share(3, 100_000), share(99_999, 100_000), share(0), share(1, 0)
    ('87.4%', '33.3%', '<0.1%', '>99.9%', '0%', '–')
    """
    if part is None or not whole:
        return "–"
    value = 100 * part / whole
    if 0 < value < 0.1:
        return "<0.1%"
    if 99.9 < value < 100:
        return ">99.9%"
    return f"{value:.0f}%" if value in (0, 100) else f"{value:.1f}%"


def figure(value: float | None) -> str:
    """Write a metric: three decimals for a share, four digits for anything larger.

    >>> figure(0.87312), figure(-0.0004), figure(23.4567), figure(None)
    ('0.873', '−0.000', '23.46', '–')
    """
    if value is None or not math.isfinite(value):
        return "–"
    text = f"{value:.3f}" if abs(value) < 10 else f"{value:,.4g}" if abs(value) < 10_000 else f"{value:,.0f}"
    return text.replace("-", "−")


def tiny(value: float | None) -> str:
    """Write a learning rate or another number whose size is what matters.

    >>> tiny(2e-05), tiny(0.25)
    ('2e-05', '0.25')
    """
    return "–" if value is None else f"{value:.3g}"


def gain(value: float | None) -> str:
    """Write a difference with its sign.

    >>> gain(0.121), gain(-0.02)
    ('+0.121', '−0.020')
    """
    return figure(value) if value is None or value < 0 else f"+{figure(value)}"


def between(low: float | None, high: float | None) -> str:
    """Write an interval.

    >>> between(0.86, 0.885)
    '0.860 to 0.885'
    """
    return "–" if low is None or high is None else f"{figure(low)} to {figure(high)}"


def duration(seconds: float | None) -> str:
    """Write a time span.

    >>> duration(0.004), duration(12.34), duration(192), duration(7384)
    ('4 ms', '12.3 s', '3 min 12 s', '2 h 03 min')
    """
    if seconds is None:
        return "–"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def ordinal(number: int) -> str:
    """Write a place in a row.

    >>> [ordinal(number) for number in (1, 2, 3, 11, 22)]
    ['1st', '2nd', '3rd', '11th', '22nd']
    """
    teens = 10 < number % 100 < 14
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def heading(name: str) -> str:
    """Write a key as words.

    >>> heading("macro_f1"), heading("test_rows")
    ('macro F1', 'test rows')
    """
    known = {"f1": "F1", "ece": "ECE", "mae": "MAE", "rmse": "RMSE", "auc": "AUC", "auroc": "AUROC", "id": "id"}
    return " ".join(known.get(word, word) for word in name.replace("-", "_").split("_") if word)


def changes(before: str, after: str, most: int = 400) -> list[Part]:
    """Split a text and its changed self into what stayed, what went and what came; cut long pieces.

    >>> [tuple(part) for part in changes("cafÃ© au lait", "café au lait")]
    [('same', 'caf'), ('gone', 'Ã©'), ('new', 'é'), ('same', ' au lait')]
    """
    head = _shared(before, after)
    tail = _shared(before[head:][::-1], after[head:][::-1])
    old, new = excerpt(before[head : len(before) - tail], most), excerpt(after[head : len(after) - tail], most)
    pieces = [("same", before[:head]), *_differences(old, new), ("same", before[len(before) - tail :])]
    return [Part(kind, _elide(text) if kind == "same" else text) for kind, text in pieces if text]


def _differences(old: str, new: str) -> list[tuple[str, str]]:
    """Return what went, what came and what lies between, where at least three characters in a row stayed."""
    pieces: list[tuple[str, str]] = []
    gone = came = ""
    for tag, start, end, start_new, end_new in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal" and end - start > 2:
            pieces += [("gone", gone), ("new", came), ("same", old[start:end])]
            gone = came = ""
        else:
            gone, came = gone + old[start:end], came + new[start_new:end_new]
    return [*pieces, ("gone", gone), ("new", came)]


def _shared(one: str, other: str) -> int:
    """Return how many characters two texts share at their start."""
    ends = (at for at, (left, right) in enumerate(zip(one, other, strict=False)) if left != right)
    return next(ends, min(len(one), len(other)))


def _elide(text: str, most: int = 120) -> str:
    return text if len(text) <= most else f"{text[: most // 2]} … {text[-most // 2 :]}"
