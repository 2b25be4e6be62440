"""Read and repair entity tags: every scheme becomes BIO, entities are spans, answers are valid BIO."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tilth.train.encoded import Array

_TAG = re.compile(r"([BIESLUM])-(.+)", re.DOTALL)
_BIO = {"B": "B", "I": "I", "M": "I", "E": "I", "L": "I", "S": "B", "U": "B"}


class Entity(NamedTuple):
    """One entity: words [start, end)."""

    type: str
    start: int
    end: int


def spells_entities(tags: Sequence[str]) -> bool:
    """Tell whether these tags mark entities (`B-PER`, `O`, …) rather than one class a word (`NN`, `VBD`).

    >>> spells_entities(["O", "I-PER"]), spells_entities(["NN", "O"])
    (True, False)
    """
    return all(tag == "O" or _TAG.fullmatch(tag) for tag in tags) and any(tag != "O" for tag in tags)


def to_bio(tags: Sequence[str]) -> list[str]:
    """Write IOB1, BIOES, BILOU or BIO tags as BIO: an `I-` that follows nothing of its type begins an entity.

    >>> to_bio(["I-ORG", "O", "I-PER", "I-PER", "B-PER", "S-LOC"])
    ['B-ORG', 'O', 'B-PER', 'I-PER', 'B-PER', 'B-LOC']
    """
    made: list[str] = []
    inside = ""
    for tag in tags:
        parts = _TAG.fullmatch(tag)
        if parts is None:
            made.append(tag)
            inside = ""
            continue
        prefix, kind = _BIO[parts[1]], parts[2]
        made.append(f"I-{kind}" if prefix == "I" and inside == kind else f"B-{kind}")
        # An end or a single closes its entity: what follows begins anew.
        inside = "" if parts[1] in "ELSU" else kind
    return made


def entities(tags: Sequence[str]) -> list[Entity]:
    """Return the entities of one row's BIO tags; a stray `I-` begins one.

    >>> entities(["B-PER", "I-PER", "O", "I-LOC"])
    [Entity(type='PER', start=0, end=2), Entity(type='LOC', start=3, end=4)]
    """
    found: list[Entity] = []
    kind, start = "", 0
    for at, tag in enumerate([*tags, "O"]):
        going_on = tag.startswith("I-") and tag[2:] == kind
        if kind and not going_on:
            found.append(Entity(kind, start, at))
            kind = ""
        if not kind and tag[:2] in ("B-", "I-"):
            kind, start = tag[2:], at
    return found


def allowed(names: Sequence[str]) -> tuple[Array, Array]:
    """Return which tag may follow which (tags x tags) and which may come first, in BIO."""
    inside = np.array([name.startswith("I-") for name in names])
    kind = np.array([name[2:] for name in names])
    named = np.array([name[:2] in ("B-", "I-") for name in names])
    follows = ~inside[None, :] | (named[:, None] & (kind[:, None] == kind[None, :]))
    return follows, ~inside


def best_path(scores: Array, follows: Array, first: Array) -> Array:
    """Return the best valid tags of one row by the Viterbi algorithm: scores are words x tags, log scale.

    A row whose best tags are valid already keeps them, so this changes invalid rows only.
    """
    best: Array = scores.argmax(axis=1)
    if len(best) == 0 or (first[best[0]] and follows[best[:-1], best[1:]].all()):
        return best
    step = np.where(follows, 0.0, -np.inf)
    total = np.where(first, scores[0], -np.inf)
    back = np.zeros(scores.shape, np.int64)
    for at in range(1, len(scores)):
        through = total[:, None] + step
        back[at] = through.argmax(axis=0)
        total = through.max(axis=0) + scores[at]
    path = np.empty(len(scores), np.int64)
    path[-1] = total.argmax()
    for at in range(len(scores) - 1, 0, -1):
        path[at - 1] = back[at, path[at]]
    return path
