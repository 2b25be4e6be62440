"""Find the phrases that rules look for, compiled: each from one rare letter in it, so that most cost nothing."""

from __future__ import annotations

import numpy as np

from tilth.text import _marks
from tilth.text._compile import Array, Number, inner

NOTHING, JAVASCRIPT, POLICY, LOREM_IPSUM, ADDRESS = range(5)

_RARE = (
    ("javascript", "j", JAVASCRIPT),
    *((phrase, "k" if "k" in phrase else "f" if "f" in phrase else "p", POLICY) for phrase in _marks.POLICY),
    ("lorem ipsum", "p", LOREM_IPSUM),
    ("www.", ".", ADDRESS),
    ("http://", ":", ADDRESS),
    ("https://", ":", ADDRESS),
)


def _flat(phrases: tuple[str, ...]) -> tuple[Array, Array]:
    points = np.array([ord(mark) for phrase in phrases for mark in phrase], np.uint32)
    return points, np.cumsum([0, *map(len, phrases)]).astype(np.int64)


_RARE = tuple(sorted(_RARE, key=lambda rule: rule[1]))
_POINTS, _ENDS = _flat(tuple(phrase for phrase, _, _ in _RARE))
_RULES = np.array([(ord(letter), phrase.index(letter), kind) for phrase, letter, kind in _RARE], np.int64)
_FROM = np.searchsorted(_RULES[:, 0], np.arange(129)).astype(np.int64)
"""Where each ASCII letter's rules begin."""


def _next() -> Array:
    """Tell for each two ASCII letters in a row whether the first may be a rule's rare letter."""
    told = np.zeros((128, 128), np.bool_)
    for phrase, letter, _ in _RARE:
        after = phrase[phrase.index(letter) + 1 :][:1]
        told[ord(letter), ord(after) if after else slice(None)] = True
    return told


_NEXT = _next()
_WWW = np.int64([phrase for phrase, _, _ in _RARE].index("www."))
_FURNITURE, _FURNITURE_ENDS = _flat(_marks.BOILERPLATE)


@inner
def likely(points: Array, at: Number) -> Number:
    """Tell whether the letter behind a rare letter is one that follows it in a phrase; a line break ends the text."""
    letter, after = points[at] | np.uint32(32), points[at + np.uint64(1)] | np.uint32(32)
    return _NEXT[letter & np.uint32(127), min(after, np.uint32(127))]


@inner
def told(points: Array, count: Number, at: Number) -> Number:
    """Tell what phrase has its rare letter at a place; ASCII capitals count as small letters."""
    letter = points[at] | np.uint32(32)
    for rule in range(_FROM[letter], _FROM[letter + np.uint32(1)]):
        place = at - _RULES[rule, 1]
        # "https://www." is one address, told of at its "www.".
        if _stands(points, count, place, rule) and not (
            letter == 58 and _stands(points, count, place + _ENDS[rule + 1] - _ENDS[rule], _WWW)
        ):
            return _RULES[rule, 2]
    return NOTHING


@inner
def _stands(points: Array, count: Number, at: Number, rule: Number) -> Number:
    start, size = _ENDS[rule], _ENDS[rule + 1] - _ENDS[rule]
    if at < 0 or at + size > count:
        return False
    for step in range(size):
        point = points[at + step]
        if 65 <= point <= 90:
            point |= np.uint32(32)
        if point != _POINTS[start + step]:
            return False
    return True


@inner
def furniture(points: Array, count: Number, at: Number) -> Number:
    """Tell whether a phrase of a Chinese page's furniture stands at a place."""
    for number in range(len(_FURNITURE_ENDS) - 1):
        start, size = _FURNITURE_ENDS[number], _FURNITURE_ENDS[number + 1] - _FURNITURE_ENDS[number]
        if at + size <= count:
            step = 0
            while step < size and points[at + step] == _FURNITURE[start + step]:
                step += 1
            if step == size:
                return True
    return False
