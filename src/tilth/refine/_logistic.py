"""Fit a logistic regression on sparse binary features in NumPy: the same numbers on every run."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tilth.refine._examples import Features

Floats = npt.NDArray[np.float64]

_STEPS = 300
_PENALTY = 1e-4
_SETTLED = 1e-5


class Weights(NamedTuple):
    """A weight a feature, and the bias."""

    of: Floats
    bias: float


def fit(good: npt.NDArray[np.bool_], found: Features, size: int) -> Weights:
    """Fit by accelerated gradient descent (Nesterov 1983); good and bad weigh the same, however many there are.

    A text's features are scaled to length one, so the loss curves by at most a half: the step is fixed at its inverse.
    """
    rows, scale = found.rows(), _scale(found)
    matter = np.where(good, 0.5 / max(int(good.sum()), 1), 0.5 / max(int((~good).sum()), 1))
    held = point = np.zeros(size + 1)
    momentum = 1.0
    for _ in range(_STEPS):
        odds = point[size] + scale * np.bincount(rows, point[found.values], minlength=len(good))
        off = matter * (_sigmoid(odds) - good)
        gradient = np.bincount(found.values, (off * scale)[rows], minlength=size + 1) + _PENALTY * point
        gradient[size] = off.sum()
        ahead = point - gradient / (0.5 + _PENALTY)
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        point = ahead + (momentum - 1) / following * (ahead - held)
        held, momentum = ahead, following
        if np.abs(gradient).max() < _SETTLED:
            break
    return Weights(held[:size], float(held[size]))


def predict(weights: Weights, found: Features) -> Floats:
    """Return how likely each text is good; a text's answer does not depend on its neighbours."""
    # bincount adds one after another, in order; a sum over slices might pair the terms by where they lie.
    odds = np.bincount(found.rows(), weights.of[found.values], minlength=len(found.offsets) - 1)
    return _sigmoid(weights.bias + _scale(found) * odds)


def _scale(found: Features) -> Floats:
    scaled: Floats = 1 / np.sqrt(np.maximum(np.diff(found.offsets), 1))
    return scaled


def _sigmoid(odds: Floats) -> Floats:
    likely: Floats = 1 / (1 + np.exp(-np.clip(odds, -50, 50)))
    return likely
