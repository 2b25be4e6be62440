"""Run a network over encoded rows so that a row's answer does not depend on its neighbours."""

from __future__ import annotations

import numpy as np
import torch

from tilth.train import windows
from tilth.train.device import autocast
from tilth.train.encoded import Array, Encoded, pad
from tilth.train.network import STEADY, Network, Tensors

TOKENS = 2048
"""The most tokens at once."""


def predict(network: Network, encoded: Encoded, labels: int, *, pad_id: int, precision: str) -> Array:
    """Return logits (float32, answers x labels); an answer that no item gives is 0.

    An item is padded to its own length rounded up to four, never to its neighbours'; items of one padded length run
    together. A CPU's matrix kernels then sum each row of a product in an order of its own, so that an item's logits are
    bitwise the same in any company (tests hold it to that).
    """
    device = next(network.parameters()).device
    logits = np.zeros((int(encoded.answers[-1]), labels), np.float32)
    widths = -(-encoded.lengths // STEADY) * STEADY
    order = np.argsort(widths, kind="stable")
    places = windows.places(encoded) if encoded.words is not None else encoded.answers[encoded.rows]
    first = np.arange(len(encoded) + 1)
    if encoded.words is not None:
        answered = np.concatenate(([0], np.cumsum(encoded.words >= 0)))
        first = answered[encoded.starts]
    network.eval()
    with torch.inference_mode(), autocast(precision, device):
        for start, end in _groups(widths[order]):
            items = order[start:end]
            padded = pad(encoded, items, pad_id, int(widths[items[0]]))
            found = network(Tensors.of(padded, device)).cpu().numpy()
            logits[places[np.concatenate([np.arange(first[item], first[item + 1]) for item in items])]] = found
    return logits


def _groups(widths: Array) -> list[tuple[int, int]]:
    """Cut sorted widths into runs of one width, of at most `TOKENS` tokens."""
    runs = []
    start = 0
    while start < len(widths):
        width = widths[start]
        same = int(np.searchsorted(widths, width, side="right"))
        end = min(same, start + max(1, TOKENS // int(width)))
        runs.append((start, end))
        start = end
    return runs
