"""Take out lines and paragraphs that many documents hold."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import pyarrow as pa

from tilth.core.batch import ID, Batch
from tilth.core.engine import KEY, Engine, Exchange, Rows
from tilth.core.errors import RecipeError
from tilth.core.fold import FitsOn
from tilth.core.registry import name_of
from tilth.refine._columns import strings
from tilth.refine._ranks import named
from tilth.refine._repeats_cuts import SPAN, Cuts
from tilth.refine._rows import batches, groups
from tilth.text.words import count, fold

_KEYED = pa.schema([(KEY, pa.string()), *(field for field in SPAN if field.name != "other_id")])
_PARAGRAPH = re.compile(r"(?:\r\n|[\n\r\u2028\u2029])[^\S\n\r]*(?:(?:\r\n|[\n\r\u2028\u2029])\s*)+|\u2029\s*")
_LINE = re.compile(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*")


class _Unit(NamedTuple):
    start: int
    stop: int
    """Where what it says ends."""
    end: int
    """Where the next one begins."""
    lead: int
    """Length of the break before it."""
    last: bool


@dataclass(frozen=True, kw_only=True)
class RepeatedLines:
    r"""Cut lines or paragraphs that stand in many documents: footers, forum boilerplate, menus.

    >>> from tilth.testing import batch
    >>> from tilth.testing.editors import edited
    >>> rows = batch(text=[f"{name} writes\n\nSent from my  small phone" for name in ("Ann", "Bob", "Cat")])
    >>> edited(RepeatedLines(), rows)
    ['Ann writes\n\nSent from my  small phone', 'Bob writes\n', 'Cat writes\n']

    Lines meet by a 128-bit BLAKE2b hash of what they say, case, width (Unicode NFKC) and runs of white space apart, so
    two documents share a line only where they say the same. A line counts once a document. The document with the
    smallest id (or the greatest `prefer`) keeps its copies; cuts in the others name it. CCNet (Wenzek et al. 2020,
    arXiv 1911.00359, section 3.1) does so for paragraphs from the second document on, FineWeb (Penedo et al. 2024)
    tried it for lines; here a line needs `min_documents` and `min_words`, so that blank lines, brackets and "Thanks,"
    never count.

    A text with nothing left leaves. No process holds more than a batch, `min_documents` ids, and one text's places.
    """

    fits_on: ClassVar[FitsOn] = "all"
    columns_read: ClassVar[Any] = None

    column: str = "text"
    """The text column."""
    unit: Literal["line", "paragraph"] = "line"
    """What is compared: lines, or paragraphs between blank lines."""
    min_documents: int = 3
    """In how many documents a line must stand to be repeated; 2 or more."""
    min_words: int = 4
    """Lines of fewer words (a character of a script without spaces is a word) always stay."""
    numbers: Literal["distinct", "same"] = "distinct"
    """Lines with other numbers are other lines ("Total: 12"). Or all numbers are alike ("Page 3 of 10")."""
    keep: Literal["first", "none"] = "first"
    """Leave one copy, in the document that is preferred, or none."""
    prefer: str | None = None
    """A column of numbers, dates or strings: the row with the greatest keeps its copy; then the smallest id does."""
    partitions: int = 16
    """Into how many parts an exchange cuts the rows; does not change the answer."""

    def __post_init__(self) -> None:
        """Refuse options that would cut what is not repeated."""
        for name, least in (("min_documents", 2), ("min_words", 1), ("partitions", 1)):
            if getattr(self, name) < least:
                raise RecipeError(f"{name} {getattr(self, name)}", where=name_of(self), wanted=f"{least} or more")

    def edits(self, rows: Rows, engine: Engine) -> Rows:
        """Return the cuts, through two exchanges: by line, then by row."""
        by_line = Exchange(
            name="repeated_lines.lines", emit=self._keyed, gather=self._repeated, partitions=self.partitions
        )
        cuts = Cuts(ranked=self.prefer is not None)
        by_row = Exchange(name="repeated_lines.cuts", emit=cuts.emit, gather=cuts.gather, partitions=self.partitions)
        return engine.exchange(by_row, engine.exchange(by_line, rows))

    def _keyed(self, batch: Batch) -> Batch:
        """Key each line that says enough by what it says."""
        said: list[str] = []
        places: list[tuple[str, _Unit]] = []
        texts = strings(batch, self.column, self).to_pylist()
        for row, text in zip(named(batch, self.prefer, self).to_pylist(), texts, strict=True):
            for unit in _units(text or "", _LINE if self.unit == "line" else _PARAGRAPH):
                said.append(" ".join(fold(text[unit.start : unit.stop]).split()))
                places.append((row, unit))
        enough = (count(said) >= self.min_words).tolist()
        keys = [self._key(line) for line in itertools.compress(said, enough)]
        stay = list(itertools.compress(places, enough))
        columns: list[list[Any]] = [
            keys,
            [row for row, _ in stay],
            [unit.start for _, unit in stay],
            [unit.end for _, unit in stay],
            [unit.lead for _, unit in stay],
            [unit.last for _, unit in stay],
        ]
        arrays = [pa.array(values, field.type) for values, field in zip(columns, _KEYED, strict=True)]
        return pa.RecordBatch.from_arrays(arrays, schema=_KEYED)

    def _key(self, line: str) -> str:
        said = _NUMBER.sub("0", line) if self.numbers == "same" else line
        return hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()

    def _repeated(self, keyed: Iterator[Batch]) -> Iterable[Batch]:
        """Give the places of lines that stand in enough documents."""

        def rows() -> Iterator[tuple[Any, ...]]:
            for _, group in groups(keyed, (KEY, ID, "start", "end", "lead", "last")):
                waiting: list[tuple[Any, ...]] = []
                documents, first, row = 0, "", None
                for place in group:
                    if place[1] != row:
                        row = place[1]
                        documents += 1
                        first = first or row
                    if self.keep == "none" or row != first:
                        waiting.append((*place[1:], first if self.keep == "first" else None))
                    if documents >= self.min_documents:
                        yield from waiting
                        waiting.clear()

        return batches(rows(), SPAN)


def _units(text: str, breaks: re.Pattern[str]) -> Iterator[_Unit]:
    r"""Cut a text at its breaks.

    >>> [(unit.start, unit.stop, unit.end, unit.lead, unit.last) for unit in _units("one\r\ntwo", _LINE)]
    [(0, 3, 5, 0, False), (5, 8, 8, 2, True)]
    """
    start, lead = 0, 0
    for found in breaks.finditer(text):
        yield _Unit(start, found.start(), found.end(), lead, False)
        start, lead = found.end(), found.end() - found.start()
    if start < len(text):
        yield _Unit(start, len(text), len(text), lead, True)


EXAMPLES = (
    RepeatedLines(),
    RepeatedLines(unit="paragraph", min_documents=2, min_words=1, numbers="same", keep="none", partitions=3),
    RepeatedLines(min_documents=2, prefer="number"),
)
