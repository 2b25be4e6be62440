"""Count how often our rule sets and datatrove's own rule code keep and drop the same texts, and for the same reason.

Three questions, on English, Chinese, source code, what is left of web pages, and texts made of repeated lines:

- `with_our_words`: datatrove's code, fed with our words and sentences. What differs is a rule.
- `unmodified`: datatrove as it is, tokenizer and sentence splitter included. Its filters take one language, English
  unless told otherwise, and its Chinese needs a package (jieba) that it does not install: only texts in Latin letters
  are drawn (at most 1.5 bytes a code point in UTF-8).
- `with_reference`: our operators on the compiled kernel's statistics and on `measure_one`'s. The whole verdict counts:
  rule, value, threshold.

All rules of ours look at all texts (`english_rules` and `scope` "all"), as datatrove's do. Where datatrove divides by
zero there is no decision to compare; that is counted apart.
"""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from _refine_agreement_texts import corpus
from _refine_corpus import SHARED

from tilth.refine.c4 import C4
from tilth.refine.fineweb_quality import FinewebQuality
from tilth.refine.gopher_quality import GopherQuality
from tilth.refine.gopher_repetition import GopherRepetition
from tilth.text import _compile
from tilth.text.reference import measure_one
from tilth.text.statistics import FIELDS
from tilth.text.statistics import measure as measured
from tilth.text.words import words

PEER = Path(__file__).with_name("_refine_agreement_peer.py")
DIVIDED = "divided by zero"
SEED = 1
UNMODIFIED, REFERENCE = 1_000, 2_000
"""How many of the texts the two slower comparisons look at."""

SUMMED = ("alike", "decisions", "same_reason", "dropped_by_both", "divisions_by_zero")
SETS = {
    "gopher_quality": GopherQuality(english_rules="all"),
    "gopher_repetition": GopherRepetition(),
    "fineweb_quality": FinewebQuality(),
}
CLEANER = C4(scope="all")
REASONS = {
    "gopher_quality": {
        "too_few_words": "gopher_short_doc",
        "too_many_words": "gopher_long_doc",
        "short_words": "gopher_below_avg_threshold",
        "long_words": "gopher_above_avg_threshold",
        "too_many_hashes": "gopher_too_many_hashes",
        "too_many_ellipses": "gopher_too_many_ellipsis",
        "too_many_bullet_lines": "gopher_too_many_bullets",
        "too_many_ellipsis_lines": "gopher_too_many_end_ellipsis",
        "too_few_alpha_words": "gopher_below_alpha_threshold",
        "too_few_stop_words": "gopher_enough_stop_words",
    },
    "gopher_repetition": {
        "empty": "empty",
        "dup_paragraphs": "dup_para_frac",
        "dup_paragraph_chars": "dup_para_char_frac",
        "dup_lines": "dup_line_frac",
        "dup_line_chars": "dup_line_char_frac",
        **{f"top_{size}gram": f"top_{size}_gram" for size in (2, 3, 4)},
        **{f"dup_{size}gram": f"duplicated_{size}_n_grams" for size in range(5, 11)},
    },
    "fineweb_quality": {
        "empty": "empty",
        "too_few_finished_lines": "line_punct_ratio",
        "too_many_short_lines": "short_line_ratio",
        "dup_line_chars": "char_dup_ratio",
        "too_many_newlines": "list_ratio",
    },
    "c4": {"lorem_ipsum": "lorem_ipsum", "curly": "curly_bracket", "too_few_sentences": "too_few_sentences"},
}
"""What datatrove calls our rules."""

Reasons = dict[str, list[str | None]]


