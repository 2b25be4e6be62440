"""Say what an operator is that takes passages out of texts because of what other rows say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, runtime_checkable

import pyarrow as pa

from tilth.core.batch import ID
from tilth.core.engine import Engine, Rows

CUT = pa.struct([("start", pa.int32()), ("end", pa.int32()), ("other_id", pa.string())])
"""Characters [`start`, `end`) of a text that go; `other_id` names a row that holds them too, where one is kept."""

EDIT = pa.schema([(ID, pa.string()), ("cuts", pa.list_(CUT))])
"""One line for each row that changes: its cuts, ascending, none overlapping."""


@runtime_checkable
class Editor(Protocol):
    """Take passages out of a text column by comparing rows with one another: repeated lines, repeated passages.

    It works through the engine's exchanges, never holds all rows in one process, and returns shards of a table of
    `EDIT` rows, one a row that changes. The run applies them in the row-wise pass, at the operator's place in the
    recipe; a text with nothing left leaves. Declares `fits_on = "all"`.
    """

    @property
    def column(self) -> str:
        """The text column that is cut."""
        ...

    def edits(self, rows: Rows, engine: Engine) -> Rows: ...


def cut(text: str, cuts: Iterable[Mapping[str, Any]]) -> str:
    """Return a text without its cuts.

    >>> cut("one two three", [{"start": 0, "end": 4}, {"start": 7, "end": 13}])
    'two'
    """
    kept: list[str] = []
    at = 0
    for one in cuts:
        kept.append(text[at : one["start"]])
        at = one["end"]
    kept.append(text[at:])
    return "".join(kept)
