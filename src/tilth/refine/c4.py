"""Remove lines that are no sentences, and drop texts with few left: C4's rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import Batch
from tilth.refine._columns import cells, strings
from tilth.refine._measured import Counts, Rule, first_failed, least, most, put_text, statistics
from tilth.text import _compile
from tilth.text._marks import POLICY

_CITATION = re.compile(r"\[\d*]|\[edit]|\[citation needed]")
_LOREM = "lorem ipsum"


@dataclass(frozen=True, kw_only=True)
class C4:
    """Remove lines without an end mark, with too few words, about JavaScript or cookies; drop texts with few sentences.

    >>> from tilth.testing import batch
    >>> text = "Home | Shop\\nThis is a line that stays.\\nPlease enable JavaScript to see it.\\nSo does this one [3]."
    >>> cleaned = C4(min_sentences=3).map(batch(text=[text]))
    >>> cleaned.column("text").to_pylist()
    ['This is a line that stays.\\nSo does this one .']
    >>> C4(min_sentences=3).judge(cleaned)[0].as_py()["rule"]
    'c4.too_few_sentences'

    Raffel et al. 2020 (arXiv 1910.10683, 2.2) and its cleaning code (`c4_utils.py` of TensorFlow Datasets), in the
    variant of datatrove 0.10.1 (`C4QualityFilter`): lines are cut by `str.splitlines`, trimmed, and looked at in this
    order: too long a word, end mark, number of words (between blanks), "lorem ipsum" (drops the text), JavaScript,
    curly bracket (drops the text), cookies and terms of use. The list of bad words is not here. Sentences are counted
    by our own `sentences` (NLTK's Punkt in the original), so that no model is needed.

    The rules are for English: with `scope` "latin" texts in other scripts (more than 1.5 bytes a code point in UTF-8)
    pass untouched.
    """

    decides: ClassVar[tuple[str, ...]] = ("min_sentences",)
    uses: ClassVar[frozenset[str]] = frozenset({"sentences"})

    column: str = "text"
    """The text column."""
    end_marks: tuple[str, ...] = (".", "?", "!", '"', "'")
    """What a line must end in to stay (an ellipsis does not count); empty for no such rule."""
    min_words: int | None = 3
    """The least number of words (between blanks) of a line that stays."""
    max_word: int | None = 1000
    """The longest word, in characters, of a line that stays."""
    citations: bool = True
    """Remove citation marks such as [3], [edit] and [citation needed]."""
    javascript: bool = True
    """Remove lines with the word JavaScript."""
    policy: bool = True
    """Remove lines about cookies, privacy policies and terms of use."""
    lorem_ipsum: bool = True
    """Drop texts with "lorem ipsum" in a line that would stay."""
    curly: bool = True
    """Drop texts with a curly bracket in a line that would stay."""
    min_sentences: int | None = 5
    """The least number of sentences, after lines are removed, of a text that stays."""
    scope: Literal["latin", "all"] = "latin"
    """Which texts to look at: those in Latin letters, or all."""

    @property
    def measured(self) -> tuple[str, ...]:
        """Name the columns whose statistics are used."""
        return (self.column,)

    def map(self, batch: Batch) -> Batch:
        """Return the batch with lines removed."""
        texts = strings(batch, self.column, self)
        cleaned = self._all_cleaned(texts)
        return put_text(batch, self.column, cells(batch, self.column, self) if cleaned is texts else cleaned)

    def judge(self, batch: Batch) -> pa.StructArray:
        """Return a verdict for each text, cleaned by `map`, that must go: the first such rule, and what was found."""
        return first_failed("c4", self.rules(batch), batch.num_rows)

    def rules(self, batch: Batch) -> tuple[Rule, ...]:
        """Return every rule on all rows, in the order in which they are asked."""
        texts = strings(batch, self.column, self)
        found = Counts(statistics(batch, self.column, self, self.uses))
        lorem = _holds(texts, _LOREM) if self.lorem_ipsum else np.zeros(len(texts), np.bool_)
        curly = _holds(texts, "{") if self.curly else np.zeros(len(texts), np.bool_)
        rules = (
            most("lorem_ipsum", lorem, 0),
            most("curly", curly, 0),
            least("too_few_sentences", found["sentences"], self.min_sentences),
        )
        judged = self._judged(texts)
        return tuple(rule.only(judged) for rule in rules)

    def _judged(self, texts: pa.Array) -> npt.NDArray[np.bool_]:
        if self.scope == "all":
            return np.ones(len(texts), np.bool_)
        size, length = pc.binary_length(texts), pc.utf8_length(texts)
        few = pc.less_equal(pc.multiply(pc.fill_null(size, 0), 2), pc.multiply(pc.fill_null(length, 0), 3))
        return np.asarray(few.to_numpy(zero_copy_only=False), np.bool_)

    def _all_cleaned(self, texts: pa.Array) -> pa.Array:
        """Return the texts as `_cleaned` makes them; the array itself where compiled code changed nothing."""
        judged = self._judged(texts)
        if not _compile.available():
            pairs = zip(texts.to_pylist(), judged.tolist(), strict=True)
            cleaned = [self._cleaned(text) if text and looked_at else text for text, looked_at in pairs]
            return pa.array(cleaned, texts.type)
        from tilth.text import _c4_lines, _c4_rules

        rules = _c4_rules.rules(
            end_marks=self.end_marks,
            min_words=self.min_words,
            max_word=self.max_word,
            citations=self.citations,
            javascript=self.javascript,
            policy=self.policy,
            lorem_ipsum=self.lorem_ipsum,
            curly=self.curly,
        )
        return _c4_lines.clean(texts, judged, rules, self._cleaned)

    def _cleaned(self, text: str) -> str:
        return "\n".join(self._kept(text)).strip()

    def _kept(self, text: str) -> Iterator[str]:
        """Walk the lines that stay. What no line of the text holds is not looked for in each."""
        lowered = text.lower()
        lorem = self.lorem_ipsum and _LOREM in lowered
        javascript = self.javascript and "javascript" in lowered
        policy = self.policy and any(phrase in lowered for phrase in POLICY)
        citations = self.citations and "[" in text
        lines = [line.strip() for line in text.splitlines()]
        if self.end_marks:
            # Most lines that go have no end mark; one behind a bracket may come to the end when a citation goes.
            may_end = (*self.end_marks, "]")
            lines = [line for line in lines if line.endswith(may_end)]
        for line in lines:
            if self.max_word is not None and len(line) > self.max_word and _longest(line) > self.max_word:
                continue
            bare = _CITATION.sub("", line) if citations else line
            if self.end_marks and (not bare.endswith(self.end_marks) or bare.endswith("...")):
                continue
            if self.min_words is not None and len(line.split(None, self.min_words)) < self.min_words:
                continue
            if javascript or policy or lorem:
                low = bare.lower()
                if not (lorem and _LOREM in low):
                    if javascript and "javascript" in low:
                        continue
                    if policy and not (self.curly and "{" in bare) and any(phrase in low for phrase in POLICY):
                        continue
            yield bare


def _longest(line: str) -> int:
    return max(map(len, line.split()), default=0)


def _holds(texts: pa.Array, phrase: str) -> npt.NDArray[np.bool_]:
    found = pc.fill_null(pc.match_substring(texts, phrase, ignore_case=True), False)
    return np.asarray(found.to_numpy(zero_copy_only=False), np.bool_)


EXAMPLES = (C4(), C4(min_sentences=1, scope="all", citations=False), C4(end_marks=(), min_words=None, max_word=None))
