"""Take out passages that several documents hold word for word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from tilth.core.engine import Engine, Exchange, Rows
from tilth.core.errors import RecipeError
from tilth.core.fold import FitsOn
from tilth.core.registry import name_of
from tilth.refine._repeats_cuts import Cuts
from tilth.refine._repeats_passages import Prints, Repeats, Windows
from tilth.refine._rows import union


@dataclass(frozen=True, kw_only=True)
class RepeatedText:
    """Cut passages of many words that stand in several documents: licences, quoted mails, copied paragraphs.

    >>> from tilth.testing import batch
    >>> from tilth.testing.editors import edited
    >>> terms = "this message is meant for the person named above and for nobody else"
    >>> rows = batch(text=[f"Dear Ann, {terms}. Bye", f"Dear Bob: {terms.upper()}! See you", terms])
    >>> edited(RepeatedText(min_words=10), rows)
    ['Dear Ann, this message is meant for the person named above and for nobody else. Bye', 'Dear Bob: See you', '']

    Every passage of at least `min_words` words that `min_documents` documents hold is found, however long and wherever
    it stands: texts are winnowed (Schleimer, Wilkerson, Aiken, "Winnowing", SIGMOD 2003) with the guarantee threshold
    `min_words`, so that any two copies share a fingerprint; then each window of `min_words` words around a shared
    fingerprint is compared by two 64-bit hashes (equal by chance once in 2^128 pairs), and touching windows become one
    cut. Nothing shorter is cut. RefinedWeb (Penedo et al. 2023, arXiv 2306.01116) cuts passages of 50 tokens that
    repeat so, with the suffix array of Lee et al. (2022, arXiv 2107.06499); they count tokens of a tokenizer, here
    words count, a character of a script without spaces is one, and case, width and marks do not matter.

    Of each window the document with the smallest id (or the greatest `prefer`) keeps its copy, so every word that is
    cut still stands in a document before it; cuts name the first row that holds the passage (parts of it may in turn
    have gone for a still earlier one). Repeats within one document do not count. A text with nothing left leaves. A
    process holds one text at a time, beside a batch; keys are about one word in `min_words / 4`, and one a word where
    texts repeat."""

    fits_on: ClassVar[FitsOn] = "all"
    columns_read: ClassVar[Any] = None

    column: str = "text"
    """The text column."""
    min_words: int = 50
    """How many words in a row must be repeated; 2 or more."""
    min_documents: int = 2
    """In how many documents a passage must stand; 2 or more."""
    keep: Literal["first", "none"] = "first"
    """Leave one copy, in the document that is preferred, or none."""
    prefer: str | None = None
    """A column of numbers, dates or strings: the row with the greatest keeps its copy; then the smallest id does."""
    partitions: int = 16
    """Into how many parts an exchange cuts the rows; does not change the answer."""

    def __post_init__(self) -> None:
        """Refuse options that would cut what is not repeated."""
        for name, least in (("min_words", 2), ("min_documents", 2), ("partitions", 1)):
            if getattr(self, name) < least:
                raise RecipeError(f"{name} {getattr(self, name)}", where=name_of(self), wanted=f"{least} or more")

    def edits(self, rows: Rows, engine: Engine) -> Rows:
        """Return the cuts, through four exchanges: fingerprints, texts, windows, rows."""
        prints = self._exchange(
            engine,
            rows,
            Prints(column=self.column, words=self.min_words, documents=self.min_documents, operator=self),
        )
        windows = self._exchange(
            engine,
            union(rows, prints),
            Windows(column=self.column, words=self.min_words, prefer=self.prefer, operator=self),
        )
        repeats = self._exchange(engine, windows, Repeats(documents=self.min_documents, keep=self.keep == "first"))
        return self._exchange(engine, repeats, Cuts(ranked=self.prefer is not None))

    def _exchange(self, engine: Engine, rows: Rows, step: Any) -> Rows:
        name = f"repeated_text.{type(step).__name__.lower()}"
        return engine.exchange(
            Exchange(name=name, emit=step.emit, gather=step.gather, partitions=self.partitions), rows
        )


EXAMPLES = (
    RepeatedText(),
    RepeatedText(min_words=3, keep="none", partitions=3),
    RepeatedText(min_words=2, min_documents=3, prefer="number"),
)
