"""Train the plain models that a better one must beat: the majority, and TF-IDF with a linear classifier.

A baseline sees train rows only; measure its predictions on the test rows beside the model's.
"""

from __future__ import annotations

import importlib.util
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tilth.core.errors import DataError, missing_extra
from tilth.measure.labels import Values, column

MOST_ROWS = 50_000
"""Longer train sets are thinned to this many rows, evenly spaced."""
MOST_CHARACTERS = 5_000
"""Longer texts are read up to here."""
MOST_FEATURES = 200_000
"""The most n-grams of one kind that are kept, the frequent ones first."""
_SPACELESS = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN")


@dataclass(frozen=True)
class Majority:
    """Answer the most frequent label of the train rows."""

    label: Any

    def predict(self, texts: Sequence[str]) -> list[Any]:
        """Return the label, once a text."""
        return [self.label] * len(texts)


@dataclass(frozen=True)
class MajoritySet:
    """Answer the most frequent set of labels of the train rows."""

    row: tuple[bool, ...]

    def predict(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Return a boolean matrix (texts, labels)."""
        return np.tile(np.array(self.row, dtype=np.bool_), (len(texts), 1))


@dataclass(frozen=True, eq=False)
class LinearText:
    """Answer with a linear support vector machine over TF-IDF n-grams."""

    vectorizer: Any
    classifier: Any

    def predict(self, texts: Sequence[str]) -> list[Any]:
        """Return one label a text."""
        found: list[Any] = self.classifier.predict(self.vectorizer.transform(_shortened(texts))).tolist()
        return found


@dataclass(frozen=True, eq=False)
class LinearTextSet:
    """Answer with one linear support vector machine a label (one-vs-rest) over TF-IDF n-grams."""

    vectorizer: Any
    classifiers: tuple[Any, ...]
    """One a label; a boolean where the train rows hold one answer only."""

    def predict(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Return a boolean matrix (texts, labels)."""
        grams = self.vectorizer.transform(_shortened(texts))
        columns = [
            np.full(len(texts), one) if isinstance(one, bool) else one.predict(grams).astype(np.bool_)
            for one in self.classifiers
        ]
        return np.column_stack(columns)


def majority(truth: Values) -> Majority:
    """Find the most frequent label; of equally frequent ones the first in order.

    >>> majority(["b", "a", "b"]).predict(["a text"])
    ['b']
    """
    labels = column(truth, "truth").to_pylist()
    if not labels:
        raise DataError("no train rows", wanted="at least one train row")
    return Majority(min(Counter(labels).items(), key=lambda pair: (-pair[1], pair[0]))[0])


def majority_set(truth: ArrayLike) -> MajoritySet:
    """Find the most frequent row of a boolean matrix (rows, labels).

    >>> majority_set([[1, 0], [1, 0], [0, 1]]).predict(["a text"]).tolist()
    [[True, False]]
    """
    rows = np.asarray(truth, dtype=np.bool_)
    if rows.ndim != 2 or not len(rows):
        raise DataError(f"truth has shape {rows.shape}", wanted="a matrix of at least one row: rows by labels")
    return MajoritySet(min(Counter(map(tuple, rows.tolist())).items(), key=lambda pair: (-pair[1], pair[0]))[0])


def linear_text(texts: Sequence[str], truth: Values, *, seed: int = 0) -> LinearText | Majority:
    """Train TF-IDF and a linear support vector machine (Joachims 1998) on train rows; with one label only, a majority.

    Words and word pairs, with characters 3 to 5 inside words; for text in scripts without spaces, characters 1 to 3.
    The same rows and seed give the same model. Needs scikit-learn (the extra `train`).

    >>> linear_text(["good film", "bad film"], ["yes", "no"]).predict(["a good one"])
    ['yes']
    """
    labels = column(truth, "truth").to_pylist()
    texts, kept = _thinned(texts, len(labels))
    labels = [labels[at] for at in kept]
    if len(set(labels)) < 2:
        return majority(labels)
    vectorizer, grams = _vectorize(texts)
    return LinearText(vectorizer, _machine(seed).fit(grams, labels))


def linear_text_set(texts: Sequence[str], truth: ArrayLike, *, seed: int = 0) -> LinearTextSet:
    """Train one yes-or-no classifier a label on train rows, as `linear_text` does; `truth` is a boolean matrix.

    >>> model = linear_text_set(["good film", "bad film", "bad"], [[1, 1], [0, 1], [0, 0]])
    >>> model.predict(["good", "film"]).tolist()
    [[True, True], [False, True]]
    """
    rows = np.asarray(truth, dtype=np.bool_)
    texts, kept = _thinned(texts, len(rows))
    rows = rows[kept]
    vectorizer, grams = _vectorize(texts)
    return LinearTextSet(
        vectorizer,
        tuple(
            bool(answers[0]) if answers.all() or not answers.any() else _machine(seed).fit(grams, answers)
            for answers in rows.T
        ),
    )


def need_sklearn(what: str) -> None:
    """Raise `MissingExtra` where scikit-learn is not installed."""
    if importlib.util.find_spec("sklearn") is None:
        raise missing_extra("scikit-learn", "train", what)


def _machine(seed: int) -> Any:
    from sklearn.svm import LinearSVC

    return LinearSVC(random_state=seed)


def _thinned(texts: Sequence[str], rows: int) -> tuple[list[str], list[int]]:
    if len(texts) != rows or not rows:
        raise DataError(f"{len(texts)} texts for {rows} rows of truth", wanted="at least one train row, a text in each")
    kept = np.unique(np.linspace(0, rows - 1, min(rows, MOST_ROWS)).round().astype(int)).tolist()
    return [texts[at] for at in kept], kept


def _vectorize(texts: Sequence[str]) -> tuple[Any, Any]:
    need_sklearn("the TF-IDF baseline")
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import FeatureUnion

    if not any(text.strip() for text in texts):
        raise DataError("every train text is empty", wanted="text to learn from")
    texts = _shortened(texts)
    share = _spaceless_share(texts)
    common = {"sublinear_tf": True, "max_features": MOST_FEATURES}
    kinds: list[tuple[str, Any]] = []
    if any(letter.isalnum() for text in texts for letter in text):
        pattern = r"(?u)\b\w+\b"  # scikit-learn's own leaves out words of one letter
        kinds.append(("words", TfidfVectorizer(ngram_range=(1, 2), **common).set_params(token_pattern=pattern)))
    if share < 0.9:
        kinds.append(("inside words", TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), **common)))
    if share > 0.1:
        kinds.append(("characters", TfidfVectorizer(analyzer="char", ngram_range=(1, 3), **common)))
    vectorizer = FeatureUnion(kinds)
    return vectorizer, vectorizer.fit_transform(texts)


def _shortened(texts: Sequence[str]) -> list[str]:
    return [text[:MOST_CHARACTERS] for text in texts]


def _spaceless_share(texts: Sequence[str]) -> float:
    """Return the share of letters, in up to 1,000 texts, of scripts that put no space between words."""
    step = max(1, len(texts) // 1000)
    letters = Counter(letter for text in texts[::step] for letter in text if letter.isalpha())
    spaceless = sum(n for letter, n in letters.items() if unicodedata.name(letter, "").startswith(_SPACELESS))
    return spaceless / max(1, letters.total())
