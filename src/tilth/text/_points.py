"""Classify and fold every code point by table, so that compiled code needs no Unicode library.

Code points of the same nature share a class, but an ASCII letter is its own; a class has flags. Both tables are in two
stages (a block number for each 256 code points, then the block), small enough to stay in a processor's nearest cache.
They follow this Python's `unicodedata`, as `words.split` and `words.fold` do.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from tilth.text import _compile, _kept, _marks, words

KIND = 7
"""The bits that hold what `words` calls the kind: BREAK, RUN, SINGLE, MARK, IGNORE."""
(
    DIGIT,
    ALPHA,
    DECIMAL,
    UPPER,
    SPACE,
    PUNCTUATION,
    CONTROL,
    HAN,
    KANA,
    HANGUL,
    SYMBOL,
    TERMINAL,
    LINE_BREAK,
    CHINESE_MARK,
    ASCII_MARK,
    SIMPLIFIED,
    TRADITIONAL,
    SENTENCE,
    FULL_SENTENCE,
    CLOSER,
    PARENTHESIS,
    TRIGGER,
    FURNITURE,
    FOLDS,
    HARD,
) = (1 << bit for bit in range(3, 28))
NEWLINE, HASH, ELLIPSIS, CURLY, BULLET = (special << 28 for special in range(1, 6))
"""Characters that are counted by themselves, numbers in the upper bits."""
SPECIAL = 7 << 28

_LAST = words.LAST
_LENGTH = -(-(_LAST + 1) // 256) * 256
"""That many code points, whole blocks, are told of."""
_SPECIALS = {"\n": NEWLINE, "#": HASH, "…": ELLIPSIS, "{": CURLY, "•": BULLET, "-": BULLET}
_TRIGGERS = "jJkKfFpP:."
"""Each phrase that is looked for holds one of these, rare in most texts."""
LONG = 1 << 22
ASCII = 128
"""So many code points are a class each, of the same number: to classify them, they are copied."""
CLASSES = 256
"""As many have flags, so that no byte is beyond them."""


_Number = TypeVar("_Number", bound=np.generic)


class Tables(NamedTuple):
    """What compiled code looks up.

    The class of a code point `p` is `classes[class_block[p >> 8] * 256 + (p & 255)]`, and of an ASCII letter itself.
    """

    class_block: npt.NDArray[np.uint16]
    classes: npt.NDArray[np.uint8]
    flags: npt.NDArray[np.uint32]
    fold_block: npt.NDArray[np.uint16]
    folds: npt.NDArray[np.int32]
    """What to add to a code point to fold it; from 2**22 on: a place (low 16 bits) and a length (next 5 bits) in
    `expansions`, where it folds to more than one."""
    expansions: npt.NDArray[np.uint32]


_TYPES = {
    "class_block": np.uint16,
    "classes": np.uint8,
    "flags": np.uint32,
    "fold_block": np.uint16,
    "folds": np.int32,
    "expansions": np.uint32,
}


@functools.cache
def tables() -> Tables:
    """Load the tables that an earlier process built, else build them, which takes a fraction of a second."""
    folder = _compile.cache_folder()
    path = folder and folder / f"points-{unicodedata.unidata_version}.npz"
    found = Tables(**_kept.arrays(path, lambda: _build()._asdict(), _fit))
    for table in found:
        table.flags.writeable = False
    return found


def _build() -> Tables:
    folds, expansions, hard = _folds()
    flags = _flags()
    flags[hard] |= HARD
    flags[folds != 0] |= FOLDS
    known, classes = np.unique(flags, return_inverse=True)
    classes += ASCII
    classes[:ASCII] = np.arange(ASCII)
    known = np.concatenate([flags[:ASCII], known])
    if len(known) > CLASSES:
        raise ValueError(f"Unicode {unicodedata.unidata_version} makes {len(known)} classes, {CLASSES} fit")
    known = np.append(known, np.zeros(CLASSES - len(known), np.uint32))
    class_block, class_rows = _two_stages(classes.astype(np.uint8))
    fold_block, fold_rows = _two_stages(folds)
    return Tables(class_block, class_rows, known, fold_block, fold_rows, expansions)


def _fit(found: _kept.Arrays) -> bool:
    """Tell whether arrays read from a file are tables, and none points beyond another: compiled code does not look."""
    if {name: (array.dtype, array.ndim) for name, array in found.items()} != {
        name: (np.dtype(kind), 1) for name, kind in _TYPES.items()
    }:
        return False
    held = Tables(**found)
    if not all(len(table) for table in held) or not len(held.class_block) == len(held.fold_block) == _LENGTH >> 8:
        return False
    longer = held.folds[held.folds >= LONG]
    return bool(
        len(held.classes) == (int(held.class_block.max()) + 1) << 8
        and np.array_equal(held.classes[int(held.class_block[0]) << 8 :][:ASCII], np.arange(ASCII))
        and len(held.folds) == (int(held.fold_block.max()) + 1) << 8
        and len(held.flags) == CLASSES
        and np.all((longer & 0xFFFF) + ((longer >> 16) & 31) <= len(held.expansions))
    )


def _two_stages(values: npt.NDArray[_Number]) -> tuple[npt.NDArray[np.uint16], npt.NDArray[_Number]]:
    rows = values.reshape(-1, 256)
    seen: dict[bytes, int] = {}
    numbers = [seen.setdefault(row.tobytes(), len(seen)) for row in rows]
    return np.array(numbers, np.uint16), np.frombuffer(b"".join(seen), values.dtype).copy()


def _flags() -> npt.NDArray[np.uint32]:
    kinds = words.table()
    flags = np.zeros(_LENGTH, np.uint32)
    flags[: _LAST + 1] = kinds.kind
    flags[: _LAST + 1][kinds.digit] |= DIGIT
    categories = words.categories()
    for flag, wanted in ((ALPHA, "L"), (PUNCTUATION, "P")):
        flags[:_LAST][np.char.startswith(categories, wanted)] |= flag
    flags[:_LAST][categories == "Nd"] |= DECIMAL
    flags[:_LAST][categories == "Cc"] |= CONTROL
    # As Python strings' own tests.
    every = np.arange(_LAST, dtype=np.uint32).view("U1")
    flags[:_LAST][np.char.isupper(every)] |= UPPER
    flags[:_LAST][np.char.isspace(every)] |= SPACE
    flags[(flags & SPACE) > 0] &= ~np.uint32(CONTROL)
    for flag, script in ((HAN, "han"), (KANA, "kana"), (HANGUL, "hangul")):
        for first, last in _marks.SCRIPTS[script]:
            block = flags[first : last + 1]
            block[(block & ALPHA) > 0] |= flag
    _variants(flags)
    for flag, marks in (
        (SYMBOL, _marks.SYMBOLS),
        (TERMINAL, _marks.TERMINAL),
        (LINE_BREAK, _marks.BREAKS),
        (CHINESE_MARK, _marks.CHINESE_MARKS),
        (ASCII_MARK, _marks.ASCII_MARKS),
        (SENTENCE, _marks.SENTENCE),
        (FULL_SENTENCE, _marks.FULL_SENTENCE),
        (CLOSER, _marks.CLOSERS),
        (PARENTHESIS, _marks.PARENTHESES),
        (TRIGGER, _TRIGGERS),
        (FURNITURE, {phrase[0] for phrase in _marks.BOILERPLATE}),
    ):
        flags[_points(marks)] |= flag
    for mark, special in _SPECIALS.items():
        flags[ord(mark)] |= special
    return flags


def _points(marks: Iterable[str]) -> list[int]:
    return [ord(mark) for mark in marks]


def _variants(flags: npt.NDArray[np.uint32]) -> None:
    """Mark the Han characters that only mainland China's standard (GB 2312) or only Taiwan's (Big5) knows."""
    han = "".join(map(chr, range(0x4E00, 0xA000)))
    mainland = set(han.encode("gb2312", "ignore").decode("gb2312"))
    taiwan = set(han.encode("big5", "ignore").decode("big5"))
    flags[_points(mainland - taiwan)] |= SIMPLIFIED
    flags[_points(taiwan - mainland)] |= TRADITIONAL


def _folds() -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint32], npt.NDArray[np.bool_]]:
    """Return each code point's folding, the longer ones, and which depend on their neighbours or change the words.

    Foldings can be joined, `fold(a + b) == fold(a) + fold(b)`, where at every step `b` starts with a code point that is
    no combining mark and never the second of a composition (Unicode Standard Annex 15, "stable code points").
    """
    kinds = words.table()
    folds, hard = np.zeros(_LENGTH, np.int32), np.zeros(_LENGTH, np.bool_)
    expansions: dict[str, int] = {}
    extra: list[int] = []
    seconds = _seconds()
    for mark in _lively():
        point = ord(mark)
        if mark == mark.casefold() and not unicodedata.decomposition(mark):
            hard[point] = unicodedata.combining(mark) > 0 or mark in seconds
            continue
        folded = words.fold(mark)
        if not _starts(mark, folded) or not _same_kind(point, folded, kinds):
            hard[point] = True
        elif len(folded) == 1:
            folds[point] = ord(folded) - point
        else:
            if folded not in expansions:
                expansions[folded] = len(extra)
                extra += map(ord, folded)
            folds[point] = LONG | len(folded) << 16 | expansions[folded]
    return folds, np.array([*extra, 0], np.uint32), hard


@functools.cache
def _lively() -> str:
    """Return the assigned code points of those blocks that are not inert."""
    points = np.arange(_LAST, dtype=np.uint32)
    lively = words.categories() != "Cn"
    for block in range(0, _LAST, 256):
        if _inert("".join(map(chr, range(block, block + 256)))):
            lively[block : block + 256] = False
    held: bytes = points[lively].astype("<u4").tobytes()
    return held.decode("utf-32-le", "surrogatepass")


def _inert(block: str) -> bool:
    """Tell whether a whole block is letters (or nothing) that fold to themselves and combine with nothing."""
    if "\ud800" <= block[0] < "\uf900":
        return True
    if not block.isalpha() or block[0] == "\u1100":
        return False
    return unicodedata.normalize("NFKD", block) == block == block.casefold() or "\uac00" <= block[0] < "\ud700"


@functools.cache
def _seconds() -> frozenset[str]:
    """Return the code points that may be second in a canonical composition, besides combining marks."""
    found = {chr(point) for point in (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))}
    for parts in map(str.split, filter(None, map(unicodedata.decomposition, _lively()))):
        if len(parts) == 2 and not parts[0].startswith("<"):
            found.add(chr(int(parts[1], 16)))
    return frozenset(found)


def _starts(mark: str, folded: str) -> bool:
    """Tell whether nothing before the code point can change how it folds, nor be changed by it."""
    for step in (mark, unicodedata.normalize("NFKC", mark).casefold(), folded):
        first = unicodedata.normalize("NFKD", step)[:1]
        if not first or unicodedata.combining(first) or first in _seconds() or step[0] in _seconds():
            return False
    return True


def _same_kind(point: int, folded: str, kinds: words.Table) -> bool:
    """Tell whether folding keeps where words begin and end, and what is a digit."""
    kind, digit = kinds.kind[point], kinds.digit[point]
    others = [ord(mark) for mark in folded]
    if any(kinds.digit[other] != digit for other in others) or kinds.kind[others[0]] != kind:
        return False
    rest = {int(kinds.kind[other]) for other in others[1:]}
    allowed = {words.RUN: {words.RUN, words.MARK}, words.BREAK: {words.BREAK}}
    return rest <= allowed.get(int(kind), set())
