"""Define the text statistics in plain Python: slow, clear, and what the compiled kernel is compared with.

`tilth.text.statistics.measure` gives the same numbers for whole columns: whole numbers, which rules divide. Lines
are cut in three ways, because three rule sets do: FineWeb cuts at "\\n" and leaves blank lines out, Gopher's quality
rules use `str.splitlines` and count them, Gopher's repetition rules cut at runs of "\\n". The definitions follow
datatrove 0.10.1 (Penedo et al. 2024), so that its rules, fed with our words, decide alike.
"""

from __future__ import annotations

import itertools
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Sequence

from tilth.text import _marks, words

DEFINITIONS = {
    "chars": "code points",
    "bytes": "bytes in UTF-8",
    "words": "words of tilth.text.words: runs of letters and digits, each character of a script without spaces",
    "distinct_words": "different words; case counts",
    "word_chars": "code points in words",
    "max_word_chars": "code points in the longest word",
    "words_alpha": "words with a letter",
    "symbol_words": "words of marks that datatrove takes for punctuation only (the full-width digit 1)",
    "symbol_word_chars": "code points in those",
    "letters": "letters of any script",
    "digits_chars": "decimal digits of any script",
    "upper_chars": "capital letters",
    "space_chars": "white space, line breaks included",
    "punct_chars": "punctuation of any script (Unicode category P)",
    "control_chars": "control characters that are not white space",
    "han_chars": "Chinese characters",
    "kana_chars": "Japanese syllables",
    "hangul_chars": "Korean letters and syllables",
    "cjk_chars": "the three together",
    "simplified_chars": "Chinese characters written in simplified Chinese only (in GB 2312, not in Big5)",
    "traditional_chars": "Chinese characters written in traditional Chinese only (in Big5, not in GB 2312)",
    "cn_punct_chars": "full-width and Chinese punctuation",
    "ascii_punct_chars": "ASCII punctuation",
    "longest_run": "the most times that one character, white space aside, stands in a row",
    "hashes": "# signs",
    "ellipses": 'ellipses: "..." or "…"',
    "curly": "opening curly brackets",
    "parentheses": "parentheses, opening and closing, ASCII and full-width",
    "urls": "web addresses",
    "newlines": 'line breaks "\\n"',
    "text_lines": "lines as str.splitlines cuts, blank ones included",
    "bullet_lines": "of those, lines that begin with a bullet or a hyphen",
    "ellipsis_lines": "of those, lines that end with an ellipsis",
    "javascript_lines": 'of those, lines that hold "javascript"',
    "policy_lines": "of those, lines about cookies, privacy or terms of use (C4's phrases)",
    "lorem_ipsum": '1 when the text holds "lorem ipsum"',
    "lines": 'lines cut at "\\n", blank ones left out',
    "line_chars": "code points in those",
    "short_lines": "of those, lines of 30 code points or fewer",
    "brief_lines": "of those, lines of 10 code points or fewer, white space around them aside",
    "terminal_lines": "of those, lines whose last code point may end a sentence",
    "boilerplate_lines": "of those, lines with a phrase of Chinese page furniture (copyright, share, next page …)",
    "line_pieces": 'lines cut at runs of "\\n"; an empty first or last one counts',
    "dup_lines": "of those, lines that stood before in the text",
    "dup_line_chars": "code points in those repeated lines",
    "dup_blank_line_chars": "of those, code points in lines of white space only",
    "paragraphs": "paragraphs: the text, trimmed, cut at blank lines",
    "dup_paragraphs": "of those, paragraphs that stood before in the text",
    "dup_paragraph_chars": "code points in those repeated paragraphs",
    "stop_words": "how many different ones of Gopher's eight stop words there are; case counts",
    "stop_words_total": "how often they stand in the text",
    "sentences": "sentences: ended by a mark, or unfinished at the end of a line",
    **{
        f"top_{size}gram_chars": f"code points of the most frequent run of {size} words, times its count"
        for size in (2, 3, 4)
    },
    **{
        f"dup_{size}gram_chars": f"code points in runs of {size} words that stood before, each counted once"
        for size in range(5, 11)
    },
}
"""What each statistic counts."""
NAMES = tuple(DEFINITIONS)

_SENTENCE_MARKS = re.compile(f"[{re.escape(_marks.SENTENCE)}]+")
_ADDRESS = re.compile(r"https?://(?:www\.)?|www\.", re.IGNORECASE | re.ASCII)
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_SCRIPTS = {script: [range(first, last + 1) for first, last in blocks] for script, blocks in _marks.SCRIPTS.items()}


def measure_one(text: str) -> dict[str, int]:
    """Measure one text.

    >>> found = measure_one("To be, or not to be...\\n\\n- 我的订单。")
    >>> found["words"], found["stop_words"], found["ellipses"], found["bullet_lines"], found["han_chars"]
    (10, 2, 1, 1, 4)
    """
    found = words.words(text)
    measured = {
        "chars": len(text),
        "bytes": len(text.encode("utf-8", "surrogatepass")),
        **_words(found),
        **_characters(text),
        **_marked(text),
        **_split_lines(text.splitlines()),
        **_lines([line for line in text.split("\n") if line.strip()]),
        **_repeated_lines(text),
        "sentences": sum(_sentences(line) for line in text.split("\n")),
        **{f"top_{size}gram_chars": _top(found, size) for size in (2, 3, 4)},
        **{f"dup_{size}gram_chars": _repeated_words(found, size) for size in range(5, 11)},
    }
    return {name: measured[name] for name in NAMES}


