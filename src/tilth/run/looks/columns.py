"""Say what each column is like, in memory that does not grow with the rows."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import canonical, for_python
from tilth.report.inspection import ColumnLook

SKETCH = 4096
"""Hashes kept to tell how many distinct values there are: exact up to so many, then to about 1.6% (one deviation)."""
MOST_VALUES = 2000
"""Values are counted while there are no more different ones."""
LONGEST_VALUE = 200
TOP = 8


@dataclass(kw_only=True)
class ColumnTally:
    """One column's counts. Distinct values: the smallest hashes (Bar-Yossef et al. 2002)."""

    name: str
    type: str
    rows: int = 0
    nulls: int = 0
    smallest: npt.NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    values: Counter[str] | None = field(default_factory=Counter)
    numbers: int = 0
    low: float = np.inf
    high: float = -np.inf
    total: float = 0.0
    texts: int = 0
    characters: int = 0

    def add(self, column: pa.Array) -> None:
        """Look at a batch's cells."""
        self.rows += len(column)
        self.nulls += column.null_count
        filled = column.drop_null()
        if not len(filled):
            return
        if pa.types.is_integer(filled.type) or pa.types.is_floating(filled.type):
            self._measure(filled.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False))
        elif pa.types.is_string(filled.type) or pa.types.is_large_string(filled.type):
            self.texts += len(filled)
            self.characters += pc.sum(pc.utf8_length(filled)).as_py() or 0
        cells = [_text(cell) for cell in for_python(filled).to_pylist()]
        counted = Counter(cells)
        self._sketch([_hash(cell) for cell in counted])
        self._count(counted)

    def merge(self, other: ColumnTally) -> None:
        """Add another shard's counts."""
        self.type = self.type if self.type == other.type else f"{self.type} or {other.type}"
        self.rows += other.rows
        self.nulls += other.nulls
        self.numbers += other.numbers
        self.total += other.total
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        self.texts += other.texts
        self.characters += other.characters
        self._sketch(other.smallest)
        if other.values is None:
            self.values = None
        else:
            self._count(other.values)

    def look(self) -> ColumnLook:
        """Return what was found."""
        exact = len(self.smallest) < SKETCH
        distinct = len(self.smallest) if exact else round((SKETCH - 1) / (int(self.smallest[-1]) / 2**64))
        values = {value: count for value, count in (self.values or {}).items() if count > 1}
        top = sorted(values.items(), key=lambda pair: (-pair[1], pair[0]))[:TOP]
        return ColumnLook(
            name=self.name,
            type=self.type,
            nulls=self.nulls,
            distinct=distinct,
            distinct_exact=exact,
            top=tuple(top),
            low=self.low if self.numbers else None,
            high=self.high if self.numbers else None,
            mean=self.total / self.numbers if self.numbers else None,
            mean_length=self.characters / self.texts if self.texts else None,
        )

    def _measure(self, numbers: npt.NDArray[np.float64]) -> None:
        finite = numbers[np.isfinite(numbers)]
        if len(finite):
            self.numbers += len(finite)
            self.total += float(finite.sum())
            self.low, self.high = min(self.low, float(finite.min())), max(self.high, float(finite.max()))

    def _sketch(self, hashes: list[int] | npt.NDArray[np.uint64]) -> None:
        both = np.unique(np.concatenate([self.smallest, np.array(hashes, np.uint64)]))
        self.smallest = both[:SKETCH]

    def _count(self, counted: Counter[str]) -> None:
        if self.values is None:
            return
        if any(len(value) > LONGEST_VALUE for value in counted):
            self.values = None
            return
        self.values.update(counted)
        if len(self.values) > MOST_VALUES:
            self.values = None


def _text(cell: Any) -> str:
    if isinstance(cell, (list, dict)):
        return canonical(cell)
    return cell.hex() if isinstance(cell, bytes) else str(cell)


def _hash(cell: str) -> int:
    return int.from_bytes(hashlib.blake2b(cell.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
