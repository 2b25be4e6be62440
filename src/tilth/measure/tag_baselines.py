"""Train the plain taggers that a better one must beat: always O, a dictionary, and a linear tagger.

A baseline sees train rows only; measure its predictions on the test rows beside the model's.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tilth.core.errors import DataError
from tilth.measure.baselines import need_sklearn
from tilth.measure.labels import Lists, list_column
from tilth.measure.probabilities import Floats
from tilth.measure.tags import flatten, to_bio

Rows: TypeAlias = Sequence[Sequence[str]]

MOST_TOKENS = 300_000
"""The linear tagger reads the first train rows up to this many tokens."""


@dataclass(frozen=True)
class AlwaysO:
    """Answer O everywhere: its token accuracy is the share of O, its entity F1 is 0."""

    def predict(self, rows: Rows) -> list[list[str]]:
        """Return a list of tags a row of tokens."""
        return [["O"] * len(row) for row in rows]


@dataclass(frozen=True, eq=False)
class FrequentTag:
    """Answer each word's most frequent tag in the train rows, and O for a word they do not hold."""

    tags: Mapping[str, str]

    def predict(self, rows: Rows) -> list[list[str]]:
        """Return a list of valid BIO tags a row of tokens."""
        return to_bio([[self.tags.get(word, "O") for word in row] for row in rows])


@dataclass(frozen=True, eq=False)
class LinearTagger:
    """Answer the best valid BIO sequence under a linear classifier of each token and its neighbours."""

    vectorizers: tuple[Any, ...]
    columns: NDArray[np.int64]
    classifier: Any
    labels: tuple[str, ...]

    def predict(self, rows: Rows) -> list[list[str]]:
        """Return a list of valid BIO tags a row of tokens."""
        full = [row for row in rows if len(row)]
        if not full:
            return [[] for _ in rows]
        scores = self.classifier.decision_function(_features(self.vectorizers, full)[:, self.columns])
        if scores.ndim == 1:
            scores = np.column_stack([-scores, scores])
        cuts = np.cumsum([len(row) for row in full])[:-1]
        allowed = _allowed(self.labels)
        found = iter([[self.labels[at] for at in _viterbi(part, *allowed)] for part in np.split(scores, cuts)])
        return [next(found) if len(row) else [] for row in rows]


def frequent_tag(rows: Rows, tags: Lists) -> FrequentTag:
    """Count the tags of each word in the train rows; of equally frequent ones the first in order wins.

    >>> frequent_tag([["Rome", "is"], ["Rome"]], [["B-LOC", "O"], ["B-LOC"]]).predict([["In", "Rome"]])
    [['O', 'B-LOC']]
    """
    pairs = Counter(zip(_words(rows, tags), flatten(tags).tags.to_pylist(), strict=True))
    best: dict[str, str] = {}
    for (word, tag), _ in sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0])):
        best.setdefault(word, tag)
    return FrequentTag(best)


def linear_tagger(rows: Rows, tags: Lists, *, seed: int = 0) -> LinearTagger | AlwaysO:
    """Train a linear support vector machine on each token's form, affixes and shape and on two neighbours each side.

    Features after Ratnaparkhi (1996) and Zhang and Johnson (2003); the answer is the best sequence that BIO allows
    (Viterbi 1967). The same rows and seed give the same model. With one tag only, the answer is always O.
    About 15 CPU-seconds for the 204,000 tokens of CoNLL-2003. Needs scikit-learn (the extra `train`).
    """
    need_sklearn("the linear tagger")
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.svm import LinearSVC

    _words(rows, tags)
    keep = int(np.searchsorted(np.cumsum([len(row) for row in rows]), MOST_TOKENS, side="right")) or 1
    rows, spoken = rows[:keep], [tag for row in to_bio(list_column(tags, "tags")[:keep]) for tag in row]
    if len(set(spoken)) < 2:
        return AlwaysO()
    vocabulary = _vocabulary(rows)
    vectorizers = tuple(DictVectorizer(dtype=np.float64).fit(map(view, vocabulary)) for view in _VIEWS)
    grams = _features(vectorizers, rows)
    seen = np.asarray(grams.sum(axis=0)).ravel()
    columns = np.flatnonzero(seen >= min(2, len(rows)))
    classifier = LinearSVC(C=0.1, tol=1e-2, random_state=seed).fit(grams[:, columns], spoken)
    return LinearTagger(vectorizers, columns, classifier, tuple(classifier.classes_.tolist()))


def _words(rows: Rows, tags: Lists) -> list[str]:
    flat = flatten(tags)
    lengths = np.bincount(flat.row, minlength=flat.rows).tolist()
    if not rows or [len(row) for row in rows] != lengths:
        raise DataError("tokens and tags do not fit together", wanted="at least one train row, and one tag a token")
    return [word for row in rows for word in row]


def _token(word: str) -> dict[str, int]:
    affixes = [f"{side}{n}={word[:n] if side == 'p' else word[-n:]}" for side in "ps" for n in range(1, 5)]
    return dict.fromkeys([f"w={word}", f"l={word.lower()}", f"f={_form(word)}", "any", *affixes], 1)


def _neighbour(word: str) -> dict[str, int]:
    return dict.fromkeys([f"l={word.lower()}", f"f={_form(word)}", f"s3={word[-3:]}"], 1)


def _far(word: str) -> dict[str, int]:
    return {f"l={word.lower()}": 1}


_VIEWS = (_far, _neighbour, _token, _neighbour, _far)
_EDGE = ""


def _form(word: str) -> str:
    """Return the shape of a word: `McDonald` is XxXx."""
    kinds = "".join("X" if c.isupper() else "x" if c.islower() else "d" if c.isdigit() else c for c in word)
    return re.sub(r"(.)\1+", r"\1", kinds)


def _vocabulary(rows: Rows) -> list[str]:
    return sorted({word for row in rows for word in row} | {_EDGE})


def _features(vectorizers: Sequence[Any], rows: Rows) -> Any:
    """Look each word up once, then lay the words around each token side by side."""
    from scipy.sparse import hstack

    vocabulary = _vocabulary(rows)
    place = {word: at for at, word in enumerate(vocabulary)}
    reach = len(_VIEWS) // 2
    padded = [[place[_EDGE]] * reach + [place[word] for word in row] + [place[_EDGE]] * reach for row in rows]
    parts = []
    for at, (one, view) in enumerate(zip(vectorizers, _VIEWS, strict=True)):
        beside = [word for row, codes in zip(rows, padded, strict=True) for word in codes[at : at + len(row)]]
        parts.append(one.transform(map(view, vocabulary))[beside])
    return hstack(parts, format="csr")


def _allowed(labels: Sequence[str]) -> tuple[Floats, Floats]:
    """Return what each step costs: 0, or minus infinity for an I- tag that BIO forbids there."""
    first = np.array([-np.inf if label.startswith("I-") else 0.0 for label in labels])
    step = np.tile(first, (len(labels), 1))
    for before, one in enumerate(labels):
        for after, two in enumerate(labels):
            if two.startswith("I-") and one != "O" and one[2:] == two[2:]:
                step[before, after] = 0.0
    return first, step


def _viterbi(scores: Floats, first: Floats, step: Floats) -> list[int]:
    reached, back = scores[0] + first, []
    for row in scores[1:]:
        through = reached[:, None] + step
        back.append(through.argmax(axis=0))
        reached = through.max(axis=0) + row
    path = [int(reached.argmax())]
    for best in reversed(back):
        path.append(int(best[path[-1]]))
    return path[::-1]
