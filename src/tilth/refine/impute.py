"""Fill empty cells with what train rows say is usual, overall or by group."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa

from tilth.core.batch import ID, Batch, with_column
from tilth.core.errors import DataError, RecipeError
from tilth.core.fold import FitsOn
from tilth.core.registry import name_of
from tilth.refine import _row_sample
from tilth.refine._columns import cells, floats
from tilth.refine.fill_empty import FillEmpty

_ROWS = 200_000
_LONGEST = 256
Filler = float | str


@dataclass(frozen=True, kw_only=True)
class Impute:
    """Fill empty cells with the median, mean or commonest value of the train rows.

    >>> from tilth.testing import batch
    >>> rows = batch(kind=["cat", "cat", "dog", "dog", "dog"], kg=[4.0, None, 20.0, 30.0, None])
    >>> fold = Impute(columns=("kg",), by="kind", least=1)
    >>> fold.finish(fold.observe(rows)).map(rows).column("kg").to_pylist()
    [4.0, 4.0, 20.0, 30.0, 25.0]

    Empty is null, not finite, blank or "n/a"-like, as in `fill_empty`, which fills in a value that you name. With `by`,
    a cell takes its group's value where at least `least` train rows of the group have one, else that of all. Learnt
    from up to 200,000 rows or 12 MiB of cells, those with the smallest hashes of id; exact where all fit. Whole-number
    columns take the nearest whole number. Ties go to the smaller value; texts over 256 characters are not learnt.
    """

    fits_on: ClassVar[FitsOn] = "train"

    columns: tuple[str, ...]
    """The columns of numbers or texts to fill."""
    method: Literal["auto", "median", "mean", "mode"] = "auto"
    """What to fill in; auto takes the median of numbers and the mode of texts."""
    by: str | None = None
    """A column of texts or whole numbers that groups the rows."""
    least: int = 5
    """So many rows of a group must have a value."""
    flag: bool = False
    """Add a column `<name>_empty` that says which cells were filled."""
    seed: int = 1
    """Chooses the sample."""

    def __post_init__(self) -> None:
        """Refuse to fill nothing, or by the column that is filled."""
        if not self.columns or self.by in self.columns:
            raise RecipeError(f"columns {list(self.columns)} by {self.by}", where=name_of(self), wanted="other columns")

    def observe(self, batch: Batch) -> pa.Table:
        """Sample a batch."""
        emptied = FillEmpty(columns=self.columns).map(batch)
        found = {f"c{at}": self._known(emptied, column) for at, column in enumerate(self.columns)}
        found["by"] = pa.array(_groups(batch, self.by, self), pa.string())
        return _row_sample.observe(batch.column(ID), found, seed=self.seed, rows=_ROWS)

    def merge(self, left: pa.Table, right: pa.Table) -> pa.Table:
        """Sample both; exact."""
        return _row_sample.merge(left, right, rows=_ROWS)

    def finish(self, state: pa.Table) -> Imputed:
        """Return the operator for all rows; raises `DataError` for a column without any value."""
        sample = _row_sample.read(state)
        by = sample["by"].to_pylist()
        values: list[Filler] = []
        groups: list[Mapping[str, Filler]] = []
        for at, column in enumerate(self.columns):
            said = sample[f"c{at}"].to_pylist()
            known = [one for one in said if one is not None]
            if not known:
                raise DataError(f'column "{column}" says nothing in the train rows', where=name_of(self))
            values.append(_usual(known, self.method))
            apart: dict[str, list[Filler]] = defaultdict(list)
            for group, one in zip(by, said, strict=True):
                if group is not None and one is not None:
                    apart[group].append(one)
            groups.append(
                {group: _usual(some, self.method) for group, some in sorted(apart.items()) if len(some) >= self.least}
            )
        return Imputed(columns=self.columns, values=tuple(values), groups=tuple(groups), by=self.by, flag=self.flag)

    def _known(self, batch: Batch, column: str) -> pa.Array:
        found = _plain(cells(batch, column, self))
        if pa.types.is_string(found.type):
            if self.method in ("median", "mean"):
                raise DataError(f'column "{column}" holds texts', where=name_of(self), wanted="method: mode or auto")
            return pa.array(
                [text if text and len(text) <= _LONGEST else None for text in found.to_pylist()], pa.string()
            )
        numbers = floats(batch, column, self)
        return pa.array(numbers + 0.0, pa.float64(), mask=~np.isfinite(numbers))


@dataclass(frozen=True, kw_only=True)
class Imputed:
    """Fill empty cells with known values. Made by `Impute`.

    >>> from tilth.testing import batch
    >>> Imputed(columns=("n",), values=(2.5,), groups=({},)).map(batch(n=[1.0, None])).column("n").to_pylist()
    [1.0, 2.5]
    """

    columns: tuple[str, ...]
    """The columns to fill."""
    values: tuple[float | str, ...]
    """What to fill in each."""
    groups: tuple[Mapping[str, float | str], ...]
    """What to fill in for the rows of a group, in each."""
    by: str | None = None
    """The column that groups the rows."""
    flag: bool = False
    """Add a column that says which cells were filled."""

    def map(self, batch: Batch) -> Batch:
        """Return the batch with the columns filled."""
        by = _groups(batch, self.by, self)
        emptied = FillEmpty(columns=self.columns).map(batch)
        for column, value, groups in zip(self.columns, self.values, self.groups, strict=True):
            found = _plain(cells(emptied, column, self))
            said = found.to_pylist()
            empty = [one is None or (isinstance(one, float) and not np.isfinite(one)) for one in said]
            fills = [groups.get(group, value) if group is not None else value for group in by]
            filled = [
                _fitting(fill, found.type) if no else one for one, fill, no in zip(said, fills, empty, strict=True)
            ]
            batch = with_column(batch, column, pa.array(filled, found.type))
            if self.flag:
                batch = with_column(batch, f"{column}_empty", empty, pa.bool_())
        return batch


def _usual(known: Sequence[Filler], method: str) -> Filler:
    if method == "mode" or isinstance(known[0], str):
        counts = Counter(known)
        most = max(counts.values())
        tied: list[Any] = [one for one, count in counts.items() if count == most]
        smallest: Filler = min(tied)
        return smallest
    numbers = np.sort(np.array(known, np.float64))
    if method == "mean":
        # Of halves, so that far ends do not overflow; sorted, so that the order of rows does not show.
        return float(2 * (numbers / 2 / len(numbers)).sum())
    return float(numbers[(len(numbers) - 1) // 2] / 2 + numbers[len(numbers) // 2] / 2)


def _fitting(fill: Filler, kind: pa.DataType) -> Any:
    if isinstance(fill, float) and pa.types.is_integer(kind):
        least, most = (0, 2**kind.bit_width - 1) if pa.types.is_unsigned_integer(kind) else _signed(kind.bit_width)
        return min(max(round(fill), least), most)
    return fill


def _signed(bits: int) -> tuple[int, int]:
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1


def _plain(found: pa.Array) -> pa.Array:
    """Return texts as `string`, decimals as float64, a column of nulls as texts; other numbers as they are."""
    kind = found.type.value_type if pa.types.is_dictionary(found.type) else found.type
    if pa.types.is_decimal(kind):
        kind = pa.float64()
    if pa.types.is_large_string(kind) or kind == pa.null():
        kind = pa.string()
    return found if found.type == kind else found.cast(kind)


def _groups(batch: Batch, by: str | None, operator: Any) -> list[str | None]:
    if by is None:
        return [None] * batch.num_rows
    found = _plain(cells(batch, by, operator))
    if not (pa.types.is_string(found.type) or pa.types.is_integer(found.type) or pa.types.is_boolean(found.type)):
        raise DataError(f'column "{by}" holds {found.type}', where=name_of(operator), wanted="texts or whole numbers")
    return [
        text if text is not None and len(text) <= _LONGEST else None for text in found.cast(pa.string()).to_pylist()
    ]


EXAMPLES = (
    Impute(columns=("number", "count")),
    Impute(columns=("label", "number"), by="price", least=1, flag=True),
    Impute(columns=("number",), method="mean"),
)
