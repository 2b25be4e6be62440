"""Normalise white space, and take out what cannot be seen."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from tilth.core.batch import Batch
from tilth.refine._columns import map_text

_PICTOGRAPH = "\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff\ufe0f\u20e3"
_JOINING = "\u0600-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u18af\ua840-\ua87f\ua8e0-\ua8ff\U00010d00-\U00011fff"
"""Scripts in which U+200C and U+200D change the spelling: Arabic to Sinhala, Tibetan, Myanmar, Khmer, Mongolian …"""
_INVISIBLE = re.compile(
    # Kept by the first two groups: joiners inside emoji and inside joining scripts, and the flags that tags spell.
    rf"(?P<joiner>(?<=[{_PICTOGRAPH}])\u200d(?=[{_PICTOGRAPH}])|(?<=[{_JOINING}])[\u200c\u200d])"
    r"|(?P<flag>\U0001f3f4[\U000e0020-\U000e007e]{1,8}\U000e007f)"
    r"|[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
_LINE_END = re.compile(r"\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_SPACES = re.compile(r"[\t\x1f \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")
_BLANK_LINES = re.compile(r"\n{3,}")
_AROUND_LINE_END = re.compile(r" ?\n ?")
_TIDY = re.compile(r"(?:[!-~]+(?: [!-~]+)*)?")
"""Printable ASCII with single spaces inside: nothing to do."""


@dataclass(frozen=True, kw_only=True)
class NormaliseSpace:
    """Bring a text column to one Unicode form, one space between words, one kind of line end, no invisible characters.

    >>> from tilth.testing import batch
    >>> rows = batch(text=["  a\\u00a0 \\u200bb\\r\\n\\r\\n\\r\\nc ", "👩\\u200d🚀"])
    >>> NormaliseSpace().map(rows).column("text").to_pylist()
    ['a b\\n\\nc', '👩\\u200d🚀']

    Joiners stay where they spell something: in emoji, and in scripts such as Persian or Hindi. Zero-width spaces, soft
    hyphens, direction marks, control characters and hidden tag characters go.
    """

    column: str = "text"
    """The text column."""
    form: Literal["NFC", "NFKC", "none"] = "NFC"
    """The Unicode normal form; NFKC also folds width and ligatures, which changes Chinese punctuation."""
    lines: Literal["keep", "join"] = "keep"
    """Keep line ends (at most one blank line in a row), or join all lines into one."""

    def map(self, batch: Batch) -> Batch:
        """Return the batch with the column normalised."""
        return map_text(batch, self.column, self, self._normalise)

    def _normalise(self, text: str) -> str:
        if _TIDY.fullmatch(text):
            return text
        text = _INVISIBLE.sub(_kept, text)
        if self.form != "none":
            text = unicodedata.normalize(self.form, text)
        text = _SPACES.sub(" ", _LINE_END.sub("\n", text))
        if self.lines == "join":
            return " ".join(text.split())
        return _BLANK_LINES.sub("\n\n", _AROUND_LINE_END.sub("\n", text)).strip(" \n")


def _kept(found: re.Match[str]) -> str:
    return found["joiner"] or found["flag"] or ""
