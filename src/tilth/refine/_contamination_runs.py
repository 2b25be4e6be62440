"""Find the runs of words by which items and rows are compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tilth.core.batch import SPLIT, Batch, canonical
from tilth.refine._columns import cells, texts
from tilth.refine._contamination_items import ITEM
from tilth.refine._repeats_words import Hashes, Placed, Places, placed, runs
from tilth.text.words import chunked

Flags = npt.NDArray[np.bool_]


class Runs(NamedTuple):
    """Distinct runs of words of many texts."""

    one: Hashes
    other: Hashes
    text: Places
    short: bool
    weight: Places
    of: Places
    whole: Flags

    def where(self, stays: Flags) -> Runs:
        """Return some of the runs."""
        return Runs(
            self.one[stays],
            self.other[stays],
            self.text[stays],
            self.short,
            self.weight[stays],
            self.of[stays],
            self.whole[stays],
        )


@dataclass(frozen=True, kw_only=True)
class Look:
    """What of a text is compared, and which rows are items."""

    column: str
    answer: str | None
    ngram: int
    least: int
    against: str
    """A split, or "" where the items lie in a file."""
    operator: Any
    """For messages."""

    def __call__(self, batch: Batch) -> tuple[Hashes, Hashes, set[int]]:
        """Return the hashes of all runs of a batch's items, for the sieve."""
        items = batch.filter(pa.array(self.roles(batch) == 0))
        ones, others, lengths = [np.zeros(0, np.uint64)], [np.zeros(0, np.uint64)], set()
        for found, _ in self.chunks(items):
            for part in self.own(found):
                ones.append(part.one)
                others.append(part.other)
                if part.short:
                    lengths |= {int(length) for length in part.weight if length >= self.least}
        return np.concatenate(ones), np.concatenate(others), lengths

    def roles(self, batch: Batch) -> npt.NDArray[np.int64]:
        """Tell for each row: 0 an item, 1 a row that may leave, 2 neither."""
        if ITEM in batch.schema.names:
            return np.zeros(batch.num_rows, np.int64)
        if SPLIT not in batch.schema.names:
            return np.full(batch.num_rows, 2 if self.against else 1)
        mine = ("train", None) if self.against == "valid" else ("train", "valid", None)
        splits = batch.column(SPLIT).to_pylist()
        return np.array([0 if one == self.against else 1 if one in mine else 2 for one in splits], np.int64)

    def chunks(self, batch: Batch) -> Iterator[tuple[Placed, int]]:
        """Yield the words of some of the texts at a time, and how many texts they are."""
        for some in chunked(texts(batch, self.column, self.operator).to_pylist()):
            yield placed(some), len(some)

    def answers(self, batch: Batch) -> list[Hashes]:
        """Return the words of each row's answer."""
        column = cells(batch, self.answer or "", self.operator).to_pylist()
        said = [None if one is None else one if isinstance(one, str) else canonical(one) for one in column]
        found = placed(said)
        return by_text(found, len(said))

    def own(self, found: Placed) -> Iterator[Runs]:
        """Yield the n-grams of long texts, and the whole of short ones."""
        counts = np.bincount(found.text) if len(found.text) else np.zeros(0, np.int64)
        yield self._distinct(found, self.ngram, counts, short=False)
        for length in np.unique(counts[(counts > 0) & (counts < self.ngram)]).tolist():
            part = self._distinct(found, length, counts, short=True)
            yield part.where(part.whole)

    def within(self, found: Placed, lengths: Sequence[int]) -> Iterator[Runs]:
        """Yield all runs of some lengths that are not the whole text."""
        counts = np.bincount(found.text) if len(found.text) else np.zeros(0, np.int64)
        for length in lengths:
            part = self._distinct(found, length, counts, short=True)
            yield part.where(~part.whole)

    def _distinct(self, found: Placed, length: int, counts: Places, *, short: bool) -> Runs:
        one, at = runs(found, length)
        other, _ = runs(found, length, second=True)
        text = found.text[at]
        order = np.lexsort((other, one, text))
        one, other, text = one[order], other[order], text[order]
        new = np.ones(len(one), np.bool_)
        new[1:] = (one[1:] != one[:-1]) | (other[1:] != other[:-1]) | (text[1:] != text[:-1])
        one, other, text = one[new], other[new], text[new]
        of = counts[text] if short else np.bincount(text)[text] if len(text) else text
        weight = np.full(len(one), length if short else 1, np.int64)
        return Runs(one, other, text, short, weight, of, counts[text] == length)


def by_text(found: Placed, count: int) -> list[Hashes]:
    """Return the words of each text apart."""
    return np.split(found.hashes, np.searchsorted(found.text, np.arange(1, count)))[:count]
