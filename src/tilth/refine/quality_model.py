"""Learn from good and bad examples which texts are good, and drop the others."""

from __future__ import annotations

import base64
import functools
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from tilth.core.batch import ID, Batch, with_column
from tilth.core.errors import DataError, RecipeError
from tilth.core.fold import FitsOn
from tilth.core.registry import name_of
from tilth.refine import _examples, _logistic
from tilth.refine._columns import floats, strings
from tilth.refine._labels import labels_of
from tilth.refine._measured import Rule, first_failed, least


@dataclass(frozen=True, kw_only=True)
class QualityModel:
    """Learn from train rows that a column calls good or bad, score every row, and drop those below a threshold.

    >>> from tilth.testing import batch
    >>> rows = batch(
    ...     text=["a clear and useful answer", "a useful guide", "buy cheap pills now", "cheap pills", "cheap answer"],
    ...     quality=["good", "good", "bad", "bad", None],
    ... )
    >>> fold = QualityModel(min_examples=2)
    >>> model = fold.finish(fold.observe(rows))
    >>> model.judge(model.map(rows)).is_valid().to_pylist()
    [False, False, True, True, True]

    Logistic regression on hashed words and word pairs in NumPy, in the place that fastText's classifier has for large
    corpora (Joulin et al. 2016; DCLM, Li et al. 2024, arXiv 2406.11794, 4.4). A text's features are its distinct words
    and pairs, case and width folded, each character of Chinese a word. Rows without a label, or with one of neither
    list, teach nothing and are scored like the others. At most 7 MiB of examples of each kind are kept (some thousand
    texts), chosen by a hash of the row's id. Good and bad weigh the same, so 0.5 is the middle whatever the mix.
    """

    fits_on: ClassVar[FitsOn] = "train"
    decides: ClassVar[tuple[str, ...]] = ("threshold",)

    label: str = "quality"
    """The column that says which rows are good or bad."""
    good: tuple[str, ...] = ("good",)
    """The labels of good rows."""
    bad: tuple[str, ...] = ("bad",)
    """The labels of bad rows."""
    column: str = "text"
    """The text column."""
    into: str = "score"
    """The column for the score, 0 (bad) to 1 (good)."""
    threshold: float | None = 0.5
    """The least score of a row that stays; null keeps all and only adds the column."""
    ngram: int = 2
    """The longest run of words to look at."""
    bits: int = 16
    """Features are hashed to so many bits (10 to 20)."""
    min_examples: int = 20
    """How many good and how many bad rows are needed at least."""
    seed: int = 1
    """Chooses among the examples where there are more than are kept."""

    def __post_init__(self) -> None:
        """Refuse what no model can be made of."""
        both = sorted({*self.good} & {*self.bad})
        if both:
            raise RecipeError(f'label "{both[0]}" is both good and bad', where=name_of(self))
        if not (1 <= self.ngram <= 5 and 10 <= self.bits <= 20):
            raise RecipeError("ngram or bits out of range", where=name_of(self), wanted="ngram 1 to 5, bits 10 to 20")

    def observe(self, batch: Batch) -> pa.Table:
        """Collect the examples of a batch."""
        labels = labels_of(batch, self.label, self)
        texts = strings(batch, self.column, self)
        known = {**dict.fromkeys(self.good, True), **dict.fromkeys(self.bad, False)}
        rows = [at for at, label in enumerate(labels) if label in known and texts[at].is_valid]
        found = _examples.features(texts.take(pa.array(rows, pa.int64())), ngram=self.ngram, bits=self.bits)
        ids = batch.column(ID).take(pa.array(rows, pa.int64())).to_pylist()
        good = np.array([known[str(labels[at])] for at in rows], np.bool_)
        return _examples.state(ids, good, found, self.seed)

    def merge(self, left: pa.Table, right: pa.Table) -> pa.Table:
        """Join two samples; exact."""
        return _examples.bounded(pa.concat_tables([left, right]))

    def finish(self, state: pa.Table) -> QualityScored:
        """Fit the model, and return the operator for all rows."""
        good, found = _examples.read(state)
        for name, count in (("good", int(good.sum())), ("bad", int((~good).sum()))):
            if count < self.min_examples:
                raise DataError(
                    f'column "{self.label}" calls {count} train rows {name}',
                    where=name_of(self),
                    wanted=f"{self.min_examples} or more",
                    do="Label more rows, or lower min_examples",
                )
        weights = _logistic.fit(good, found, 1 << self.bits)
        return QualityScored(
            column=self.column,
            into=self.into,
            threshold=self.threshold,
            ngram=self.ngram,
            bits=self.bits,
            weights=base64.b64encode(weights.of.astype("<f4").tobytes()).decode(),
            bias=weights.bias,
        )


@dataclass(frozen=True, kw_only=True)
class QualityScored:
    """Score each text by a fitted model and drop those below a threshold. Made by `QualityModel`.

    >>> import base64
    >>> from tilth.testing import batch
    >>> even = base64.b64encode(bytes(4 << 10)).decode()
    >>> model = QualityScored(column="text", into="score", threshold=0.6, ngram=1, bits=10, weights=even, bias=0.0)
    >>> scored = model.map(batch(text=["any", None]))
    >>> scored.column("score").to_pylist(), model.judge(scored).is_valid().to_pylist()
    ([0.5, None], [True, False])
    """

    decides: ClassVar[tuple[str, ...]] = ("threshold",)

    column: str
    """The text column."""
    into: str
    """The column for the score."""
    threshold: float | None
    """The least score of a row that stays."""
    ngram: int
    """The longest run of words to look at."""
    bits: int
    """Features are hashed to so many bits."""
    weights: str
    """The weight of each feature: 32-bit floats in Base64."""
    bias: float
    """The score, as log odds, of a text without words."""

    def map(self, batch: Batch) -> Batch:
        """Return the batch with a score for each text; a null has none."""
        texts = strings(batch, self.column, self)
        found = _examples.features(texts, ngram=self.ngram, bits=self.bits)
        scores = _logistic.predict(_logistic.Weights(_decoded(self.weights), self.bias), found).round(6)
        return with_column(batch, self.into, pa.array(scores, pa.float64(), mask=np.asarray(texts.is_null())))

    def judge(self, batch: Batch) -> pa.StructArray:
        """Return a verdict for each row, scored by `map`, below the threshold."""
        return first_failed("quality_model", self.rules(batch), batch.num_rows)

    def rules(self, batch: Batch) -> tuple[Rule, ...]:
        """Return the rule on all rows."""
        return (least("low_score", floats(batch, self.into, self), self.threshold),)


@functools.lru_cache(maxsize=8)
def _decoded(weights: str) -> _logistic.Floats:
    return np.frombuffer(base64.b64decode(weights), "<f4").astype(np.float64)


EXAMPLES = (
    QualityModel(label="label", good=("ham",), bad=("spam", "bill"), min_examples=2, bits=12),
    QualityModel(label="label", good=("ham",), bad=("bill",), ngram=1, min_examples=1, threshold=None, bits=12),
)
