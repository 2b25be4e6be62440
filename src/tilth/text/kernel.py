"""Turn texts into shingle hashes and MinHash signatures, a column at a time.

A shingle is `ngram` words in a row (Broder 1997, "On the resemblance and containment of documents"), case and width
folded. A compiled kernel (`_kernel`) reads the Arrow buffers; where Numba is missing, `_plain` gives the same numbers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tilth.text import _compile, _plain, minhash
from tilth.text._plain import Hashes, Numbers, Shingles

__all__ = ["Hashes", "Numbers", "Shingles", "Sketches", "shingles", "signatures", "sketch"]


class Sketches(NamedTuple):
    """Shingle sets and signatures of many texts; a set's hashes are distinct, in no order to rely on."""

    hashes: Hashes
    offsets: npt.NDArray[np.int64]
    numbers: Hashes
    signatures: npt.NDArray[np.uint32]


def shingles(texts: pa.Array, *, ngram: int = 5, numbers: Numbers = "distinct") -> Shingles:
    """Hash each text's shingles, after folding case and width.

    A text with fewer than `ngram` words is read as its word pairs, a single word as itself, so that short texts compare
    with short texts only. A text with no word but some other mark ("?!") has one shingle, its exact marks; a blank text
    or a null has none.

    >>> found = shingles(pa.array(["Hello", "hello!", "hi", "", None]))
    >>> found.offsets.tolist(), bool(found.of(0)[0] == found.of(1)[0]), bool(found.of(0)[0] == found.of(2)[0])
    ([0, 1, 2, 3, 3, 3], True, False)
    """
    if not _compile.available():
        return _plain.shingles(texts, ngram=ngram, numbers=numbers)
    from tilth.text import _run

    found = _run.run(texts, _run.parts("shingles", "sorted", numbers=numbers), ngram=ngram)
    return Shingles(found.hashes, found.offsets, found.numbers)


def signatures(
    texts: pa.Array, *, ngram: int = 5, numbers: Numbers = "distinct", permutations: int = 128, seed: int = 1
) -> npt.NDArray[np.uint32]:
    """Return each text's MinHash signature: `len(texts)` rows of `permutations` numbers."""
    if not _compile.available():
        return sketch(texts, ngram=ngram, numbers=numbers, permutations=permutations, seed=seed).signatures
    from tilth.text import _run

    parts = _run.parts("signatures", numbers=numbers)
    return _run.run(texts, parts, ngram=ngram, permutations=permutations, seed=seed).signatures


def sketch(
    texts: pa.Array, *, ngram: int = 5, numbers: Numbers = "distinct", permutations: int = 128, seed: int = 1
) -> Sketches:
    """Return shingle sets and signatures of one reading.

    >>> found = sketch(pa.array(["one two three four five six", None]), permutations=4)
    >>> found.offsets.tolist(), found.signatures.shape
    ([0, 2, 2], (2, 4))
    """
    if not _compile.available():
        plain = _plain.shingles(texts, ngram=ngram, numbers=numbers)
        return Sketches(*plain, minhash.sign(plain.hashes, plain.offsets, permutations=permutations, seed=seed))
    from tilth.text import _run

    parts = _run.parts("shingles", "signatures", numbers=numbers)
    found = _run.run(texts, parts, ngram=ngram, permutations=permutations, seed=seed)
    return Sketches(found.hashes, found.offsets, found.numbers, found.signatures)
