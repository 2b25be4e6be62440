"""Fix text that was decoded wrongly."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from tilth.core.batch import Batch
from tilth.refine._columns import map_text

_SUSPECT = re.compile(r"[^\t\n\r\x20-\x25\x27-\x7e]|&")
"""Nothing in a text without these can be wrong: plain ASCII, no ampersand, no control character."""


@dataclass(frozen=True, kw_only=True)
class FixText:
    """Repair mojibake, HTML entities and terminal debris in a text column; leave right text as it is.

    >>> from tilth.testing import batch
    >>> FixText().map(batch(text=["schÃ¶n &amp; gut", "ä¸­æ–‡", "中文，“好”👍🏽"])).column("text").to_pylist()
    ['schön & gut', '中文', '中文，“好”👍🏽']

    Uses ftfy 6 (Speer 2019, doi:10.5281/zenodo.2591652). What ftfy would tidy by default but is not wrong (full-width
    punctuation, curly quotes) is left alone unless an option asks for it.
    """

    packages: ClassVar[tuple[str, ...]] = ("ftfy",)

    column: str = "text"
    """The text column."""
    mojibake: bool = True
    """Undo text that was decoded with the wrong encoding (UTF-8 read as Latin-1, Windows-1252 …)."""
    entities: Literal["auto", "always", "never"] = "auto"
    """Turn HTML entities (&amp;) into characters: always, never, or where the text holds no tag (auto)."""
    ligatures: bool = True
    """Spell out Latin ligatures, as PDF extraction leaves them (ﬁ becomes fi)."""
    width: bool = False
    """Turn full-width Latin and half-width Katakana into their usual forms. Changes correct Chinese punctuation."""
    quotes: bool = False
    """Turn curly quotes into straight ones."""

    def map(self, batch: Batch) -> Batch:
        """Return the batch with the column repaired."""
        settings = _settings(self)
        import ftfy

        def fix(text: str) -> str:
            return str(ftfy.fix_text(text, settings)) if _SUSPECT.search(text) else text

        return map_text(batch, self.column, self, fix)


@functools.lru_cache(maxsize=8)
def _settings(options: FixText) -> Any:
    import ftfy

    return ftfy.TextFixerConfig(
        unescape_html="auto" if options.entities == "auto" else options.entities == "always",
        fix_encoding=options.mojibake,
        restore_byte_a0=options.mojibake,
        replace_lossy_sequences=options.mojibake,
        decode_inconsistent_utf8=options.mojibake,
        fix_c1_controls=options.mojibake,
        fix_latin_ligatures=options.ligatures,
        fix_character_width=options.width,
        uncurl_quotes=options.quotes,
        fix_line_breaks=False,
        normalization=None,
        explain=False,
    )
