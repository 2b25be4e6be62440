"""Encode rows of words: each word tokenised alone, a long row read in overlapping windows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from tilth.train.encoded import Array, Encoded, ragged
from tilth.train.task import Spelling
from tilth.train.words import shapes

OVERLAP = 4
"""Neighbouring windows share a quarter of a window; a word's tag comes from the one that holds more of its context."""
MOST_WORDS = 200_000
"""Words that are remembered."""


def encode(rows: Sequence[Sequence[str] | None], spelling: Spelling) -> Encoded:
    """Encode rows of words; a row that is null or has no word has no item."""
    before, after = spelling.tokenizer.single
    room = spelling.max_length - len(before) - len(after)
    longest = max(1, room // OVERLAP)
    dictionary = _spell(rows, spelling, longest)
    unknown_id = spelling.tokenizer.unknown
    truncated, unknown = np.zeros(len(rows), bool), np.zeros(len(rows), np.float32)
    items: list[list[int]] = []
    words: list[list[int]] = []
    codes: list[list[int]] = []
    item_rows: list[int] = []
    spelt: dict[str, int] = {}
    for at, row in enumerate(rows):
        if not row:
            continue
        known = [dictionary[word] for word in row]
        pieces = [ids for ids, _ in known]
        truncated[at] = any(cut for _, cut in known)
        count = sum(map(len, pieces))
        unknown[at] = sum(ids.count(unknown_id) for ids in pieces) / count if unknown_id is not None else 0.0
        row_codes = shapes(row, spelt).tolist() if spelling.shapes else []
        for start, end, core_start, core_end in cuts([len(ids) for ids in pieces], room):
            inside = range(start, end)
            items.append([*before, *(one for word in inside for one in pieces[word]), *after])
            marks = [-1] * len(before)
            for word in inside:
                marks += [word if core_start <= word < core_end else -1] + [-1] * (len(pieces[word]) - 1)
            words.append(marks + [-1] * len(after))
            if spelling.shapes:
                spread = [row_codes[word] for word in inside for _ in pieces[word]]
                codes.append([0] * len(before) + spread + [0] * len(after))
            item_rows.append(at)
    ids, starts = ragged(items)
    return Encoded(
        ids=ids,
        starts=starts,
        rows=np.array(item_rows, np.int32),
        answers=np.concatenate(([0], np.cumsum([0 if row is None else len(row) for row in rows], dtype=np.int64))),
        words=ragged(words)[0],
        shapes=ragged(codes)[0].astype(np.uint8) if spelling.shapes else None,
        truncated=truncated,
        unknown=unknown,
    )


def cuts(lengths: Sequence[int], room: int) -> list[tuple[int, int, int, int]]:
    """Cut a row's words, of these many tokens, into windows: [start, end) read, [start, end) answered for.

    >>> cuts([1] * 10, 8)
    [(0, 8, 0, 7), (6, 10, 7, 10)]
    """
    ends = np.cumsum(lengths)
    if ends[-1] <= room:
        return [(0, len(lengths), 0, len(lengths))]
    reads: list[tuple[int, int]] = []
    start = 0
    while True:
        passed = ends[start] - lengths[start]
        end = max(int(np.searchsorted(ends, passed + room, side="right")), start + 1)
        reads.append((start, end))
        if end == len(lengths):
            break
        # The next window begins a quarter before this one's end, and after this one's start.
        start = max(int(np.searchsorted(ends, ends[end - 1] - room // OVERLAP, side="right")), start + 1)
    middles = [0, *((right[0] + left[1]) // 2 for left, right in pairwise(reads)), len(lengths)]
    return [(*read, *core) for read, core in zip(reads, pairwise(middles), strict=True)]


def places(encoded: Encoded) -> Array:
    """Return, for each token that answers, which answer of all rows' answers it gives."""
    assert encoded.words is not None
    answers = encoded.words >= 0
    rows = np.repeat(encoded.rows, encoded.lengths)[answers]
    where: Array = encoded.answers[rows] + encoded.words[answers]
    return where


def _spell(rows: Sequence[Sequence[str] | None], spelling: Spelling, longest: int) -> dict[str, tuple[list[int], bool]]:
    """Return each word's token ids and whether some were cut off. Words met before need no tokenizer."""
    words = {word for row in rows if row for word in row}
    found = {word: spelling.known[word] for word in words if word in spelling.known}
    fresh = sorted(words - found.keys())
    made = {
        word: (ids[:longest], len(ids) > longest)
        for word, ids in zip(fresh, spelling.tokenizer.words(fresh), strict=True)
    }
    if len(spelling.known) < MOST_WORDS:
        spelling.known.update(made)
    return found | made
