"""Find passages of at least so many words that several documents hold: three exchanges.

Prints    rows of the data   key: a fingerprint    gives the fingerprints that several documents have, by document
Windows   texts and prints   key: the document     gives the windows of `words` words around shared fingerprints
Repeats   windows            key: the window       gives the places that stand in several documents
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import ID, Batch
from tilth.core.engine import KEY
from tilth.refine._columns import strings
from tilth.refine._ranks import named
from tilth.refine._repeats_cuts import SPAN
from tilth.refine._repeats_words import Hashes, Placed, Places, keys, placed, runs
from tilth.refine._rows import batches, crowded, groups
from tilth.text.words import chunked

_KEY_ID = [(KEY, pa.string()), (ID, pa.string())]
_PRINTED = pa.schema([(KEY, pa.uint64()), (ID, pa.string())])
PRINT = pa.schema([(ID, pa.string()), ("print", pa.uint64())])
_JOINED = pa.schema([*_KEY_ID, ("name", pa.string()), ("text", pa.string())])
_LIST = pa.list_(pa.int32())
WINDOW = pa.schema([*_KEY_ID, ("starts", _LIST), ("ends", _LIST)])
"""A window's 128-bit hash, a document, and the characters of the text where it stands."""


class Winnowed(NamedTuple):
    """Fingerprints of texts: hash `hashes[i]` stands at word `words[i]`, `text[i]`."""

    hashes: Hashes
    words: Places
    text: Places


def run_length(words: int) -> int:
    """Return the length of a fingerprint's run: half of the words, so that about one word in a quarter is one."""
    return (words + 1) // 2


def winnow(found: Placed, words: int) -> Winnowed:
    """Choose fingerprints so that any `words` words in a row hold one that depends on them alone.

    The run with the smallest hash (the first such) of each window of `words` (Schleimer, Wilkerson, Aiken 2003).
    """
    hashes, at = runs(found, run_length(words))
    width = words - run_length(words) + 1
    if len(hashes) < width:
        return Winnowed(np.zeros(0, np.uint64), np.zeros(0, np.int64), np.zeros(0, np.int64))
    smallest = np.lib.stride_tricks.sliding_window_view(hashes, width).argmin(axis=1)
    begins, ends = at[: len(smallest)], at[width - 1 :]
    within = (ends - begins == width - 1) & (found.text[begins] == found.text[ends])
    chosen = np.unique((np.arange(len(smallest)) + smallest)[within])
    return Winnowed(hashes[chosen], at[chosen], found.text[at[chosen]])


@dataclass(frozen=True, kw_only=True)
class Prints:
    """Bring the documents together that share a fingerprint."""

    column: str
    words: int
    documents: int
    operator: Any = None
    """For messages."""

    def emit(self, batch: Batch) -> Batch:
        """Key each document by its distinct fingerprints."""
        ids = batch.column(ID)
        found_keys, found_rows = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
        start = 0
        for texts in chunked(strings(batch, self.column, self.operator).to_pylist()):
            found = winnow(placed(texts), self.words)
            order = np.lexsort((found.hashes, found.text))
            hashes, text = found.hashes[order], found.text[order]
            new = np.ones(len(hashes), np.bool_)
            new[1:] = (hashes[1:] != hashes[:-1]) | (text[1:] != text[:-1])
            found_keys.append(hashes[new])
            found_rows.append(text[new] + start)
            start += len(texts)
        rows = pa.array(np.concatenate(found_rows))
        return pa.RecordBatch.from_arrays([pa.array(np.concatenate(found_keys)), ids.take(rows)], schema=_PRINTED)

    def gather(self, keyed: Iterator[Batch]) -> Iterable[Batch]:
        """Give the fingerprints of enough documents to each of them."""

        def rows() -> Iterator[tuple[str, int]]:
            for key, group in groups(crowded(keyed, KEY), (KEY, ID)):
                yield from ((row, key) for row in _enough((row for _, row in group), self.documents))

        return batches(rows(), PRINT)


def _enough(rows: Iterator[str], documents: int) -> Iterator[str]:
    """Give the distinct rows of a sorted walk, where there are so many; holds no more than that."""
    waiting: list[str] = []
    last, count = None, 0
    for row in rows:
        if row != last:
            last, count = row, count + 1
            waiting.append(row)
        if count >= documents:
            yield from waiting
            waiting.clear()


