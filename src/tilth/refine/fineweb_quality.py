"""Drop texts that look like lists and menus: FineWeb's own rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from tilth.core.batch import Batch
from tilth.refine._measured import Counts, Rule, first_failed, least, most, named, share, statistics


@dataclass(frozen=True, kw_only=True)
class FinewebQuality:
    """Drop texts with few finished lines, many short ones, repeated ones, or more line breaks than words allow.

    >>> from tilth.testing import batch
    >>> texts = ["Home\\nShop\\nCart", "The lines of this text end with a full stop.\\nSo it is kept, as it should be."]
    >>> [verdict and verdict["rule"] for verdict in FinewebQuality().judge(batch(text=texts)).to_pylist()]
    ['fineweb_quality.too_few_finished_lines', None]

    Penedo et al. 2024 (arXiv 2406.17557, 3.4), in the variant of datatrove 0.10.1 (`fineweb_quality_filter.py`): with
    our words in place of its tokenizer the decisions are the same. Lines are cut at line feeds, blank ones left out,
    nothing trimmed: a line that ends in a blank or a carriage return is not finished. Marks that finish a line are
    those of Unicode's Sentence_Terminal, Chinese ones included. A short line has 30 characters or fewer, which a full
    Chinese sentence may: see `chinese_quality`. A text with lines but no word (where datatrove divides by zero) counts
    as having one.
    """

    decides: ClassVar[tuple[str, ...]] = ("min_finished_lines", "max_short_lines", "max_dup_line_chars", "max_newlines")
    uses: ClassVar[frozenset[str]] = named(
        "chars newlines words lines terminal_lines short_lines dup_line_chars dup_blank_line_chars"
    )

    column: str = "text"
    """The text column."""
    min_finished_lines: float | None = 0.12
    """The least share of lines that end in a mark that ends a sentence."""
    max_short_lines: float | None = 0.67
    """The largest share of lines of 30 characters or fewer."""
    max_dup_line_chars: float | None = 0.01
    """The largest share of characters (line breaks aside) in lines that stood before."""
    max_newlines: float | None = 0.3
    """The most line breaks a word."""

    @property
    def measured(self) -> tuple[str, ...]:
        """Name the columns whose statistics are used."""
        return (self.column,)

    def judge(self, batch: Batch) -> pa.StructArray:
        """Return a verdict for each text that breaks a rule: the first such rule, the share, the threshold."""
        return first_failed("fineweb_quality", self.rules(batch), batch.num_rows)

    def rules(self, batch: Batch) -> tuple[Rule, ...]:
        """Return every rule on all rows, in the order in which they are asked."""
        found = Counts(statistics(batch, self.column, self, self.uses))
        repeated = share(found["dup_line_chars"] - found["dup_blank_line_chars"], found["chars"] - found["newlines"])
        breaks = share(found["newlines"], np.maximum(found["words"], 1))
        return (
            most("empty", found["lines"] == 0, 0),
            least("too_few_finished_lines", found.share("terminal_lines", "lines"), self.min_finished_lines),
            most("too_many_short_lines", found.share("short_lines", "lines"), self.max_short_lines),
            most("dup_line_chars", repeated, self.max_dup_line_chars),
            most("too_many_newlines", breaks, self.max_newlines),
        )


EXAMPLES = (FinewebQuality(), FinewebQuality(max_dup_line_chars=None))
