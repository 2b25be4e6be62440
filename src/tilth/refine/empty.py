"""Drop rows that say nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import Batch
from tilth.core.operator import verdicts
from tilth.refine._columns import cells, strings
from tilth.text import words


@dataclass(frozen=True, kw_only=True)
class Empty:
    """Drop rows whose named columns are null or blank; NaN and empty lists count as empty, zero does not.

    >>> from tilth.testing import batch
    >>> Empty().judge(batch(text=["hello", " \\u200b", None])).is_valid().to_pylist()
    [False, True, True]
    """

    columns: tuple[str, ...] = ("text",)
    """The columns to look at."""
    when: Literal["any", "all"] = "any"
    """Drop the row when any of the columns is empty, or only when all are."""

    def judge(self, batch: Batch) -> pa.StructArray:
        """Return a verdict for each row that says nothing."""
        empty = [self._empty(batch, column) for column in self.columns]
        dropped = np.zeros(batch.num_rows, np.bool_)
        if empty:
            dropped = np.logical_or.reduce(empty) if self.when == "any" else np.logical_and.reduce(empty)
        return verdicts(dropped.tolist(), "empty")

    def _empty(self, batch: Batch, column: str) -> npt.NDArray[np.bool_]:
        found = cells(batch, column, self)
        if pa.types.is_floating(found.type):
            said = pc.is_null(found, nan_is_null=True)
        elif pa.types.is_list(found.type) or pa.types.is_large_list(found.type):
            said = pc.equal(pc.fill_null(pc.list_value_length(found), 0), 0)
        elif pa.types.is_string(found.type) or pa.types.is_large_string(found.type):
            texts = strings(batch, column, self).to_pylist()
            return np.array([text is None or words.blank(text) for text in texts], np.bool_)
        else:
            said = pc.is_null(found)
        return np.asarray(said.to_numpy(zero_copy_only=False), np.bool_)
