"""What an operator declares is checked before what it does: a poor declaration is named."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pytest

from tilth.core.batch import Batch, with_column
from tilth.testing import check_declaration


@dataclass(frozen=True, kw_only=True)
class Shout:
    """Raise the voice.

    >>> Shout().mark
    '!'
    """

    mark: str = "!"
    """What to add."""

    def map(self, rows: Batch) -> Batch:
        texts = [None if text is None else text.upper() + self.mark for text in rows.column("text").to_pylist()]
        return with_column(rows, "text", texts, pa.string())


@dataclass(kw_only=True)
class Melt:
    """Melt in the sun.

    >>> 1
    1
    """

    mark: str = "!"
    """What to add."""


@dataclass(frozen=True)
class Position(Shout):
    """Take options by place.

    >>> 1
    1
    """

    more: int = 1
    """More."""


@dataclass(frozen=True, kw_only=True)
class Hide(Shout):
    """Hide the help.

    >>> 1
    1
    """

    secret: int = 1


@dataclass(frozen=True, kw_only=True)
class Mistype(Shout):
    """Give a default of another type.

    >>> 1
    1
    """

    columns: tuple[str, ...] = ("a", 1)  # type: ignore[assignment]  # on purpose
    """Columns."""


@dataclass(frozen=True, kw_only=True)
class Shouts(Shout):
    """Shouts the text.

    >>> 1
    1
    """


@dataclass(frozen=True, kw_only=True)
class Tell(Shout):
    """Tell without an example."""


@dataclass(frozen=True, kw_only=True)
class Keep(Shout):
    """Keep what no pickle carries.

    >>> 1
    1
    """

    change: Any = field(default_factory=lambda: lambda text: text)
    """A function."""


@pytest.mark.parametrize(
    ("kind", "promise"),
    [
        (Melt, "Melt is not frozen"),
        (Position, "Position has positional fields"),
        (Hide, "option secret has no help"),
        (Mistype, "option columns: the default has another type"),
        (Shouts, 'the docstring begins with "Shouts", not with a verb'),
        (Tell, "the docstring shows no example"),
    ],
)
def test_a_poor_declaration_is_named(kind: type, promise: str) -> None:
    with pytest.raises(AssertionError, match=promise):
        check_declaration(kind())


def test_an_example_that_lies_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shout, "__doc__", "Raise the voice.\n\n>>> 1 + 1\n3\n")
    with pytest.raises(AssertionError, match="the docstring's example fails"):
        check_declaration(Shout())


def test_an_option_that_is_no_recipe_value_is_refused() -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        check_declaration(Keep())


def test_an_operator_must_be_a_frozen_dataclass() -> None:
    class Plain:
        """Do nothing."""

    with pytest.raises(AssertionError, match="Plain is not a dataclass"):
        check_declaration(Plain())
