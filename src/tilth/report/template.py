"""Load the page's template, and give it the words to write numbers and strangers' text with."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tilth.report import words

if TYPE_CHECKING:
    from jinja2 import Template


@functools.cache
def page() -> Template:
    """Return the template of the page; whatever it writes is escaped, and control characters are made visible."""
    import jinja2

    loaded = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    loaded.filters.update({name: _of_known(write) for name, write in _FILTERS.items()})
    return loaded.get_template("page.html")


def flat(facts: Mapping[str, Any], above: str = "", write: Callable[[Any], str] = str) -> list[tuple[str, str]]:
    """List facts as (name, value), what lies in a mapping under the mapping's name.

    >>> flat({"seed": 13, "packages": {"tilth": "0.1.0"}})
    [('seed', '13'), ('packages · tilth', '0.1.0')]
    """
    lines: list[tuple[str, str]] = []
    for name, value in facts.items():
        place = f"{above} · {words.heading(name)}" if above else words.heading(name)
        if isinstance(value, Mapping):
            lines += flat(value, place, write)
        elif value is not None and value != "":
            many = isinstance(value, (list, tuple))
            lines.append((place, ", ".join(map(write, value)) if many else write(value)))
    return lines


def _number(value: Any) -> str:
    """Write what may be a count or a measure; a seed or a fingerprint is written with `str` instead."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    return words.count(value) if isinstance(value, int) else words.tiny(value)


def _numbers(facts: Mapping[str, Any], nested: bool) -> list[tuple[str, str]]:
    """List the facts that are mappings, or those that are not."""
    chosen = {name: value for name, value in facts.items() if isinstance(value, Mapping) == nested}
    return flat(chosen, write=_number)


def _unit(value: float | None) -> str:
    return f"{min(max(value or 0.0, 0.0), 1.0):.3f}"


def _thin(lines: Sequence[Any], most: int, keep: Any = None) -> list[Any]:
    """Return every n-th line, so that about `most` remain; the last, and the one to keep, always do."""
    every = max(-(-len(lines) // most), 1)
    return [line for at, line in enumerate(lines) if at % every == 0 or at == len(lines) - 1 or line is keep]


def _answer(value: Any) -> str:
    """Write a label, a list of labels, or a list of entities (type, first token, token after the last)."""
    if isinstance(value, (list, tuple)):
        told = [f"{one[0]} {one[1]}–{one[2] - 1}" if isinstance(one, (list, tuple)) else str(one) for one in value]
        return ", ".join(told) or "none"
    return "–" if value is None else str(value)


def _bend(value: float) -> str:
    # A cell with few rows still shows: the shade follows the square root.
    return _unit(value**0.5)


_FILTERS: dict[str, Callable[..., Any]] = {
    "count": words.count,
    "plural": words.plural,
    "share": words.share,
    "figure": words.figure,
    "tiny": words.tiny,
    "gain": words.gain,
    "between": words.between,
    "duration": words.duration,
    "ordinal": words.ordinal,
    "heading": words.heading,
    "excerpt": words.excerpt,
    "answer": _answer,
    "thin": _thin,
    "changes": words.changes,
    "apparent": words.apparent,
    "numbers": _numbers,
    "unit": _unit,
    "bend": _bend,
}


def _of_known(write: Callable[..., Any]) -> Callable[..., Any]:
    from jinja2 import Undefined

    def known(value: Any, *rest: Any) -> Any:
        return write(*(None if isinstance(one, Undefined) else one for one in (value, *rest)))

    return known


def _finalize(value: Any) -> Any:
    """Make strangers' control characters visible; markup of ours passes as it is."""
    if value is None:
        return "–"
    return words.clean(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
