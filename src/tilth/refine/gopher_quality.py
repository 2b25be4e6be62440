"""Drop texts that do not look like prose: Gopher's quality rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import pyarrow as pa

from tilth.core.batch import Batch
from tilth.refine._measured import Counts, Rule, first_failed, least, most, named, share, statistics


@dataclass(frozen=True, kw_only=True)
class GopherQuality:
    """Drop texts that break one of Gopher's quality rules: length, word length, symbols, bullets, stop words.

    >>> from tilth.testing import batch
    >>> found = GopherQuality(min_words=5).judge(batch(text=["Too short.", "This is the end of a day with friends."]))
    >>> [verdict and (verdict["rule"], verdict["value"]) for verdict in found.to_pylist()]
    [('gopher_quality.too_few_words', 2.0), None]

    Rae et al. 2021 (arXiv 2112.11446, A1.1), in the variant of datatrove 0.10.1 (`gopher_quality_filter.py`): with our
    words in place of its tokenizer the decisions are the same when `english_rules` is "all". The first rule that fails
    names the verdict, in the order of the options. "Gopher" is not one function: DCLM, for one, adds up # and ellipses,
    counts "*" and "●" as bullets, and counts stop words by occurrence and without case.

    What was made for English would drop every Chinese text (a character is a word, so the mean word length is 1), so
    two rules leave texts in other scripts alone: "latin" means at most 1.5 bytes a code point in UTF-8. For German or
    French, set `min_stop_words` to null. `chinese_quality` holds the rules for Chinese.
    """

    decides: ClassVar[tuple[str, ...]] = (
        "min_words",
        "max_words",
        "min_mean_word",
        "max_mean_word",
        "max_hashes",
        "max_ellipses",
        "max_bullet_lines",
        "max_ellipsis_lines",
        "min_alpha_words",
        "min_stop_words",
        "english_rules",
    )
    uses: ClassVar[frozenset[str]] = named(
        "bytes chars words symbol_words word_chars symbol_word_chars words_alpha stop_words hashes ellipses "
        "text_lines bullet_lines ellipsis_lines"
    )

    column: str = "text"
    """The text column."""
    min_words: int | None = 50
    """The least number of words."""
    max_words: int | None = 100_000
    """The greatest number of words."""
    min_mean_word: float | None = 3.0
    """The least mean length of a word, in characters."""
    max_mean_word: float | None = 10.0
    """The greatest mean length of a word, in characters."""
    max_hashes: float | None = 0.1
    """The most "#" signs a word."""
    max_ellipses: float | None = 0.1
    """The most ellipses ("..." or "…") a word."""
    max_bullet_lines: float | None = 0.9
    """The largest share of lines that begin with a bullet or hyphen."""
    max_ellipsis_lines: float | None = 0.3
    """The largest share of lines that end with an ellipsis."""
    min_alpha_words: float | None = 0.8
    """The least share of words with a letter."""
    min_stop_words: int | None = 2
    """How many of "the", "be", "to", "of", "and", "that", "have", "with" must stand in the text."""
    english_rules: Literal["latin", "all"] = "latin"
    """Which texts the rules made for English (mean word length, stop words) judge: those in Latin letters, or all."""

    @property
    def measured(self) -> tuple[str, ...]:
        """Name the columns whose statistics are used."""
        return (self.column,)

    def judge(self, batch: Batch) -> pa.StructArray:
        """Return a verdict for each text that breaks a rule: the first such rule, what was found, the threshold."""
        return first_failed("gopher_quality", self.rules(batch), batch.num_rows)

    def rules(self, batch: Batch) -> tuple[Rule, ...]:
        """Return every rule on all rows, in the order in which they are asked."""
        found = Counts(statistics(batch, self.column, self, self.uses))
        words = found["words"] - found["symbol_words"]
        mean = share(found["word_chars"] - found["symbol_word_chars"], words)
        english = found.latin() | (self.english_rules == "all")
        return (
            least("too_few_words", words, self.min_words),
            most("too_many_words", words, self.max_words),
            least("short_words", mean, self.min_mean_word).only(english & (words > 0)),
            most("long_words", mean, self.max_mean_word).only(english),
            most("too_many_hashes", found.share("hashes", "words"), self.max_hashes),
            most("too_many_ellipses", found.share("ellipses", "words"), self.max_ellipses),
            most("too_many_bullet_lines", found.share("bullet_lines", "text_lines"), self.max_bullet_lines),
            most("too_many_ellipsis_lines", found.share("ellipsis_lines", "text_lines"), self.max_ellipsis_lines),
            least("too_few_alpha_words", found.share("words_alpha", "words"), self.min_alpha_words).only(
                found["words"] > 0
            ),
            least("too_few_stop_words", found["stop_words"], self.min_stop_words).only(english),
        )


EXAMPLES = (GopherQuality(), GopherQuality(min_words=3, english_rules="all"), GopherQuality(min_words=None))