def _words(found: Sequence[str]) -> dict[str, int]:
    symbols = [word for word in found if all(mark in _marks.SYMBOLS for mark in word)]
    stops = Counter(word for word in found if word in _marks.STOP_WORDS)
    return {
        "words": len(found),
        "distinct_words": len(set(found)),
        "word_chars": sum(len(word) for word in found),
        "max_word_chars": max((len(word) for word in found), default=0),
        "words_alpha": sum(any(mark.isalpha() for mark in word) for word in found),
        "symbol_words": len(symbols),
        "symbol_word_chars": sum(len(word) for word in symbols),
        "stop_words": len(stops),
        "stop_words_total": stops.total(),
    }


def _characters(text: str) -> dict[str, int]:
    scripts = {f"{script}_chars": sum(_written_in(mark, script) for mark in text) for script in _SCRIPTS}
    han = [mark for mark in text if _written_in(mark, "han")]
    return {
        "letters": sum(mark.isalpha() for mark in text),
        "digits_chars": sum(mark.isdecimal() for mark in text),
        "upper_chars": sum(mark.isupper() for mark in text),
        "space_chars": sum(mark.isspace() for mark in text),
        "punct_chars": sum(unicodedata.category(mark).startswith("P") for mark in text),
        "control_chars": sum(unicodedata.category(mark) == "Cc" and not mark.isspace() for mark in text),
        **scripts,
        "cjk_chars": sum(scripts.values()),
        "simplified_chars": sum(_encodes(mark, "gb2312") and not _encodes(mark, "big5") for mark in han),
        "traditional_chars": sum(_encodes(mark, "big5") and not _encodes(mark, "gb2312") for mark in han),
        "cn_punct_chars": sum(mark in _marks.CHINESE_MARKS for mark in text),
        "ascii_punct_chars": sum(mark in _marks.ASCII_MARKS for mark in text),
        "longest_run": max((len(list(run)) for mark, run in itertools.groupby(text) if not mark.isspace()), default=0),
    }


def _written_in(mark: str, script: str) -> bool:
    return mark.isalpha() and any(ord(mark) in block for block in _SCRIPTS[script])


def _encodes(mark: str, charset: str) -> bool:
    return bool(mark.encode(charset, "ignore"))


def _marked(text: str) -> dict[str, int]:
    return {
        "hashes": text.count("#"),
        "ellipses": text.count("...") + text.count("…"),
        "curly": text.count("{"),
        "parentheses": sum(mark in _marks.PARENTHESES for mark in text),
        "urls": len(_ADDRESS.findall(text)),
        "newlines": text.count("\n"),
        "lorem_ipsum": int("lorem ipsum" in text.translate(_LOWER)),
    }


def _split_lines(lines: Sequence[str]) -> dict[str, int]:
    lowered = [line.translate(_LOWER) for line in lines]
    return {
        "text_lines": len(lines),
        "bullet_lines": sum(line.lstrip().startswith(("•", "-")) for line in lines),
        "ellipsis_lines": sum(line.rstrip().endswith(("...", "…")) for line in lines),
        "javascript_lines": sum("javascript" in line for line in lowered),
        "policy_lines": sum(any(phrase in line for phrase in _marks.POLICY) for line in lowered),
    }


def _lines(lines: Sequence[str]) -> dict[str, int]:
    return {
        "lines": len(lines),
        "line_chars": sum(len(line) for line in lines),
        "short_lines": sum(len(line) <= 30 for line in lines),
        "brief_lines": sum(len(line.strip()) <= 10 for line in lines),
        "terminal_lines": sum(line[-1] in _marks.TERMINAL for line in lines),
        "boilerplate_lines": sum(any(phrase in line for phrase in _marks.BOILERPLATE) for line in lines),
    }


def _repeated_lines(text: str) -> dict[str, int]:
    pieces, paragraphs = re.split(r"\n+", text), re.split(r"\n{2,}", text.strip())
    lines_again, paragraphs_again = _again(pieces), _again(paragraphs)
    return {
        "line_pieces": len(pieces),
        "dup_lines": len(lines_again),
        "dup_line_chars": sum(len(line) for line in lines_again),
        "dup_blank_line_chars": sum(len(line) for line in lines_again if not line.strip()),
        "paragraphs": len(paragraphs),
        "dup_paragraphs": len(paragraphs_again),
        "dup_paragraph_chars": sum(len(paragraph) for paragraph in paragraphs_again),
    }


def _again(pieces: Sequence[str]) -> list[str]:
    """Return the pieces that stood before, once for each further time."""
    return [piece for piece, count in Counter(pieces).items() for _ in range(count - 1)]


def _sentences(line: str) -> int:
    """Count what ends in a sentence's mark, and a rest that holds a letter or digit but no such end."""
    ended, rest = 0, 0
    for marks in _SENTENCE_MARKS.finditer(line):
        after = line[marks.end() : marks.end() + 1]
        full = any(mark in _marks.FULL_SENTENCE for mark in marks.group())
        if full or not after or after.isspace() or after in _marks.CLOSERS:
            ended, rest = ended + 1, marks.end()
    return ended + any(mark.isalnum() for mark in line[rest:])


def _top(found: Sequence[str], size: int) -> int:
    """Measure the most frequent run of words, spaces between them counted; among equals the first."""
    runs = Counter(" ".join(found[at : at + size]) for at in range(len(found) - size + 1))
    return max(((count, len(run) * count) for run, count in runs.items()), key=lambda pair: pair[0], default=(0, 0))[1]


def _repeated_words(found: Sequence[str], size: int) -> int:
    """Measure runs of words that stood before, stepping over each; the seams between words do not count."""
    seen: set[str] = set()
    at = repeated = 0
    while at <= len(found) - size:
        run = "".join(found[at : at + size])
        if run in seen:
            repeated += len(run)
            at += size
        else:
            seen.add(run)
            at += 1
    return repeated
