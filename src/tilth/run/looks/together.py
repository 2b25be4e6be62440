"""Count which rules drop the same rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tilth.core.errors import OperatorError
from tilth.report.inspection import Overlap

Mask = npt.NDArray[np.bool_]


@dataclass(kw_only=True)
class Together:
    """Which rules drop the same rows."""

    names: list[str] = field(default_factory=list)
    both: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 0), np.int64))
    alone: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    any: int = 0

    def add(self, names: Iterable[str], fails: Sequence[Mask]) -> None:
        """Count a batch; every batch has the same rules."""
        self._named(list(names))
        if not fails:
            return
        whole = np.stack(fails, axis=1).astype(np.float32)
        times = whole.sum(axis=1)
        self.both += (whole.T @ whole).astype(np.int64)
        self.alone += whole[times == 1].sum(axis=0).astype(np.int64)
        self.any += int((times > 0).sum())

    def merge(self, other: Together) -> None:
        """Add another shard's counts."""
        if not other.names:
            return
        self._named(other.names)
        self.both += other.both
        self.alone += other.alone
        self.any += other.any

    def overlap(self) -> Overlap:
        """Return the counts of those that drop anything."""
        some = [at for at in range(len(self.names)) if self.both[at, at]]
        return Overlap(
            names=tuple(self.names[at] for at in some),
            rows=tuple(tuple(int(self.both[at, other]) for other in some) for at in some),
        )

    def _named(self, names: list[str]) -> None:
        if not self.names:
            self.names = names
            self.both = np.zeros((len(names), len(names)), np.int64)
            self.alone = np.zeros(len(names), np.int64)
        if names != self.names:
            raise OperatorError(
                "an operator's rules differ from batch to batch", wanted="the same rules in the same order"
            )
