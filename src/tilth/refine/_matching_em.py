"""Learn what agreement is worth, without labels: the Fellegi-Sunter model fitted by EM.

Fellegi and Sunter (1969) weigh a pair by log(m / u): how often matches and non-matches show each level of agreement,
fields taken as independent. Winkler (1988) estimates m, u and the share of matches by EM over compared pairs. Levels
are ordered, so a higher one is never worth less (pooled by weight, as isotonic regression does).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tilth.refine._matching_compare import Levels

_Floats = npt.NDArray[np.float64]
_ROUNDS = 500
_CLOSE = 1e-7
_BELIEF = 20.0
"""So many pairs on either side are made up: matches mostly agree, others do not. Few rows then still get an answer."""


@dataclass(frozen=True, kw_only=True)
class Weights:
    """What each level of each field is worth (natural log of m / u), and what a pair starts from."""

    fields: tuple[tuple[float, ...], ...]
    prior: float

    def logits(self, levels: Levels) -> _Floats:
        """Return the log odds of a match for each row of levels; an empty field says nothing."""
        total = np.full(len(levels), self.prior)
        for at, worth in enumerate(self.fields):
            # Level -1 takes the last entry: nothing.
            total += np.array([*worth, 0.0])[levels[:, at]]
        return total


def fit(levels: Levels, counts: npt.NDArray[np.int64], tops: list[int], known: npt.NDArray[np.int8]) -> Weights:
    """Fit to patterns of levels and how often each came; `known` is 1 (match), 0 (no match) or -1 (unknown)."""
    sums = counts.astype(np.float64)
    shown = [np.stack([levels[:, at] == level for level in range(top + 1)]) for at, top in enumerate(tops)]
    rising = [_BELIEF * 3.0 ** np.arange(top + 1) / (3.0 ** np.arange(top + 1)).sum() for top in tops]
    u = [_shares(field @ sums + belief[::-1]) for field, belief in zip(shown, rising, strict=True)]
    m = [_shares(u_of * np.exp(4.5 * np.arange(len(u_of)) / (len(u_of) - 1))) for u_of in u]
    share = 0.1
    for _ in range(_ROUNDS):
        match = sigmoid(_weights(m, u, share).logits(levels))
        match = np.where(known < 0, match, known)
        yes, no = sums * match, sums * (1 - match)
        before, share = share, float((yes.sum() + 0.1 * _BELIEF) / (sums.sum() + _BELIEF))
        m = [_shares(field @ yes + belief) for field, belief in zip(shown, rising, strict=True)]
        u = [_shares(field @ no + belief[::-1]) for field, belief in zip(shown, rising, strict=True)]
        if abs(share - before) < _CLOSE:
            break
    return _weights(m, u, share)


def _weights(m: list[_Floats], u: list[_Floats], share: float) -> Weights:
    fields = tuple(tuple(_rising(np.log(one / other), one + other).tolist()) for one, other in zip(m, u, strict=True))
    return Weights(fields=fields, prior=float(np.log(share / (1 - share))))


def _shares(sums: _Floats) -> _Floats:
    shares: _Floats = sums / sums.sum()
    return shares


def _rising(worth: _Floats, mass: _Floats) -> _Floats:
    """Pool neighbours that fall until all rise (pool adjacent violators)."""
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(worth.tolist(), mass.tolist(), strict=True):
        blocks.append((value, weight, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (a, b, c), (d, e, f) = blocks[-2:]
            blocks[-2:] = [((a * b + d * e) / (b + e), b + e, c + f)]
    return np.array([value for value, _, count in blocks for _ in range(count)])


def sigmoid(logits: _Floats) -> _Floats:
    """Return probabilities of log odds."""
    return 1 / (1 + np.exp(-np.clip(logits, -500, 500)))
