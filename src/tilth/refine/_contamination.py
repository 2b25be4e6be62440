"""Find rows that hold test items: three exchanges.

Grams   items and rows   key: a run of words   gives the runs that a row shares with an item
Shares  shared runs      key: the row          gives each row's share, and the item it shares most with
Verdicts  shares         key: the item         gives the decisions
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tilth.core.batch import ID, Batch
from tilth.core.engine import KEY
from tilth.core.operator import DECISION
from tilth.refine._contamination_runs import Look, Runs, by_text
from tilth.refine._contamination_sieve import Sieve
from tilth.refine._repeats_words import Hashes, Placed, keys
from tilth.refine._rows import HASHES, batches, groups, hash_lists

RULE = "decontaminate"
_GRAM = pa.schema(
    [
        (KEY, pa.string()),
        (ID, pa.string()),
        ("short", pa.bool_()),
        ("whole", pa.bool_()),
        ("weight", pa.int64()),
        ("of", pa.int64()),
        ("words", HASHES),
    ]
)
"""A run of words in an item (`_id` begins with 0) or a row (1). `weight` of the row's `of` runs, or words where the
run is `short`; `whole` where it is all the text says. `words` is what an answer is looked for in, or the answer."""
_SHARED = pa.schema(
    [(KEY, pa.string()), (ID, pa.string()), ("short", pa.bool_()), ("weight", pa.int64()), ("of", pa.int64())]
)
_SHARE = pa.schema([(KEY, pa.string()), (ID, pa.string()), ("row", pa.string()), ("value", pa.float64())])


@dataclass(frozen=True, kw_only=True)
class Grams:
    """Bring items and rows together that share a run of words."""

    look: Look
    sieve: Sieve
    common: int

    def emit(self, batch: Batch) -> Batch:
        """Key items and rows by their runs: of rows, only those that may be an item's."""
        roles = self.look.roles(batch)
        batch, roles = batch.filter(pa.array(roles < 2)), roles[roles < 2]
        marks = ["01"[role] + row for role, row in zip(roles.tolist(), batch.column(ID).to_pylist(), strict=True)]
        answers = self.look.answers(batch) if self.look.answer is not None else None
        start, parts = 0, [pa.RecordBatch.from_pylist([], schema=_GRAM)]
        for found, count in self.look.chunks(batch):
            here = slice(start, start + count)
            start += count
            mine = None if answers is None else answers[here]
            parts += self._keyed(found, roles[here], marks[here], mine)
        return pa.concat_batches(parts)

    def _keyed(
        self, found: Placed, roles: npt.NDArray[np.int64], marks: list[str], answers: list[Hashes] | None
    ) -> list[Batch]:
        listed = [*self.look.own(found)]
        if answers is not None:
            listed += [part.where(roles[part.text] == 1) for part in self.look.within(found, self.sieve.lengths)]
        told = None if answers is None else _told(by_text(found, len(marks)), roles, answers)
        stay = [part.where((roles[part.text] == 0) | self.sieve.passes(part.one, part.other)) for part in listed]
        return [_batch(part, marks, told) for part in stay if len(part.one)]

    def gather(self, keyed: Iterator[Batch]) -> Iterable[Batch]:
        """Give the runs that rows share with an item, each naming the item with the smallest id."""

        def rows() -> Iterator[tuple[str, str, bool, int, int]]:
            for _, group in groups(keyed, (KEY, ID, "short", "whole", "weight", "of", "words")):
                items: dict[bytes, tuple[str, Hashes | None]] = {}
                waiting: list[tuple[str, str, bool, int, int]] = []
                count = 0
                for _, mark, short, whole, weight, of, words in group:
                    if mark[0] == "0":
                        # The smallest id of each answer; an n-gram needs none.
                        items.setdefault(b"" if words is None else words.tobytes(), (mark[1:], words))
                        continue
                    other = next(
                        (item for item, answer in items.values() if _answered(short, whole, words, answer)), None
                    )
                    if other is None:
                        continue
                    count += 1
                    waiting.append((mark[1:], other, short, weight, of))
                    if short or not self.common:
                        yield from waiting
                        waiting.clear()
                    elif count > self.common:
                        waiting.clear()
                yield from waiting

        return batches(rows(), _SHARED)


def _answered(short: bool, whole: bool, words: Hashes | None, answer: Hashes | None) -> bool:
    """Tell whether a shared run counts: a short one needs the item's answer too, or is all that both say."""
    if not short:
        return True
    if words is None or answer is None or not len(answer):
        return whole
    starts = np.flatnonzero(words == answer[0])
    return any(np.array_equal(words[start : start + len(answer)], answer) for start in starts.tolist())


def _told(words: list[Hashes], roles: npt.NDArray[np.int64], answers: list[Hashes]) -> list[Hashes]:
    """Return of an item its answer; of a row what an answer is looked for in: its text, and its own answer apart."""
    seam = np.zeros(1, np.uint64)
    return [
        answer if role == 0 else np.concatenate([said, seam, answer])
        for said, role, answer in zip(words, roles.tolist(), answers, strict=True)
    ]


def _batch(part: Runs, marks: list[str], told: list[Hashes] | None) -> Batch:
    rows = part.text.tolist()
    words = [told[row] if told is not None and part.short else None for row in rows]
    columns = [
        keys(part.one, part.other),
        pa.array([marks[row] for row in rows], pa.string()),
        pa.array([part.short] * len(rows), pa.bool_()),
        pa.array(part.whole, pa.bool_()),
        pa.array(part.weight, pa.int64()),
        pa.array(part.of, pa.int64()),
        hash_lists(words),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=_GRAM)


@dataclass(frozen=True, kw_only=True)
class Shares:
    """Bring the shared runs of each row together."""

    threshold: float

    def emit(self, batch: Batch) -> Batch:
        """Take them as they are keyed."""
        return batch

    def gather(self, keyed: Iterator[Batch]) -> Iterable[Batch]:
        """Give each row's share, keyed by the item; rows that leave come first."""

        def rows() -> Iterator[tuple[str, str, str, float]]:
            for row, group in groups(keyed, (KEY, ID, "short", "weight", "of")):
                total, long, best = 0, 0.0, 0.0
                named: collections.Counter[str] = collections.Counter()
                for _, item, short, weight, of in group:
                    named[item] += weight
                    if short:
                        best = max(best, weight / of)
                    else:
                        total += weight
                        long = total / of
                value = max(best, long)
                other = min(named, key=lambda item: (-named[item], item))
                yield other, f"{int(value < self.threshold)}{row}", row, value

        return batches(rows(), _SHARE)


@dataclass(frozen=True, kw_only=True)
class Verdicts:
    """Bring the rows together that hold one item, and decide."""

    threshold: float
    items: bool
    """Whether the items are rows of the data."""

    def emit(self, batch: Batch) -> Batch:
        """Take shares as they are keyed."""
        return batch

    def gather(self, keyed: Iterator[Batch]) -> Iterable[Batch]:
        """Let rows at the threshold leave; name the cluster of an item and its rows by the smallest id."""

        def rows() -> Iterator[tuple[Any, ...]]:
            for item, group in groups(keyed, (KEY, ID, "row", "value")):
                cluster = None
                for _, order, row, value in group:
                    if order[0] == "1":
                        yield row, row, True, None, value, self.threshold, item
                        continue
                    if cluster is None and self.items:
                        cluster = min(item, row)
                        yield item, cluster, True, None, None, None, None
                    yield row, cluster or row, False, RULE, value, self.threshold, item

        return batches(rows(), DECISION)
