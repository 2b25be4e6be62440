"""Drop texts that repeat themselves: Gopher's repetition rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa

from tilth.core.batch import Batch
from tilth.refine._measured import Counts, Rule, first_failed, most, named, statistics


@dataclass(frozen=True, kw_only=True)
class GopherRepetition:
    """Drop texts with too many repeated paragraphs, lines or runs of words.

    >>> from tilth.testing import batch
    >>> prose = (
    ...     "Far over the hills, where no road leads, an old keeper counts his bees each evening and writes down "
    ...     "what they brought home: lime, clover, a little heather from the moor."
    ... )
    >>> texts = ["I am your father.\\n" * 4, prose]
    >>> [verdict and verdict["rule"] for verdict in GopherRepetition().judge(batch(text=texts)).to_pylist()]
    ['gopher_repetition.dup_lines', None]

    Rae et al. 2021 (arXiv 2112.11446, table A1), in the variant of datatrove 0.10.1 (`gopher_repetition_filter.py`):
    with our words in place of its tokenizer the decisions are the same. Characters are shares of the whole text, blanks
    and line breaks included; a paragraph or line counts each time after the first. `top_*`: the most frequent run of
    words times its count (one that stands once counts too, so that a text of few words may fail). `dup_*`: runs that
    stood before, stepped over as they are found. The first rule that fails names the verdict, in the order of the
    options. "Gopher" is not one function: DCLM, for one, counts a repeated line's first copy too and divides runs by
    the characters in words.

    In Chinese a character is a word, so a "5-gram" is five characters and shares come out higher: `chinese_quality`
    has thresholds for that.
    """

    decides: ClassVar[tuple[str, ...]] = (
        "dup_paragraphs",
        "dup_paragraph_chars",
        "dup_lines",
        "dup_line_chars",
        *(f"top_{size}gram" for size in (2, 3, 4)),
        *(f"dup_{size}gram" for size in range(5, 11)),
    )
    uses: ClassVar[frozenset[str]] = named(
        "chars paragraphs dup_paragraphs dup_paragraph_chars line_pieces dup_lines dup_line_chars "
        "top_2gram_chars top_3gram_chars top_4gram_chars dup_5gram_chars dup_6gram_chars dup_7gram_chars "
        "dup_8gram_chars dup_9gram_chars dup_10gram_chars"
    )

    column: str = "text"
    """The text column."""
    dup_paragraphs: float | None = 0.3
    """The largest share of paragraphs that stood before."""
    dup_paragraph_chars: float | None = 0.2
    """The largest share of characters in such paragraphs."""
    dup_lines: float | None = 0.3
    """The largest share of lines that stood before."""
    dup_line_chars: float | None = 0.2
    """The largest share of characters in such lines."""
    top_2gram: float | None = 0.2
    """The largest share of characters in the most frequent pair of words."""
    top_3gram: float | None = 0.18
    """The largest share of characters in the most frequent run of 3 words."""
    top_4gram: float | None = 0.16
    """The largest share of characters in the most frequent run of 4 words."""
    dup_5gram: float | None = 0.15
    """The largest share of characters in repeated runs of 5 words."""
    dup_6gram: float | None = 0.14
    """The largest share of characters in repeated runs of 6 words."""
    dup_7gram: float | None = 0.13
    """The largest share of characters in repeated runs of 7 words."""
    dup_8gram: float | None = 0.12
    """The largest share of characters in repeated runs of 8 words."""
    dup_9gram: float | None = 0.11
    """The largest share of characters in repeated runs of 9 words."""
    dup_10gram: float | None = 0.1
    """The largest share of characters in repeated runs of 10 words."""

    @property
    def measured(self) -> tuple[str, ...]:
        """Name the columns whose statistics are used."""
        return (self.column,)

    def judge(self, batch: Batch) -> pa.StructArray:
        """Return a verdict for each text that breaks a rule: the first such rule, the share, the threshold."""
        return first_failed("gopher_repetition", self.rules(batch), batch.num_rows)

    def rules(self, batch: Batch) -> tuple[Rule, ...]:
        """Return every rule on all rows, in the order in which they are asked."""
        found = Counts(statistics(batch, self.column, self, self.uses))
        runs = (*(f"top_{size}gram" for size in (2, 3, 4)), *(f"dup_{size}gram" for size in range(5, 11)))
        return (
            most("empty", found["chars"] == 0, 0),
            most("dup_paragraphs", found.share("dup_paragraphs", "paragraphs"), self.dup_paragraphs),
            most("dup_paragraph_chars", found.share("dup_paragraph_chars", "chars"), self.dup_paragraph_chars),
            most("dup_lines", found.share("dup_lines", "line_pieces"), self.dup_lines),
            most("dup_line_chars", found.share("dup_line_chars", "chars"), self.dup_line_chars),
            *(most(run, found.share(f"{run}_chars", "chars"), getattr(self, run)) for run in runs),
        )


EXAMPLES = (GopherRepetition(), GopherRepetition(dup_lines=None, top_2gram=0.1))
