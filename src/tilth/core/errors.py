"""Name every way Tilth can fail.

TilthError                    exit 1   what, where, wanted, do
├── RecipeError               exit 2   the recipe is wrong; nothing was opened
├── DataError                          the data cannot be used as asked
│   └── TooManyBadRows                 more bad input rows than `bad_rows` allows
├── OperatorError                      an operator failed on more rows than `tolerance` allows
├── ConnectorError                     an outer system did not do what was asked
│   ├── Transient                      trying again may help (a wrapper retries these)
│   └── Terminal                       trying again does not help
├── CommitConflict                     another writer committed first
├── LeaseHeld                          another run holds this project
├── ModelError                         a model folder is cut short, tampered with or of another kind
├── MissingExtra              exit 2   an optional package is not installed
├── Stopped                            the user asked to stop; finished work is kept
└── CheckFailed               exit 3   a check or a drift test fell short
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

known_secrets: set[str] = set()
"""What no error may repeat; `tilth.core.secret` fills it."""


def hidden(text: str) -> str:
    """Return a text without known secrets; use `tilth.core.secret.hide`."""
    # A copy: another thread may learn one meanwhile. The longest first: one may be part of another.
    for secret in sorted(known_secrets.copy(), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


class TilthError(Exception):
    """Say what went wrong, where, what was wanted instead and what to do.

    >>> print(TilthError('no column "txt"', where="recipe.yaml:14  refine[2] too_short",
    ...                  wanted="one of id, text, label", do='Did you mean "text"?'))
    recipe.yaml:14  refine[2] too_short: no column "txt". Wanted: one of id, text, label. Did you mean "text"?
    """

    exit_code = 1

    def __init__(
        self, what: str, *, where: str | None = None, wanted: str | None = None, do: str | None = None
    ) -> None:
        said = [None if part is None else hidden(part) for part in (what, where, wanted, do)]
        self.what: str = said[0] or ""
        self.where, self.wanted, self.do = said[1:]
        super().__init__(*said)

    def __str__(self) -> str:
        said = f"{self.where}: {self.what}" if self.where else self.what
        for part in (f"Wanted: {self.wanted}" if self.wanted else None, self.do):
            if part:
                said = f"{said.rstrip()}{'' if said.rstrip().endswith(('.', '?', '!')) else '.'} {part}"
        return said

    def __reduce__(self) -> tuple[object, tuple[type[TilthError], str, str | None, str | None, str | None]]:
        # Errors travel from worker processes to the driver; keyword-only arguments need a word.
        return (_rebuild, (type(self), self.what, self.where, self.wanted, self.do))


def _rebuild(kind: type[TilthError], what: str, where: str | None, wanted: str | None, do: str | None) -> TilthError:
    return kind(what, where=where, wanted=wanted, do=do)


class RecipeError(TilthError):
    """The recipe is wrong; nothing was opened and nothing changed."""

    exit_code = 2


class DataError(TilthError):
    """The data cannot be used as asked."""


class TooManyBadRows(DataError):
    """A source held more unreadable rows than `bad_rows` allows."""


class OperatorError(TilthError):
    """An operator failed on more rows than `tolerance` allows."""


class ConnectorError(TilthError):
    """An outer system did not do what was asked."""


class Transient(ConnectorError):
    """Trying again may help."""

    after: float | None = None
    """Seconds after which the other side asked to be tried again."""


class Terminal(ConnectorError):
    """Trying again does not help."""


class CommitConflict(TilthError):
    """Another writer committed first."""


class LeaseHeld(TilthError):
    """Another run holds this project."""


class ModelError(TilthError):
    """A model folder is cut short, tampered with or of another kind."""


class MissingExtra(TilthError):
    """An optional package is not installed."""

    exit_code = 2


class Stopped(TilthError):
    """The user asked to stop; finished work is kept."""


class CheckFailed(TilthError):
    """A check or a drift test fell short."""

    exit_code = 3


def first_line(error: BaseException) -> str:
    """Return what an error says in its first line, or its kind where it says nothing.

    >>> first_line(ValueError("one\\ntwo")), first_line(OSError())
    ('one', 'OSError')
    """
    return next(iter(str(error).splitlines()), type(error).__name__)


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that a typo most likely meant, or None.

    >>> closest("txt", ["id", "text", "label"])
    'text'
    """
    names = sorted(known)
    lowered = {name.lower(): name for name in names}
    found = difflib.get_close_matches(word.lower(), list(lowered), n=1, cutoff=0.6)
    return lowered[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return the question that mends a typo, or None.

    >>> did_you_mean("languge", ["language", "length"])
    'Did you mean "language"?'
    """
    guess = closest(word, known)
    return f'Did you mean "{guess}"?' if guess else None


def missing_extra(package: str, extra: str, for_what: str) -> MissingExtra:
    """Return the error for an optional package, with the line that installs it.

    >>> print(missing_extra("torch", "train", "training"))
    training needs the package "torch", which is not installed. Run: pip install "tilth[train]"
    """
    return MissingExtra(
        f'{for_what} needs the package "{package}", which is not installed', do=f'Run: pip install "tilth[{extra}]"'
    )
