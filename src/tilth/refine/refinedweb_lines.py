"""Remove lines that are page furniture, and drop texts that lose too much by it: RefinedWeb's line rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from tilth.core.batch import Batch, with_column
from tilth.refine._columns import Floats, floats, strings
from tilth.refine._measured import Counts, Rule, first_failed, most, put_text, share, statistics

_NUMBER = re.compile(r"\W*\d")
_COUNTER = re.compile(
    r"\W*\d[\d,.]*[kmb]?\s+(?:likes|shares|comments|retweets|reposts|quotes|bookmarks|upvotes|downvotes|downloads|views"
    r"|followers)\W*",
    re.IGNORECASE,
)
_ONE_CHARACTER_IS_A_WORD = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u312f\u3400-\u9fff]")
_FURNITURE = (
    ("items in cart", re.compile(r"\s?items in cart", re.IGNORECASE)),
    ("read more", re.compile(r"\s?read more(?:\.\.\.|…)$", re.IGNORECASE)),
    ("sign-in", re.compile(r"^sign-in\s?", re.IGNORECASE)),
)
_CASED = bytes([*range(ord("A"), ord("Z") + 1), *range(0xC2, 0xE0), 0xE1, 0xE2, 0xEA, 0xEF, *range(0xF0, 0xF5)])
"""Bytes that a capital may begin with in UTF-8: ASCII's own, and the first bytes of blocks that hold any."""


@dataclass(frozen=True, kw_only=True)
class RefinedwebLines:
    """Remove lines in capitals, of digits, of one word, counters and calls to click; drop texts that lose many words.

    >>> from tilth.testing import batch
    >>> text = "SIGN UP NOW\\nThe lake was calm and the boats lay still.\\n1,024 likes\\nNobody spoke. Read more..."
    >>> cleaned = RefinedwebLines().map(batch(text=[text]))
    >>> cleaned.column("text").to_pylist(), cleaned.column("removed").to_pylist()
    (['The lake was calm and the boats lay still.\\nNobody spoke.'], [0.42...])
    >>> RefinedwebLines().judge(cleaned)[0].as_py()["rule"]
    'refinedweb_lines.too_much_removed'

    Penedo et al. 2023 (arXiv 2306.01116, G.2), in the variant of DCLM (Li et al. 2024, arXiv 2406.11794;
    `dclm_baseline_refinedweb.yaml`), in its order: more than half of the characters are capitals, all are digits, a
    counter ("3 likes"), one word; then, in lines of at most ten words, "items in cart" anywhere, "Read more..." at the
    end and "Sign-in" at the beginning are cut out. Two differences: words are counted as ours, and a line in a script
    without spaces is not one word. The share of words that went stands in a column of its own.
    """

    decides: ClassVar[tuple[str, ...]] = ("max_removed",)
    uses: ClassVar[frozenset[str]] = frozenset({"words"})

    column: str = "text"
    """The text column."""
    into: str = "removed"
    """The column for the share of words that were removed."""
    max_capitals: float | None = 0.5
    """The largest share of capitals in a line that stays."""
    digits: bool = True
    """Remove lines of digits only."""
    counters: bool = True
    """Remove lines such as "3 likes" and "1.2k views"."""
    min_words: int | None = 2
    """The least number of words (between blanks) of a line that stays; a blank line does."""
    furniture: bool = True
    """Cut "items in cart", "Read more..." and "Sign-in" out of short lines."""
    max_furniture_words: int = 10
    """The longest line, in words, to cut them out of."""
    max_removed: float | None = 0.05
    """The largest share of words removed from a text that stays."""

    @property
    def measured(self) -> tuple[str, ...]:
        """Name the columns whose statistics are used."""
        return (self.column,)

    def map(self, batch: Batch) -> Batch:
        """Return the batch with lines removed, and the share of words that went."""
        texts = strings(batch, self.column, self).to_pylist()
        cleaned = [self._cleaned(text) if text else text for text in texts]
        changed = [at for at, (text, clean) in enumerate(zip(texts, cleaned, strict=True)) if text != clean]
        removed = np.zeros(len(texts))
        if changed:
            removed[changed] = self._removed(batch.take(changed), [cleaned[at] for at in changed])
        return with_column(put_text(batch, self.column, cleaned), self.into, pa.array(removed))

    def judge(self, batch: Batch) -> pa.StructArray:
        """Return a verdict for each text, cleaned by `map`, that lost too much: the share, and the most allowed."""
        return first_failed("refinedweb_lines", self.rules(batch), batch.num_rows)

    def rules(self, batch: Batch) -> tuple[Rule, ...]:
        """Return every rule on all rows, in the order in which they are asked."""
        removed = most("too_much_removed", floats(batch, self.into, self), self.max_removed)
        return (removed,)

    def _removed(self, before: Batch, cleaned: list[str | None]) -> Floats:
        had = Counts(statistics(before, self.column, self, self.uses))["words"]
        after = put_text(before, self.column, cleaned)
        return share(had - Counts(statistics(after, self.column, self, self.uses))["words"], had)

    def _cleaned(self, text: str) -> str:
        lines = list(self._kept(text))
        whole = "\n".join(lines)
        return whole.strip() if len(whole) != len(text) else text

    def _kept(self, text: str) -> Iterator[str]:
        lowered = text.lower() if self.furniture else ""
        furniture = [pattern for phrase, pattern in _FURNITURE if phrase in lowered]
        for line in text.split("\n"):
            if line and self._goes(line):
                continue
            if furniture and line and len(line.split(None, self.max_furniture_words)) <= self.max_furniture_words:
                cut = line
                for pattern in furniture:
                    cut = pattern.sub("", cut)
                if not cut.strip():
                    continue
                line = cut
            yield line

    def _goes(self, line: str) -> bool:
        # An ordinary line leaves at the first test of each rule; together they cost less than a microsecond.
        if self.max_capitals is not None and _capitals_exceed(line, self.max_capitals * len(line)):
            return True
        if not line[0].isalpha():
            if self.digits and line.isdigit():
                return True
            if self.counters and _NUMBER.match(line) and _COUNTER.fullmatch(line):
                return True
        if self.min_words is None or len(line.split(None, self.min_words)) >= self.min_words:
            return False
        return not _ONE_CHARACTER_IS_A_WORD.search(line)


def _capitals_exceed(line: str, most: float) -> bool:
    raw = line.encode()
    if len(raw) - len(raw.translate(None, _CASED)) <= most:
        return False
    return sum(letter.isupper() for letter in line) > most


EXAMPLES = (RefinedwebLines(), RefinedwebLines(max_removed=0.3, furniture=False, into="lost"))