def measure(python: Path, home: Path, documents: int = 10_000) -> dict[str, Any]:
    """Compare on so many texts; `python` has datatrove, `home` is a folder for what goes to it and back.

    Raises `SystemExit` where the data sets or Numba are missing.
    """
    if not SHARED.is_dir():
        sys.exit(f"bench: agreement was not measured: the data sets of {'/'.join(SHARED.parts[-2:])} are not here")
    if not _compile.available():
        sys.exit("bench: agreement was not measured: numba is missing, so the kernel is not what would be judged")
    rows = corpus(documents)
    kinds, texts = [kind for kind, _ in rows], [text for _, text in rows]
    print(f"  {len(texts)} texts: {dict(Counter(kinds))}", flush=True)
    reasons, cleaned = ours(texts)
    answers = peer(python, home, fed(texts), "--given")
    found = compared(kinds, (reasons, cleaned), answers)
    print(f"  with our words: {found['share']}", flush=True)
    latin = [at for at, text in enumerate(texts) if 2 * len(text.encode()) <= 3 * len(text)]
    some = sorted(random.Random(SEED).sample(latin, min(UNMODIFIED, len(latin))))
    chosen = {name: [said[at] for at in some] for name, said in reasons.items()}
    plain = peer(python, home, ({"text": texts[at]} for at in some))
    unmodified = compared([kinds[at] for at in some], (chosen, [cleaned[at] for at in some]), plain)
    print(f"  unmodified: {unmodified['share']}", flush=True)
    reference = with_reference(texts[:REFERENCE])
    return {
        "with_our_words": found.pop("share"),
        "unmodified": unmodified.pop("share"),
        "with_reference": reference["share"],
        "documents": len(texts),
        "mean_chars": round(sum(map(len, texts)) / len(texts)),
        "kinds": dict(sorted(Counter(kinds).items())),
        **found,
        "each_rule": each_rule(texts, answers),
        "unmodified_on": {"documents": len(some), "texts": "in Latin letters", **unmodified},
        "reference_on": reference,
    }


def ours(texts: Sequence[str]) -> tuple[Reasons, list[str]]:
    """Return why each rule set drops each text, in datatrove's words, and the texts as C4 leaves them."""
    verdicts, cleaned = judged(texts)
    return {
        name: [verdict and REASONS[name][verdict["rule"].partition(".")[2]] for verdict in said]
        for name, said in verdicts.items()
    }, cleaned


def judged(texts: Sequence[str], *, reference: bool = False) -> tuple[dict[str, list[Any]], list[str]]:
    """Return each rule set's verdicts, and the texts as C4 leaves them; on the kernel's statistics or Python's."""
    rows = batch_of(texts, reference=reference)
    cleaned = CLEANER.map(rows).column("text").to_pylist()
    verdicts = {name: operator.judge(rows).to_pylist() for name, operator in SETS.items()}
    verdicts["c4"] = CLEANER.judge(batch_of(cleaned, reference=reference)).to_pylist()
    return verdicts, cleaned


def batch_of(texts: Sequence[str], *, reference: bool = False) -> pa.RecordBatch:
    """Return texts as rows, with the statistics that plain Python gives if asked."""
    columns: dict[str, Any] = {"_id": [f"{at:032x}" for at in range(len(texts))], "text": pa.array(texts, pa.string())}
    if reference:
        columns["_stats.text"] = pa.array(map(measure_one, texts), pa.struct(list(FIELDS.items())))
    return pa.RecordBatch.from_pydict(columns)


