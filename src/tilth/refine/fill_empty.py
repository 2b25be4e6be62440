"""Fill cells that say nothing."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import Batch, with_column
from tilth.core.errors import DataError
from tilth.core.registry import name_of
from tilth.refine._columns import cells
from tilth.text.words import blank


@dataclass(frozen=True, kw_only=True)
class FillEmpty:
    """Fill null, blank and "N/A"-like cells with a value, or turn them all into null.

    >>> from tilth.testing import batch
    >>> FillEmpty(value="unknown").map(batch(text=["ok", " ", None, "N/A"])).column("text").to_pylist()
    ['ok', 'unknown', 'unknown', 'unknown']
    >>> FillEmpty(columns=("number",), value=0).map(batch(number=[1.5, None])).column("number").to_pylist()
    [1.5, 0.0]
    """

    columns: tuple[str, ...] = ("text",)
    """The columns to fill."""
    value: str | int | float | bool | None = None
    """What to fill in; null turns every such cell into null. Must fit the column's type."""
    markers: tuple[str, ...] = ("n/a", "#n/a", "<na>", "nan", "null", "<null>")
    """Texts that mean "nothing here", besides blank ones; case and outer spaces do not count."""

    def map(self, batch: Batch) -> Batch:
        """Return the batch with the columns filled."""
        for column in self.columns:
            batch = with_column(batch, column, self._filled(cells(batch, column, self), column))
        return batch

    def _filled(self, found: pa.Array, column: str) -> pa.Array:
        if pa.types.is_dictionary(found.type):
            found = found.cast(found.type.value_type)
        if found.type == pa.null() and self.value is not None:
            found = found.cast(pa.scalar(self.value).type)
        nothing = pa.scalar(None, found.type)
        if pa.types.is_floating(found.type):
            found = pc.if_else(pc.is_nan(found), nothing, found)
        elif pa.types.is_string(found.type) or pa.types.is_large_string(found.type):
            markers = {marker.lower() for marker in self.markers}
            says_nothing = [
                text is None or blank(text) or text.strip().lower() in markers for text in found.to_pylist()
            ]
            found = pc.if_else(pa.array(says_nothing, pa.bool_()), nothing, found)
        if self.value is None:
            return found
        try:
            filler = pa.scalar(self.value, found.type)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise DataError(
                f'the value {self.value!r} does not fit column "{column}", which holds {found.type}',
                where=name_of(self),
            ) from error
        return pc.fill_null(found, filler)
