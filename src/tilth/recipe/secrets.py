"""Keep secrets out of recipes: a secret is a reference to the environment, never a text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from tilth.core.secret import REFERENCE

SECRET_NAMES = re.compile(
    r"(?:^|[_-])(?:password|passwd|pwd|passphrase|secret|token|(?:api|access|account|secret|private)[_-]?key|keys"
    r"|credentials)$",
    re.I,
)
USERINFO = re.compile(
    # A password may hold what a URL would have escaped; `host:8080/@me` holds none.
    r"^[a-z][a-z0-9+.-]*://[^/@\s:]*:(?!\d{1,5}(?:/|$))[^@\s]+@"
    r"|^[a-z][a-z0-9+.:-]*://\S*[?&;](?:password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key)=[^&;\s]",
    re.I,
)
LOOKS_SECRET = re.compile(
    r"(?<![A-Za-z0-9_-])(?:(?:AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_\w{30,}|github_pat_\w{30,}|glpat-[\w-]{20,}|hf_[A-Za-z0-9]{30,}"
    r"|sk-(?=[\w-]*\d)[\w-]{20,}|sk-[A-Za-z0-9]{20,}|xox[abp]-[\w-]{10,}|AIza[\w-]{35})|-----BEGIN [A-Z ]*PRIVATE KEY"
)
_SHORTEST = 4
"""Characters from which a secret is looked for in messages; a shorter one would be found in every word."""


def refuse_literals(values: Any, wrong: Callable[..., None], place: tuple[str | int, ...] = ()) -> None:
    """Report every literal secret in a recipe; the message never repeats it."""
    for where, _ in literals(values, place):
        wrong(
            f'a secret stands in "{_nearest_name(where)}"',
            where,
            wanted="env:NAME, a reference to an environment variable",
            do="Take the secret out of the file, and change it where it was issued.",
        )


def literals(values: Any, place: tuple[str | int, ...] = (), *, secret: bool = False) -> list[tuple[Any, str]]:
    """List literal secrets as (place, text): what stands under a secret's name, and what looks like one anywhere.

    >>> literals({"db": {"password": "hunter2", "user": "env:DB_USER"}})
    [(('db', 'password'), 'hunter2')]
    """
    if isinstance(values, dict):
        return [
            one
            for key, value in values.items()
            for one in literals(value, (*place, key), secret=secret or named((key,)))
        ]
    if isinstance(values, list):
        return [one for number, value in enumerate(values) for one in literals(value, (*place, number), secret=secret)]
    if values is None or isinstance(values, bool):
        return []
    text = str(values)
    literal = not REFERENCE.match(text) if secret else bool(USERINFO.search(text) or LOOKS_SECRET.search(text))
    return [(place, text)] if literal else []


def named(place: Iterable[str | int]) -> bool:
    """Tell whether a place is under a name that secrets have."""
    return any(SECRET_NAMES.search(str(step)) for step in place)


def redacted(text: str, secrets: list[str]) -> str:
    """Return a message without the secrets that it repeats.

    >>> redacted('no part called "hunter2"', ["hunter2"])
    'no part called "…"'
    """
    for found in sorted(secrets, key=len, reverse=True):
        if len(found) >= _SHORTEST:
            text = text.replace(found, "…")
    return text


def _nearest_name(place: tuple[str | int, ...]) -> str:
    return next((step for step in reversed(place) if isinstance(step, str)), "the recipe")
