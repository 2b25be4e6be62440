"""Score answers on the validation rows, to choose the best checkpoint: accuracy, macro F1, entity F1."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from tilth.train.encoded import Array
from tilth.train.tags import entities


def accuracy(predicted: Array, gold: Array) -> float:
    """Return the share of equal values."""
    return float((predicted == gold).mean()) if len(gold) else 0.0


def macro_f1(predicted: Array, gold: Array) -> float:
    """Return the mean F1 of the classes seen on either side (as scikit-learn counts them).

    >>> round(macro_f1(np.array([0, 0, 1]), np.array([0, 1, 1])), 4)
    0.6667
    """
    count = int(max(predicted.max(initial=-1), gold.max(initial=-1))) + 1
    true = np.bincount(gold[predicted == gold], minlength=count)
    either = np.bincount(predicted, minlength=count) + np.bincount(gold, minlength=count)
    return float((2 * true[either > 0] / either[either > 0]).mean()) if count else 0.0


def macro_f1_of_sets(predicted: Array, gold: Array) -> float:
    """Return the mean F1 of labels that rows may carry together (bool, rows x labels), unseen labels left out."""
    true = (predicted & gold).sum(axis=0)
    either = predicted.sum(axis=0) + gold.sum(axis=0)
    return float((2 * true[either > 0] / either[either > 0]).mean()) if (either > 0).any() else 0.0


def entity_f1(predicted: Array, gold: Array, answers: Array, names: Sequence[str]) -> float:
    """Return the micro F1 of whole entities: type, start and end must all be right (CoNLL-2003, as seqeval counts).

    `predicted` and `gold` are tag indices, the rows end to end; `answers` says where each row begins.
    """
    found = wanted = right = 0
    for start, end in pairwise(answers.tolist()):
        mine = set(entities([names[tag] for tag in predicted[start:end]]))
        true = set(entities([names[tag] for tag in gold[start:end]]))
        found, wanted, right = found + len(mine), wanted + len(true), right + len(mine & true)
    return 2 * right / (found + wanted) if found + wanted else 0.0
