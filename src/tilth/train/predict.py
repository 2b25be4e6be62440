"""Run a network over encoded rows so that a row's answer does not depend on its neighbours."""

from __future__ import annotations

import numpy as np
import torch

from tilth.train import windows
from tilth.train.device import autocast
from tilth.train.encoded import Array, Encoded, pad
from tilth.train.network import Network, Tensors

STEP = 4
"""An item is padded to its own length rounded up to this, never to its neighbours'."""
TOKENS = 2048
"""The most tokens at once."""


def predict(network: Network, encoded: Encoded, labels: int, *, pad_id: int, max_length: int, precision: str) -> Array:
    """Return logits (float32, answers x labels); an answer that no item gives is 0.

    Items of one padded length run together, in order of length. The matrix kernels of a CPU sum each row of a product
    in an order that depends on the product's inner sizes only, so an item's logits are bitwise the same in any company.
    """
    device = next(network.parameters()).device
    logits = np.zeros((int(encoded.answers[-1]), labels), np.float32)
    widths = np.minimum(-(-encoded.lengths // STEP) * STEP, max_length)
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
