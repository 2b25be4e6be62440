"""Hash the words of texts and of their runs, and keep where each stands in the text as written."""

from __future__ import annotations

import binascii
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tilth.text import words
from tilth.text.minhash import mix

Hashes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]

_PLACE = np.uint64(21)
_STEP = (0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93)
"""Two odd bases: a run's two 64-bit hashes are equal by chance once in 2^128 pairs."""
_SEAM = 0


class Placed(NamedTuple):
    """The words of many texts, in order: word `i` of text `text[i]` is characters `start[i]:end[i]`."""

    hashes: Hashes
    text: Places
    start: Places
    end: Places


def placed(texts: Sequence[str | None]) -> Placed:
    """Split and hash texts; case, width and invisible characters do not count, but places are those of the text.

    >>> found = placed(["Ａ soft\\u00adhyphen", "a"])
    >>> found.start.tolist(), found.end.tolist(), bool(found.hashes[0] == found.hashes[2])
    ([0, 2, 0], [1, 13, 1], True)
    """
    points = _points("\0".join((text or "").replace("\0", " ") for text in texts))
    # The seams stand apart, so that a text's words and places are its own.
    seams = np.flatnonzero(points == _SEAM)
    folded, origin = _FOLDED.fold(points)
    whole = folded.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
    found = words.split(whole.split("\0"))
    begin = np.concatenate([[0], seams + 1])[: len(texts)]
    first, last = origin[found.starts], origin[np.maximum(found.ends - 1, 0)]
    return Placed(_hashed(found), found.text, first - begin[found.text], last + 1 - begin[found.text])


def runs(found: Placed, size: int, *, second: bool = False) -> tuple[Hashes, Places]:
    """Hash each run of `size` words within one text; returns the hashes and the first word of each.

    A polynomial over the words' hashes, by prefix sums: its cost does not depend on `size`.
    """
    count = len(found.hashes)
    if count < size:
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    step = _STEP[second]
    powers, back = _powers(step, count), _powers(pow(step, -1, 1 << 64), count)
    hashes = mix(~found.hashes) if second else found.hashes
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(hashes * powers)])
    at = np.flatnonzero(found.text[: count - size + 1] == found.text[size - 1 :])
    return mix((sums[at + size] - sums[at]) * back[at] + np.uint64(size)), at


def keys(*columns: Hashes) -> pa.Array:
    """Write hashes as strings of 16 hex digits a column, for an exchange.

    >>> keys(np.array([1], np.uint64), np.array([255], np.uint64)).to_pylist()
    ['000000000000000100000000000000ff']
    """
    width, count = 16 * len(columns), len(columns[0])
    digits = binascii.hexlify(np.stack(columns, axis=1).astype(">u8").tobytes())
    ends = np.arange(0, width * (count + 1), width, dtype=np.int32)[: count + 1]
    return pa.Array.from_buffers(pa.string(), count, [None, pa.py_buffer(ends), pa.py_buffer(digits)])


def _powers(base: int, count: int) -> Hashes:
    factors = np.full(count, base, np.uint64)
    if count:
        factors[0] = 1
    return np.cumprod(factors, dtype=np.uint64)


def _hashed(found: words.Words) -> Hashes:
    """Hash each word: the sum over its characters of a mix of character and place, mixed again."""
    lengths = found.ends - found.starts
    if not len(lengths):
        return np.zeros(0, np.uint64)
    firsts = np.cumsum(lengths) - lengths
    place = np.arange(int(lengths.sum())) - np.repeat(firsts, lengths)
    points = found.points[np.repeat(found.starts, lengths) + place].astype(np.uint64)
    return mix(np.add.reduceat(mix(points | ((place.astype(np.uint64) + np.uint64(1)) << _PLACE)), firsts))


def _points(text: str) -> npt.NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


class _Folds:
    """How each code point folds, learnt when it is first met: one character may become none or several."""

    def __init__(self) -> None:
        self.known = np.zeros(0x110000, np.bool_)
        self.size = np.zeros(0x110000, np.uint8)
        self.first = np.zeros(0x110000, np.int64)
        self.pool = np.zeros(0, np.uint32)

    def fold(self, points: npt.NDArray[np.uint32]) -> tuple[npt.NDArray[np.uint32], Places]:
        """Return the folded code points, and for each the place of the one it came from."""
        new = np.unique(points[~self.known[points]])
        if len(new):
            self._learn(new)
        sizes = self.size[points].astype(np.int64)
        if (sizes == 1).all():
            return self.pool[self.first[points]], np.arange(len(points))
        origin = np.repeat(np.arange(len(points)), sizes)
        within = np.arange(len(origin)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return self.pool[self.first[points[origin]] + within], origin

    def _learn(self, new: npt.NDArray[np.uint32]) -> None:
        folds = [_points("" if _unseen(int(point)) else words.fold(chr(point))) for point in new]
        self.size[new] = [len(fold) for fold in folds]
        self.first[new] = len(self.pool) + np.cumsum([0, *(len(fold) for fold in folds)])[:-1]
        self.pool = np.concatenate([self.pool, *folds])
        self.known[new] = True


def _unseen(point: int) -> bool:
    """Tell what `words.split` passes over, which would move the places of what follows."""
    return 0xFE00 <= point <= 0xFE0F or unicodedata.category(chr(point)) == "Cf"


_FOLDED = _Folds()
