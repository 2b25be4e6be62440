"""Run datatrove's own rules over texts (in its own environment): lines of JSON in, a line of JSON out for each.

    python _refine_agreement_peer.py TEXTS.jsonl VERDICTS.jsonl [--given]

Out: `reasons` by rule set (null: kept), `cleaned` (the text as C4 leaves it). Unmodified, it asks its own tokenizer for
words and sentences. With `--given` a line in holds `words` and `sentences` (how many, for each line of the text), the
rules judge by those, and a line out also holds `alone`: which rules fail by themselves, all others off.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
    c4_filters,
    fineweb_quality_filter,
    gopher_quality_filter,
    gopher_repetition_filter,
)

DIVIDED = "divided by zero"
SETS = {
    "gopher_quality": GopherQualityFilter,
    "gopher_repetition": GopherRepetitionFilter,
    "fineweb_quality": FineWebQualityFilter,
    "c4": C4QualityFilter,
}
QUALITY = {
    "too_few_words": ("min_doc_words", 50),
    "too_many_words": ("max_doc_words", 100_000),
    "short_words": ("min_avg_word_length", 3),
    "long_words": ("max_avg_word_length", 10),
    "too_many_symbols": ("max_symbol_word_ratio", 0.1),
    "too_many_bullet_lines": ("max_bullet_lines_ratio", 0.9),
    "too_many_ellipsis_lines": ("max_ellipsis_lines_ratio", 0.3),
    "too_few_alpha_words": ("max_non_alpha_words_ratio", 0.8),
    "too_few_stop_words": ("min_stop_words", 2),
}
REPETITION = {
    "dup_paragraphs": ("dup_para_frac", 0.3),
    "dup_paragraph_chars": ("dup_para_char_frac", 0.2),
    "dup_lines": ("dup_line_frac", 0.3),
    "dup_line_chars": ("dup_line_char_frac", 0.2),
}
TOP = {2: 0.2, 3: 0.18, 4: 0.16}
AGAIN = {5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.1}
FINEWEB = {
    "too_few_finished_lines": ("line_punct_thr", 0.12),
    "too_many_short_lines": ("short_line_thr", 0.67),
    "dup_line_chars": ("char_duplicates_ratio", 0.01),
    "too_many_newlines": ("new_line_ratio", 0.3),
}
NEVER = {"line_punct_thr": 0.0, "short_line_thr": 2.0, "char_duplicates_ratio": 2.0, "new_line_ratio": 1e9}
"""FineWeb's rules know no "off"; these thresholds no text can break."""


class Given:
    """The words and sentences that take the place of datatrove's own, text by text."""

    def __init__(self) -> None:
        self.row: dict[str, Any] = {}
        for module in (gopher_quality_filter, gopher_repetition_filter, fineweb_quality_filter):
            module.split_into_words = self.words
        c4_filters.split_into_sentences = self.sentences

    def words(self, text: str, language: str | None = None) -> list[str]:
        """Return the words of the text at hand."""
        if text != self.row["text"]:
            raise ValueError("datatrove asked for the words of another text than the one it judges")
        return self.row["words"]

    def sentences(self, line: str, language: str | None = None) -> list[str]:
        """Return as many sentences as a line has; only their number is looked at."""
        return [""] * self.row["sentences"][line]


def alone() -> dict[str, Any]:
    """Return one filter a rule, all other rules off; named as ours are."""
    off = {option: None for option, _ in QUALITY.values()}
    none = {option: None for option, _ in REPETITION.values()} | {"top_n_grams": (), "dup_n_grams": ()}
    repetition = {
        **{rule: {option: threshold} for rule, (option, threshold) in REPETITION.items()},
        **{f"top_{size}gram": {"top_n_grams": ((size, most),)} for size, most in TOP.items()},
        **{f"dup_{size}gram": {"dup_n_grams": ((size, most),)} for size, most in AGAIN.items()},
    }
    return {
        **{f"gopher_quality.{rule}": GopherQualityFilter(**off | {one: at}) for rule, (one, at) in QUALITY.items()},
        **{f"gopher_repetition.{rule}": GopherRepetitionFilter(**none | one) for rule, one in repetition.items()},
        **{f"fineweb_quality.{rule}": FineWebQualityFilter(**NEVER | {one: at}) for rule, (one, at) in FINEWEB.items()},
    }


def judged(one: Any, text: str) -> tuple[str | None, str]:
    """Return why a filter drops a text (null: it does not), and the text as it leaves it."""
    document = Document(text=text, id="0")
    try:
        said = one.filter(document)
    except ZeroDivisionError:
        return DIVIDED, text
    return None if said is True else said[1], document.text


def fails(one: Any, text: str) -> bool | str | None:
    """Tell whether a text breaks a filter's one rule; null where it says "empty", a rule that no option turns off."""
    reason, _ = judged(one, text)
    return {"empty": None, DIVIDED: DIVIDED}.get(reason, reason is not None)


def main() -> None:
    """Judge every line."""
    warnings.simplefilter("ignore")  # The mean of no words.
    texts, verdicts = map(Path, sys.argv[1:3])
    given = Given() if "--given" in sys.argv else None
    filters = {name: make() for name, make in SETS.items()}
    single = alone() if given else {}
    with texts.open(encoding="utf-8") as lines, verdicts.open("w", encoding="utf-8") as out:
        for line in lines:
            row = json.loads(line)
            if given:
                given.row = row
            found = {name: judged(one, row["text"]) for name, one in filters.items()}
            said = {
                "reasons": {name: reason for name, (reason, _) in found.items()},
                "cleaned": found["c4"][1],
                "alone": {name: fails(one, row["text"]) for name, one in single.items()},
            }
            out.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main()