def fed(texts: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield what datatrove's code is fed with: our words, and how many sentences each line of a text has.

    It asks for the sentences of a line that is trimmed and has lost its citation marks.
    """
    citation = re.compile(r"\[\d*]|\[edit]|\[citation needed]")
    for text in texts:
        lines = sorted({citation.sub("", line.strip()) for line in text.splitlines()})
        counted = measured(pa.array(lines, pa.string()), select=frozenset({"sentences"})).field("sentences")
        yield {"text": text, "words": words(text), "sentences": dict(zip(lines, counted.to_pylist(), strict=True))}


def peer(python: Path, home: Path, rows: Iterable[dict[str, Any]], *options: str) -> list[dict[str, Any]]:
    """Run datatrove on rows and return its answers."""
    asked, answers = home / "texts.jsonl", home / "verdicts.jsonl"
    with asked.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    subprocess.run([str(python), str(PEER), str(asked), str(answers), *options], check=True)
    with answers.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def compared(
    kinds: Sequence[str], mine: tuple[Reasons, Sequence[str]], answers: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Count decisions that are alike, by rule set and kind of text; reasons and cleaned texts that are the same."""
    reasons, cleaned = mine
    sets = {
        name: _one_set(kinds, said, [answer["reasons"][name] for answer in answers]) for name, said in reasons.items()
    }
    totals = {key: sum(found[key] for found in sets.values()) for key in SUMMED}
    both = [
        text == answer["cleaned"]
        for text, reason, answer in zip(cleaned, reasons["c4"], answers, strict=True)
        if reason is None and answer["reasons"]["c4"] is None
    ]
    return {
        "share": share(totals["alike"], totals["decisions"]),
        **totals,
        "by_kind": {kind: _of_kind(kind, sets.values()) for kind in sorted(set(kinds))},
        "cleaned_equal": sum(both),
        "kept_by_both_c4": len(both),
        "sets": sets,
    }


def _of_kind(kind: str, sets: Iterable[dict[str, Any]]) -> dict[str, Any]:
    found = [one["by_kind"].get(kind, {"alike": 0, "decisions": 0}) for one in sets]
    alike, decisions = (sum(one[key] for one in found) for key in ("alike", "decisions"))
    return {"share": share(alike, decisions), "alike": alike, "decisions": decisions}


def _one_set(kinds: Sequence[str], mine: Sequence[str | None], theirs: Sequence[str | None]) -> dict[str, Any]:
    """Count one rule set's decisions; `differ` says what ours and then datatrove's said where they differ."""
    pairs = [(kind, a, b) for kind, a, b in zip(kinds, mine, theirs, strict=True) if b != DIVIDED]
    asked = Counter(kind for kind, _, _ in pairs)
    alike = Counter(kind for kind, a, b in pairs if (a is None) == (b is None))
    return {
        "alike": alike.total(),
        "decisions": len(pairs),
        "same_reason": sum(a is not None and a == b for _, a, b in pairs),
        "dropped_by_both": sum(a is not None and b is not None for _, a, b in pairs),
        "dropped_by_us_only": sum(b is None and a is not None for _, a, b in pairs),
        "dropped_by_datatrove_only": sum(a is None and b is not None for _, a, b in pairs),
        "divisions_by_zero": len(mine) - len(pairs),
        "differ": dict(Counter(f"{a or 'kept'}, {b or 'kept'}" for _, a, b in pairs if a != b).most_common()),
        "by_kind": {kind: {"alike": alike[kind], "decisions": asked[kind]} for kind in sorted(asked)},
    }


def each_rule(texts: Sequence[str], answers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Compare each rule by itself; what a rule set's first failure hides is seen here."""
    rows = batch_of(texts)
    mine = {
        f"{name}.{rule.name}": rule.fails.tolist() for name, operator in SETS.items() for rule in operator.rules(rows)
    }
    symbols = (mine.pop(f"gopher_quality.too_many_{mark}") for mark in ("hashes", "ellipses"))
    mine["gopher_quality.too_many_symbols"] = [a or b for a, b in zip(*symbols, strict=True)]
    rules: dict[str, dict[str, int]] = {}
    divided = 0
    for name in answers[0]["alone"]:
        theirs = [answer["alone"][name] for answer in answers]
        divided += theirs.count(DIVIDED)
        pairs = [(a, b) for a, b in zip(mine[name], theirs, strict=True) if isinstance(b, bool)]
        rules[name] = {"alike": sum(a == b for a, b in pairs), "of": len(pairs), "fail": sum(b for _, b in pairs)}
    alike, asked = (sum(found[key] for found in rules.values()) for key in ("alike", "of"))
    return {"share": share(alike, asked), "alike": alike, "of": asked, "divisions_by_zero": divided, "rules": rules}


def with_reference(texts: Sequence[str]) -> dict[str, Any]:
    """Compare verdicts on the kernel's statistics with verdicts on those of plain Python."""
    kernel, _ = judged(texts)
    plain, _ = judged(texts, reference=True)
    alike = {name: sum(a == b for a, b in zip(said, plain[name], strict=True)) for name, said in kernel.items()}
    asked = len(texts) * len(kernel)
    return {"share": share(sum(alike.values()), asked), "documents": len(texts), "verdicts": asked, "alike": alike}


def share(part: int, whole: int) -> float:
    """Divide; only all of it is 1."""
    return 1.0 if part == whole else min(round(part / whole, 6), 0.999999)
