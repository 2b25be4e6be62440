"""Keep secrets out of recipes: a secret is a reference to the environment, never a text."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

from tilth.core.errors import RecipeError

SECRET_NAMES = re.compile(r"(?:^|_)(?:password|passwd|secret|token|api_key|keys|credentials|private_key)$", re.I)
USERINFO = re.compile(r"^[a-z][a-z0-9+.-]*://[^/@\s:]*:[^/@\s]+@", re.I)
LOOKS_SECRET = re.compile(
    r"^(?:AKIA[0-9A-Z]{16}|gh[pousr]_\w{30,}|sk-[\w-]{20,}|xox[abp]-[\w-]{10,}|-----BEGIN [A-Z ]*PRIVATE KEY)"
)
REFERENCE = re.compile(r"^env:[A-Za-z_][A-Za-z0-9_]*$")


def refuse_literals(values: Any, wrong: Callable[..., None], place: tuple[str | int, ...] = ()) -> None:
    """Report every literal secret in a recipe; the message never repeats it."""
    if isinstance(values, dict):
        for key, value in values.items():
            here = (*place, key)
            named = SECRET_NAMES.search(str(key)) and isinstance(value, str) and not REFERENCE.match(value)
            if named or (isinstance(value, str) and (USERINFO.match(value) or LOOKS_SECRET.match(value))):
                wrong(
                    f'a secret stands in "{key}"',
                    here,
                    wanted="env:NAME, a reference to an environment variable",
                    do="Take the secret out of the file, and change it where it was issued.",
                )
            else:
                refuse_literals(value, wrong, here)
    elif isinstance(values, list):
        for number, value in enumerate(values):
            refuse_literals(value, wrong, (*place, number))


def resolve(reference: str, *, where: str) -> str:
    """Return the value that `env:NAME` refers to, or the text itself. Raises `RecipeError` when it is not set.

    >>> resolve("plain", where="serve")
    'plain'
    """
    if not REFERENCE.match(reference):
        return reference
    name = reference.removeprefix("env:")
    value = os.environ.get(name)
    if not value:
        raise RecipeError(f"the environment variable {name} is not set", where=where, do=f"Run: export {name}=…")
    return value
