"""Order items into batches of like length: shuffled, seeded, with a position to go on from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tilth.train.encoded import Array


@dataclass(frozen=True, kw_only=True)
class Batches:
    """Batches for each epoch, the same for the same seed.

    Items are shuffled, cut into windows of `window` batches, sorted by length within a window and cut into batches; the
    batches are then shuffled. So a batch holds rows of nearly one length (little padding) and still differs each epoch.

    >>> batches = Batches(lengths=np.array([5, 1, 5, 1]), rows=2, seed=0)
    >>> sorted(sorted(batch.tolist()) for batch in batches.epoch(0))
    [[0, 2], [1, 3]]
    """

    lengths: Array
    rows: int
    seed: int
    window: int = 50
    stages: Array | None = None
    """int64, one an item: within an epoch, batches of a stage come before those of the next (Bengio et al. 2009)."""

    @property
    def per_epoch(self) -> int:
        """Return the number of batches in an epoch."""
        return sum(-(-len(items) // self.rows) for items in self._staged(np.arange(len(self.lengths))))

    def epoch(self, number: int) -> list[Array]:
        """Return one epoch's batches of item numbers."""
        random = np.random.Generator(np.random.PCG64([self.seed, number]))
        parts = self._staged(random.permutation(len(self.lengths)))
        return [batch for items in parts for batch in self._cut(items, random)]

    def _staged(self, order: Array) -> list[Array]:
        if self.stages is None:
            return [order]
        return [order[self.stages[order] == stage] for stage in np.unique(self.stages)]

    def _cut(self, order: Array, random: np.random.Generator) -> list[Array]:
        step = self.rows * self.window
        made = []
        for start in range(0, len(order), step):
            part = order[start : start + step]
            part = part[np.argsort(self.lengths[part], kind="stable")]
            made += [part[at : at + self.rows] for at in range(0, len(part), self.rows)]
        return [made[at] for at in random.permutation(len(made))]
