"""Make shingles with NumPy: the definition that the compiled kernel is compared with, and what stands in for it.

A shingle is `ngram` words in a row (Broder 1997, "On the resemblance and containment of documents"). Each word is
hashed once; a shingle's hash is rolled from its words' hashes, so no shingle is ever built as a string.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tilth.text import minhash, words

Hashes = npt.NDArray[np.uint64]
Numbers = Literal["distinct", "same"]

_PLACE = np.uint64(21)
_GOLDEN = 0x9E3779B97F4A7C15


class Shingles(NamedTuple):
    """The shingle sets of many texts: text `i` has `hashes[offsets[i]:offsets[i + 1]]`, ascending and distinct."""

    hashes: Hashes
    offsets: npt.NDArray[np.int64]
    numbers: Hashes
    """A hash of each text's numbers in order; 0 for a text without any, and when all numbers are the same."""

    def of(self, text: int) -> Hashes:
        """Return one text's set."""
        return self.hashes[self.offsets[text] : self.offsets[text + 1]]


def shingles(texts: pa.Array, *, ngram: int = 5, numbers: Numbers = "distinct") -> Shingles:
    """Hash each text's shingles, after folding case and width.

    A text with fewer than `ngram` words is read as its word pairs, a single word as itself, so that short texts compare
    with short texts only. A text with no word but some other mark ("?!") has one shingle, its exact marks; a blank text
    or a null has none.

    >>> found = shingles(pa.array(["Hello", "hello!", "hi", "", None]))
    >>> found.offsets.tolist(), bool(found.of(0)[0] == found.of(1)[0]), bool(found.of(0)[0] == found.of(2)[0])
    ([0, 1, 2, 3, 3, 3], True, False)
    """
    folded = (words.fold(text or "") for text in texts.to_pylist())
    parts = [_shingles(chunk, ngram, numbers) for chunk in words.chunked(folded)]
    counts = [np.diff(part.offsets) for part in parts]
    return Shingles(
        np.concatenate([part.hashes for part in parts]) if parts else np.zeros(0, np.uint64),
        np.concatenate([[0], *counts]).cumsum().astype(np.int64),
        np.concatenate([part.numbers for part in parts]) if parts else np.zeros(0, np.uint64),
    )


def _shingles(texts: Sequence[str], ngram: int, numbers: Numbers) -> Shingles:
    found = words.split(texts, one_number=numbers == "same")
    hashes = _word_hashes(found)
    counts = np.bincount(found.text, minlength=len(texts))
    sizes = np.where(counts >= ngram, ngram, np.minimum(counts, 2))
    text_ends = np.cumsum(counts)
    left = text_ends[found.text] - np.arange(len(hashes))
    values, owners = [], []
    for size in {ngram, 2, 1}:
        at = np.flatnonzero((sizes[found.text] == size) & (left >= size))
        values.append(_roll(hashes, at, size))
        owners.append(found.text[at])
    wordless = [at for at in np.flatnonzero(counts == 0).tolist() if not words.blank(texts[at])]
    values.append(np.array([marks(texts[at]) for at in wordless], np.uint64))
    owners.append(np.array(wordless, np.int64))
    value, owner = np.concatenate(values), np.concatenate(owners)
    order = np.lexsort((value, owner))
    value, owner = value[order], owner[order]
    new = np.ones(len(value), np.bool_)
    new[1:] = (value[1:] != value[:-1]) | (owner[1:] != owner[:-1])
    offsets = np.concatenate([[0], np.cumsum(np.bincount(owner[new], minlength=len(texts)))])
    said = _numbers(hashes, found, len(texts)) if numbers == "distinct" else np.zeros(len(texts), np.uint64)
    return Shingles(value[new], offsets.astype(np.int64), said)


def _word_hashes(found: words.Words) -> Hashes:
    """Hash each word to 64 bits: the sum over its characters of a mix of character and place, mixed again.

    Where all its characters are ASCII, eight of them make one number, and what is summed are these, mixed.
    """
    lengths = found.ends - found.starts
    if not len(lengths):
        return np.zeros(0, np.uint64)
    firsts = np.cumsum(lengths) - lengths
    place = np.arange(int(lengths.sum())) - np.repeat(firsts, lengths)
    points = found.points[np.repeat(found.starts, lengths) + place].astype(np.uint64)
    mixed = minhash.mix(points | ((place.astype(np.uint64) + np.uint64(1)) << _PLACE))
    wide = np.maximum.reduceat(points, firsts) >= 128
    eighth = np.flatnonzero(place % 8 == 0)
    eights = np.add.reduceat(points << (place % 8 * 8).astype(np.uint64), eighth)
    number = place[eighth] // 8
    eights = minhash.mix(eights + number.astype(np.uint64) * np.uint64(_GOLDEN))
    return minhash.mix(
        np.where(wide, np.add.reduceat(mixed, firsts), np.add.reduceat(eights, np.flatnonzero(number == 0)))
    )


def word_hashes(listed: Sequence[str]) -> Hashes:
    """Hash words one by one; each must be one word as `words.split` sees it."""
    return _word_hashes(words.split(listed))


def _roll(hashes: Hashes, at: npt.NDArray[np.int64], size: int) -> Hashes:
    """Hash the `size` words from each place: a weighted sum, one odd weight a step, mixed."""
    total = np.full(len(at), size, np.uint64)
    for step in range(size):
        weight = pow(_GOLDEN, step + 1, 1 << 64) | 1
        total += hashes[at + step] * np.uint64(weight)
    return minhash.mix(total)


def _numbers(hashes: Hashes, found: words.Words, count: int) -> Hashes:
    """Hash the numbers of each text in their order."""
    said = np.zeros(count, np.uint64)
    at = np.flatnonzero(found.numeric)
    if len(at):
        owner = found.text[at]
        first = np.flatnonzero(np.concatenate([[True], owner[1:] != owner[:-1]]))
        run = np.diff(np.append(first, len(at)))
        place = np.arange(len(at)) - np.repeat(first, run)
        mixed = minhash.mix(hashes[at] + place.astype(np.uint64) * np.uint64(_GOLDEN))
        said[owner[first]] = minhash.mix(np.add.reduceat(mixed, first))
    return said


def marks(text: str) -> int:
    """Hash a text without words by its exact marks."""
    digest = hashlib.blake2b(" ".join(text.split()).encode("utf-8", "surrogatepass"), digest_size=8, person=b"marks")
    return int.from_bytes(digest.digest(), "little")