@dataclass(frozen=True, kw_only=True)
class Windows:
    """Join each text to its shared fingerprints, and look at the words around them."""

    column: str
    words: int
    prefer: str | None = None
    operator: Any = None

    def emit(self, batch: Batch) -> Batch:
        """Key fingerprints and texts by their row; a text's empty `_id` comes first."""
        if "print" in batch.schema.names:
            nothing = pa.nulls(batch.num_rows, pa.string())
            order = keys(batch.column("print").to_numpy())
            return pa.RecordBatch.from_arrays([batch.column(ID), order, nothing, nothing], schema=_JOINED)
        texts = strings(batch, self.column, self.operator)
        first = pa.array([""] * batch.num_rows, pa.string())
        joined = pa.RecordBatch.from_arrays(
            [batch.column(ID), first, named(batch, self.prefer, self.operator), texts], schema=_JOINED
        )
        return joined.filter(pc.is_valid(joined.column("text")))

    def gather(self, keyed: Iterator[Batch]) -> Iterable[Batch]:
        """Give the windows of each text that hold a shared fingerprint."""
        for row, group in groups(keyed, (KEY, ID, "name", "text")):
            name, text = row, ""
            shared: list[str] = []
            for _, hashed, its, said in group:
                if hashed:
                    shared.append(hashed)
                else:
                    name, text = its, said
            if text and shared:
                yield self._around(name, text, np.array([int(one, 16) for one in shared], np.uint64))

    def _around(self, row: str, text: str, shared: Hashes) -> Batch:
        found = placed([text])
        prints = winnow(found, self.words)
        at = prints.words[np.isin(prints.hashes, shared)]
        # A window holds a fingerprint's run where it begins at most so many words before it.
        count = len(found.hashes)
        near = np.zeros(count + 1, np.int64)
        np.add.at(near, np.maximum(at - (self.words - run_length(self.words)), 0), 1)
        np.add.at(near, at + 1, -1)
        one, begins = runs(found, self.words)
        other, _ = runs(found, self.words, second=True)
        wanted = np.flatnonzero(np.cumsum(near)[begins] > 0)
        starts = np.where(begins > 0, found.start[begins], 0)
        following = np.append(found.start, len(text))
        ends = following[begins + self.words]
        order = wanted[np.lexsort((starts[wanted], other[wanted], one[wanted]))]
        return _window_batch(row, one[order], other[order], starts[order], ends[order])


def _window_batch(row: str, one: Hashes, other: Hashes, starts: Places, ends: Places) -> Batch:
    """Put the places of one window in one line."""
    new = np.ones(len(one), np.bool_)
    new[1:] = (one[1:] != one[:-1]) | (other[1:] != other[:-1])
    first = np.flatnonzero(new)
    offsets = np.append(first, len(one))
    columns = [
        keys(one[first], other[first]),
        pa.array([row] * len(first), pa.string()),
        _lists(offsets, starts),
        _lists(offsets, ends),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=WINDOW)


def _lists(offsets: npt.NDArray[np.int64], values: Places) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(values, pa.int32()))


@dataclass(frozen=True, kw_only=True)
class Repeats:
    """Bring the documents together that hold the same window."""

    documents: int
    keep: bool
    """Whether the smallest id keeps its copy."""

    def emit(self, batch: Batch) -> Batch:
        """Take the windows as they are keyed."""
        return batch

    def gather(self, keyed: Iterator[Batch]) -> Iterable[Batch]:
        """Give the places of windows that enough documents hold."""

        def rows() -> Iterator[tuple[Any, ...]]:
            for _, group in groups(crowded(keyed, KEY), (KEY, ID, "starts", "ends")):
                waiting: list[tuple[str, list[int], list[int]]] = []
                documents, first, last = 0, "", None
                for _, row, starts, ends in group:
                    if row != last:
                        last, documents = row, documents + 1
                        first = first or row
                    if row != first or not self.keep:
                        waiting.append((row, starts, ends))
                    if documents >= self.documents:
                        for name, begin, end in waiting:
                            for place in zip(begin, end, strict=True):
                                yield name, *place, 0, False, first if self.keep else None
                        waiting.clear()

        return batches(rows(), SPAN)
