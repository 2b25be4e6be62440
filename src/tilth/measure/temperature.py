"""Fit calibrators on validation logits: one temperature, or a sigmoid a label.

A calibrator never sees a test row, and never changes which class is the most probable (the temperature) or the order of
rows under a label (the sigmoid, whose slope is positive).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tilth.core.errors import DataError
from tilth.measure.probabilities import Floats, codes, finite, log_softmax, matrix, sigmoid, softmax, truths
from tilth.measure.result import Result

_COLDEST, _HOTTEST = 0.05, 20.0


@dataclass(frozen=True, kw_only=True)
class Temperature(Result):
    """Softmax of logits / temperature (Guo, Pleiss, Sun and Weinberger 2017)."""

    temperature: float
    """Above 1 the model was too sure of itself, below 1 not sure enough."""
    nll_before: float
    """The mean negative log-likelihood on validation at temperature 1, in nats."""
    nll_after: float
    rows: int
    smoothed: bool = False
    """True when the model made no validation error to learn from; the fit then expects one in rows + 2."""
    at_limit: bool = False
    """True when the best temperature lies outside 0.05 to 20: look at the model or at the labels."""

    def apply(self, logits: ArrayLike) -> Floats:
        """Return calibrated probabilities (rows, classes)."""
        return softmax(finite(logits, "logits") / self.temperature)

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Temperature:
        """Read what `to_json` wrote."""
        return cls(**saved)


@dataclass(frozen=True, kw_only=True)
class LabelSigmoids(Result):
    """Sigmoid of slope * logit + bias, for each label on its own (Platt 1999)."""

    labels: tuple[str, ...]
    slopes: tuple[float, ...]
    biases: tuple[float, ...]
    unfitted: tuple[str, ...]
    """Labels left as they were: too few true or false rows, or a score that does not rise with the truth."""

    def apply(self, logits: ArrayLike) -> Floats:
        """Return calibrated probabilities (rows, labels)."""
        return sigmoid(finite(logits, "logits") * np.array(self.slopes) + np.array(self.biases))

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> LabelSigmoids:
        """Read what `to_json` wrote."""
        return cls(**{name: tuple(values) for name, values in saved.items()})


def fit_temperature(logits: ArrayLike, truth: ArrayLike) -> Temperature:
    """Fit the temperature that minimises the negative log-likelihood on validation rows.

    The likelihood is concave in 1 / temperature, so that Newton's method kept inside a bracket finds the one optimum.
    `logits` has shape (rows, classes); `truth` holds class indices.

    >>> round(fit_temperature([[2.0, 0.0]] * 3 + [[0.0, 2.0]], [0, 0, 1, 1]).temperature, 2)
    1.82
    """
    scores = matrix(logits)
    true = codes(truth, *scores.shape)
    rows, classes = scores.shape
    if classes < 2:
        raise DataError("one class has nothing to calibrate", wanted="at least two classes")
    scores = scores - scores.max(axis=1, keepdims=True)
    picked = scores[np.arange(rows), true]
    sharp, smoothed = _best_sharpness(scores, picked), False
    if sharp >= 1 / _COLDEST:
        share = 1 / (rows + 2)
        sharp, smoothed = _best_sharpness(scores, (1 - share) * picked + share * scores.mean(axis=1)), True

    def nll(at: float) -> float:
        return abs(float(log_softmax(scores * at)[np.arange(rows), true].mean()))

    return Temperature(
        temperature=1 / sharp,
        nll_before=nll(1.0),
        nll_after=nll(sharp),
        rows=rows,
        smoothed=smoothed,
        at_limit=not 1 / _HOTTEST < sharp < 1 / _COLDEST,
    )


def _best_sharpness(scores: Floats, wanted: Floats) -> float:
    """Return the 1 / temperature at which the mean logit under the model equals the wanted one."""

    def slope_and_bend(at: float) -> tuple[float, float]:
        shares = softmax(scores * at)
        means = (shares * scores).sum(axis=1)
        return float((means - wanted).mean()), float(((shares * scores**2).sum(axis=1) - means**2).mean())

    low, high, sharp = 1 / _HOTTEST, 1 / _COLDEST, 1.0
    if slope_and_bend(high)[0] <= 0:
        return high
    if slope_and_bend(low)[0] >= 0:
        return low
    for _ in range(100):
        slope, bend = slope_and_bend(sharp)
        low, high = (low, sharp) if slope > 0 else (sharp, high)
        step = sharp - slope / bend if bend > 0 else low
        after = step if low < step < high else (low + high) / 2
        if abs(after - sharp) <= 1e-12 * sharp:
            break
        sharp = after
    return sharp


def fit_sigmoids(logits: ArrayLike, truth: ArrayLike, labels: Sequence[str], *, fewest: int = 10) -> LabelSigmoids:
    """Fit slope and bias of each label on validation rows (logits and boolean truth, both rows by labels).

    Platt's smoothed targets, by Newton's method with backtracking (Lin, Lin and Weng 2007). A label with fewer than
    `fewest` true or false rows keeps slope 1 and bias 0.
    """
    scores = matrix(logits)
    true = truths(truth, scores.shape)
    if len(labels) != scores.shape[1]:
        raise DataError(f"{len(labels)} labels for {scores.shape[1]} columns of logits", wanted="one label a column")
    fitted: list[tuple[float, float] | None] = []
    for at in range(scores.shape[1]):
        positives = int(true[:, at].sum())
        enough = min(positives, len(true) - positives) >= max(fewest, 1)
        fitted.append(_platt(scores[:, at], true[:, at]) if enough else None)
    return LabelSigmoids(
        labels=tuple(labels),
        slopes=tuple(fit[0] if fit else 1.0 for fit in fitted),
        biases=tuple(fit[1] if fit else 0.0 for fit in fitted),
        unfitted=tuple(label for label, fit in zip(labels, fitted, strict=True) if not fit),
    )


def _platt(scores: Floats, true: NDArray[np.bool_]) -> tuple[float, float] | None:
    positives = int(true.sum())
    negatives = len(true) - positives
    target = np.where(true, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    middle, scale = float(scores.mean()), float(scores.std()) or 1.0
    design = np.column_stack([(scores - middle) / scale, np.ones(len(scores))])

    def loss(at: Floats) -> float:
        z = design @ at
        return float((np.logaddexp(0.0, z) - target * z).sum())

    place = np.array([0.0, np.log((positives + 1) / (negatives + 1))])
    for _ in range(100):
        shares = sigmoid(design @ place)
        slope = design.T @ (shares - target)
        if np.abs(slope).max() < 1e-8 * len(scores):
            break
        bend = design.T @ (design * (shares * (1 - shares))[:, None]) + 1e-12 * np.eye(2)
        step, size, now = np.linalg.solve(bend, slope), 1.0, loss(place)
        while loss(place - size * step) > now - 1e-4 * size * float(slope @ step) and size > 1e-10:
            size /= 2
        place = place - size * step
    rise, bias = float(place[0] / scale), float(place[1] - place[0] * middle / scale)
    return (rise, bias) if rise > 0 else None
