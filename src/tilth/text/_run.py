"""Call the compiled kernel on an Arrow column, for what is asked and nothing else."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tilth.text import _plain, _points, minhash, words
from tilth.text._columns import buffers, plain
from tilth.text.reference import NAMES

Hashes = npt.NDArray[np.uint64]


class Found(NamedTuple):
    """What the kernel made of a column; parts that were not asked for are empty."""

    figures: npt.NDArray[np.int64]
    """A row of statistics a text, in the order of `reference.NAMES`."""
    hashes: Hashes
    offsets: npt.NDArray[np.int64]
    numbers: Hashes
    signatures: npt.NDArray[np.uint32]


def parts(*names: str, numbers: _plain.Numbers = "distinct") -> int:
    """Return the bits that ask for these parts."""
    from tilth.text import _kernel

    asked = _kernel.ONE_NUMBER if numbers == "same" else 0
    for name in names:
        asked |= _kernel.PARTS[name]
    return asked


def run(texts: pa.Array, asked: int, *, ngram: int = 5, permutations: int = 0, seed: int = 1) -> Found:
    """Read each text once; `asked` is what `parts` gives."""
    from tilth.text import _grams, _kernel, _shingles

    texts = plain(texts)
    column, tables, rows = _kernel.Texts(*buffers(texts)), _points.tables(), len(texts)
    shingled = asked & (_kernel.SHINGLES | _kernel.SIGNATURES) > 0
    hard = np.flatnonzero(_kernel.hard(column, tables)) if shingled else np.zeros(0, np.int64)
    folded = buffers(pa.array([words.fold(text) for text in texts.take(pa.array(hard)).to_pylist()], pa.large_string()))
    place = np.full(rows if len(hard) else 0, -1, np.int64)
    place[hard] = np.arange(len(hard))
    multipliers, addends = minhash.functions(permutations, seed)
    figures = np.zeros((rows if asked & _kernel.STATISTICS else 0, len(NAMES)), np.int64)
    signed = np.full((rows if permutations else 0, permutations), minhash.EMPTY, np.uint32)
    numbers, sizes = np.zeros(rows, np.uint64), np.zeros(rows, np.int64)
    hashes = _kernel.read(
        column,
        _kernel.Folded(folded.data, folded.offsets, place),
        tables,
        _grams.POWERS,
        asked,
        _kernel.Signing(ngram, _shingles.weights(ngram), multipliers, addends),
        figures,
        signed,
        numbers,
        sizes,
    )
    if shingled:
        hashes = _marks(texts, hashes, sizes, signed, seed, sets=asked & _kernel.SHINGLES > 0)
    return Found(figures, hashes, np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64), numbers, signed)


def _marks(
    texts: pa.Array,
    hashes: Hashes,
    sizes: npt.NDArray[np.int64],
    signed: npt.NDArray[np.uint32],
    seed: int,
    *,
    sets: bool,
) -> Hashes:
    """Give each text that has marks but no word its one shingle; they are few, so Python hashes them."""
    empty = np.flatnonzero(sizes == 0)
    folded = [words.fold(text or "") for text in texts.take(pa.array(empty)).to_pylist()]
    marked = [number for number, text in enumerate(folded) if not words.blank(text)]
    if not marked:
        return hashes
    rows, values = empty[marked], np.array([_plain.marks(folded[number]) for number in marked], np.uint64)
    if signed.shape[1]:
        signed[rows] = minhash.sign(values, np.arange(len(rows) + 1), permutations=signed.shape[1], seed=seed)
    before = (np.cumsum(sizes) - sizes)[rows]
    sizes[rows] = 1
    return np.insert(hashes, before, values) if sets else hashes
