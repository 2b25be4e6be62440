"""Read entities from tags, one tag a token.

A tag is `O` (outside) or a prefix and a type, such as `B-PER`: B begins an entity, I goes on, E ends one, S is one
alone. Entities are read as conlleval.pl (CoNLL-2000) and seqeval's default mode read them: an I- or E- tag after O, or
after an entity of another type, begins an entity too. This reads IOB1, IOB2 (BIO) and IOBES alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tilth.core.errors import DataError
from tilth.measure.labels import Lists, list_column, owners

_PREFIXES = {"O": 0, "B": 1, "I": 2, "E": 3, "S": 4}
_O, _B, _I, _E, _S = range(5)


class Entity(NamedTuple):
    """An entity: its tokens are `tokens[start:end]`."""

    type: str
    start: int
    end: int


class Violation(NamedTuple):
    """A tag that strict BIO forbids where it stands."""

    row: int
    token: int
    tag: str
    before: str
    """The tag before it, or O at the start of a row."""


class Flat(NamedTuple):
    """The tags of many rows, end to end."""

    rows: int
    row: NDArray[np.int64]
    """The row of each token."""
    tags: pa.Array
    """The tag of each token, as given."""
    prefix: NDArray[np.int64]
    types: tuple[str, ...]
    type: NDArray[np.int64]
    """The type of each token, as an index into `types`."""


class Spans(NamedTuple):
    """The entities of many rows, as parallel arrays in the order of their tokens."""

    type: NDArray[np.int64]
    start: NDArray[np.int64]
    """The first token, counted from the first token of all rows."""
    end: NDArray[np.int64]
    """One past the last token, counted likewise."""


def entities(tags: Sequence[str]) -> list[Entity]:
    """Return the entities of one row of tags.

    >>> entities(["B-PER", "I-PER", "O", "I-LOC"])
    [Entity(type='PER', start=0, end=2), Entity(type='LOC', start=3, end=4)]
    """
    return entities_by_row([tags])[0]


def entities_by_row(rows: Lists) -> list[list[Entity]]:
    """Return the entities of many rows of tags, counted from the first token of each.

    >>> entities_by_row([["O"], ["B-PER", "O"]])
    [[], [Entity(type='PER', start=0, end=1)]]
    """
    flat = flatten(rows)
    kinds, starts, ends = (part.tolist() for part in spans(flat))
    first = np.searchsorted(flat.row, np.arange(flat.rows)).tolist()
    found: list[list[Entity]] = [[] for _ in range(flat.rows)]
    for kind, start, end, row in zip(kinds, starts, ends, flat.row[starts].tolist() if starts else [], strict=True):
        found[row].append(Entity(flat.types[kind], start - first[row], end - first[row]))
    return found


def to_bio(rows: Lists) -> list[list[str]]:
    """Write tags of any scheme (IOB1, IOBES, invalid BIO) as valid BIO (IOB2) with the same entities.

    >>> to_bio([["I-PER", "I-PER", "B-PER", "O"]])
    [['B-PER', 'I-PER', 'B-PER', 'O']]
    """
    flat = flatten(rows)
    first = np.zeros(len(flat.row), dtype=np.bool_)
    first[spans(flat).start] = True
    word = np.array([f"{prefix}-{name}" for prefix in "IB" for name in flat.types] or [""], dtype=object)
    written = np.where(flat.prefix == _O, "O", word[first * len(flat.types) + flat.type]) if len(first) else first
    lengths = np.bincount(flat.row, minlength=flat.rows)
    return [part.tolist() for part in np.split(written, np.cumsum(lengths)[:-1])] if flat.rows else []


def violations(rows: Lists) -> list[Violation]:
    """Return each tag that strict BIO (IOB2) forbids: an I- that follows neither B- nor I- of its type, or E-, S-.

    >>> violations([["O", "I-PER"]])
    [Violation(row=0, token=1, tag='I-PER', before='O')]
    """
    flat = flatten(rows)
    count = len(flat.row)
    if not count:
        return []
    same = np.r_[False, (flat.row[1:] == flat.row[:-1])]
    before = np.r_[_O, flat.prefix[:-1]]
    goes_on = same & ((before == _B) | (before == _I)) & np.r_[False, flat.type[1:] == flat.type[:-1]]
    wrong = np.flatnonzero(((flat.prefix == _I) & ~goes_on) | (flat.prefix >= _E))
    first = np.searchsorted(flat.row, flat.row[wrong])
    return [
        Violation(
            int(flat.row[at]),
            int(at - start),
            flat.tags[int(at)].as_py(),
            flat.tags[int(at) - 1].as_py() if same[at] else "O",
        )
        for at, start in zip(wrong, first, strict=True)
    ]


def flatten(rows: Lists, name: str = "tags") -> Flat:
    """Read the prefix and the type of every tag; raise `DataError` for a tag of no known scheme."""
    lists = list_column(rows, name)
    coded = lists.flatten().dictionary_encode()
    words: list[str] = coded.dictionary.to_pylist()
    parts = [_read(word) for word in words]
    types = tuple(sorted({kind for prefix, kind in parts if prefix != "O"}))
    place = {kind: at for at, kind in enumerate(types)}
    codes = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    prefix = np.array([_PREFIXES[letter] for letter, _ in parts], dtype=np.int64)
    kinds = np.array([place.get(kind, 0) if letter != "O" else 0 for letter, kind in parts], dtype=np.int64)
    return Flat(len(lists), owners(lists), lists.flatten(), prefix[codes], types, kinds[codes])


def spans(flat: Flat) -> Spans:
    """Find all entities at once: a token begins one when it is not O and the entity before it, if any, has ended."""
    prefix, kind = flat.prefix, flat.type
    fresh = np.r_[True, flat.row[1:] != flat.row[:-1]] if len(flat.row) else np.zeros(0, dtype=np.bool_)
    before = np.where(fresh, _O, np.r_[_O, prefix[:-1]][: len(prefix)])
    changed = np.r_[True, kind[1:] != kind[:-1]][: len(prefix)]
    ended = (before == _E) | (before == _S) | (prefix == _B) | (prefix == _S) | changed
    starts = (prefix != _O) & ((before == _O) | ended)
    # An entity runs to the token before the next start, the next O or the next row, whichever comes first.
    stop = np.flatnonzero(starts | (prefix == _O) | fresh)
    start = np.flatnonzero(starts)
    after = np.searchsorted(stop, start, side="right")
    end = np.r_[stop, len(prefix)][after]
    return Spans(kind[start], start, end)


def _read(tag: str) -> tuple[str, str]:
    # The type is what follows the first "-"; a bare prefix has the type "_", as in seqeval.
    letter, dash, kind = tag[:1], tag[1:2], tag[2:]
    if tag == "O":
        return "O", ""
    if letter not in "BIES" or not letter or (dash and dash != "-"):
        raise DataError(f'no tag scheme holds "{tag}"', wanted='"O", or B-, I-, E- or S- and a type, such as "B-PER"')
    return letter, kind or "_"
