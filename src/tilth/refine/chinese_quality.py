"""Drop Chinese texts that are no prose: menus, tables, boilerplate, spam."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tilth.core.batch import Batch
from tilth.refine._measured import Counts, Rule, first_failed, least, most, named, share, statistics

_ENOUGH = 50
"""Visible characters from which a share says something; MAP's filter drops every shorter text."""
_FEWEST_LINES = 10
"""A text of fewer lines counts as having these: three short lines are an address, not a menu."""
_LONGEST = 10_000
"""Words beyond which no text keeps finding new characters; MAP's filter drops every longer text."""


@dataclass(frozen=True, kw_only=True)
class ChineseQuality:
    """Drop Chinese texts with too few Chinese characters, too many digits, short lines, page phrases or repeats.

    >>> from tilth.testing import batch
    >>> texts = ["我上周订的两本书还没有送到，请帮我查一下。", "首页\\n新闻\\n体育\\n财经\\n" * 9, "Home\\nNews\\n" * 9]
    >>> [verdict and verdict["rule"] for verdict in ChineseQuality().judge(batch(text=texts)).to_pylist()]
    [None, 'chinese_quality.too_many_brief_lines', None]

    The rules are what Gopher's become for Chinese in MAP's filter (Du et al. 2024, arXiv 2404.04167; Zhang et al. 2024,
    arXiv 2405.19327; MAP-NEO, `Matrix/chinese_data_clean_pipeline`), where a character is taken for a word. From there
    come `max_digits`, `max_hashes`, `max_ellipses`, `max_bullet_lines`, `min_distinct`, `top_2gram` and `dup_ngram`
    with these thresholds. Its limits of 50 and 10,000 characters are not the defaults here, since neither a headline
    nor a book is noise: instead, rules about shares leave texts of fewer than 50 visible characters alone. The other
    rules and their thresholds are ours: the share of Chinese (ChineseWebText, Chen et al. 2023, arXiv 2311.01149, has
    such a rule), short lines, phrases of page furniture ("版权所有", "上一篇"), one character in a row, text unbroken
    by any mark.

    A text is Chinese when more than half of its letters are Chinese characters, and few are Japanese or Korean.
    """

    decides: ClassVar[tuple[str, ...]] = (
        "others",
        "min_chars",
        "max_chars",
        "min_han",
        "max_digits",
        "max_hashes",
        "max_ellipses",
        "max_bullet_lines",
        "max_brief_lines",
        "max_boilerplate_lines",
        "max_unbroken",
        "max_run",
        "min_distinct",
        "top_2gram",
        "dup_ngram",
    )
    uses: ClassVar[frozenset[str]] = named(
        "chars space_chars punct_chars digits_chars letters han_chars kana_chars hangul_chars cjk_chars "
        "hashes ellipses longest_run text_lines bullet_lines lines brief_lines boilerplate_lines words "
        "distinct_words top_2gram_chars dup_5gram_chars dup_6gram_chars dup_7gram_chars dup_8gram_chars "
        "dup_9gram_chars dup_10gram_chars"
    )

    column: str = "text"
    """The text column."""
    others: Literal["keep", "drop"] = "keep"
    """What to do with texts that are not Chinese."""
    min_chars: int | None = 2
    """The least number of visible characters."""
    max_chars: int | None = None
    """The greatest number of visible characters."""
    min_han: float | None = 0.3
    """The least share of Chinese among visible characters."""
    max_digits: float | None = 0.3
    """The largest share of digits among visible characters, punctuation aside."""
    max_hashes: float | None = 0.1
    """The most "#" signs a character."""
    max_ellipses: float | None = 0.1
    """The most ellipses a character; "……" and "......" are one."""
    max_bullet_lines: float | None = 0.9
    """The largest share of lines that begin with a bullet or hyphen."""
    max_brief_lines: float | None = 0.6
    """The largest share of lines of 10 characters or fewer; a text counts as having at least 10 lines."""
    max_boilerplate_lines: float | None = 0.3
    """The largest share of lines with a phrase of page furniture; a text counts as having at least 10 lines."""
    max_unbroken: float | None = 100.0
    """The greatest mean length of a stretch without punctuation, blank or line break."""
    max_run: float | None = 0.3
    """The largest share that one character in a row has among the visible ones."""
    min_distinct: float | None = 0.1
    """The least share of different words among all."""
    top_2gram: float | None = 0.2
    """The largest share of characters in the most frequent pair of words."""
    dup_ngram: float | None = 0.6
    """The largest share of characters in repeated runs of 5 to 10 words."""

    @property
    def measured(self) -> tuple[str, ...]:
        """Name the columns whose statistics are used."""
        return (self.column,)

    def judge(self, batch: Batch) -> pa.StructArray:
        """Return a verdict for each Chinese text that breaks a rule: the first such rule, its value, the threshold."""
        return first_failed("chinese_quality", self.rules(batch), batch.num_rows)

    def rules(self, batch: Batch) -> tuple[Rule, ...]:
        """Return every rule on all rows, in the order in which they are asked."""
        found = Counts(statistics(batch, self.column, self, self.uses))
        visible = found["chars"] - found["space_chars"]
        plain = visible - found["punct_chars"]
        lines = np.maximum(found["lines"], _FEWEST_LINES)
        breaks = found["punct_chars"] + found["space_chars"] + 1
        distinct = share(found["distinct_words"], np.minimum(found["words"], _LONGEST))
        # A pair is measured with the blank that joins it: three for two characters.
        pair = found["top_2gram_chars"] * 2 / 3
        repeated = np.max([found[f"dup_{size}gram_chars"] for size in range(5, 11)], axis=0)
        chinese = _chinese(found)
        lengths = (
            most("not_chinese", ~chinese, 0).only(np.full(batch.num_rows, self.others == "drop")),
            least("too_short", visible, self.min_chars).only(chinese),
            most("too_long", visible, self.max_chars).only(chinese),
        )
        shares = (
            least("too_little_chinese", share(found["han_chars"], visible), self.min_han),
            most("too_many_digits", share(found["digits_chars"], plain), self.max_digits),
            most("too_many_hashes", share(found["hashes"], visible), self.max_hashes),
            most("too_many_ellipses", share(found["ellipses"], 2 * visible), self.max_ellipses),
            most("too_many_bullet_lines", found.share("bullet_lines", "text_lines"), self.max_bullet_lines),
            most("too_many_brief_lines", share(found["brief_lines"], lines), self.max_brief_lines),
            most("too_many_boilerplate_lines", share(found["boilerplate_lines"], lines), self.max_boilerplate_lines),
            most("unbroken", share(visible, breaks), self.max_unbroken),
            most("one_character", share(found["longest_run"], visible), self.max_run),
            least("too_few_distinct", distinct, self.min_distinct),
            most("top_2gram", share(pair, found["chars"]), self.top_2gram),
            most("dup_ngram", share(repeated, found["chars"]), self.dup_ngram),
        )
        enough = chinese & (visible >= _ENOUGH)
        return (*lengths, *(rule.only(enough) for rule in shares))


def _chinese(found: Counts) -> npt.NDArray[np.bool_]:
    foreign = found["kana_chars"] + found["hangul_chars"]
    chinese: npt.NDArray[np.bool_] = (2 * found["han_chars"] > found["letters"]) & (foreign * 10 < found["cjk_chars"])
    return chinese


EXAMPLES = (ChineseQuality(), ChineseQuality(others="drop", min_chars=50, min_han=None))
