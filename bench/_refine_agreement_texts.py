"""Gather the texts on which our rules and datatrove's are compared: many kinds, short and long, clean and not.

English, Chinese, source code, what is left of web pages, and texts made of lines of all of these, repeated and joined.
"""

from __future__ import annotations

import csv
import gzip
import html
import itertools
import json
import random
import re
import sysconfig
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from _refine_corpus import SHARED


def corpus(count: int, seed: int = 1) -> list[tuple[str, str]]:
    """Return kinds and texts: a fifth of each kind, or what there is of it, and mutated texts."""
    rng = random.Random(seed)
    rows: list[tuple[str, str]] = []
    for kind, texts in {"english": _english(), "chinese": _chinese(), "code": _code(), "html": _pages_left()}.items():
        found = sorted({text for text in texts if text})
        rows += [(kind, text) for text in rng.sample(found, min(len(found), count // 5))]
    lines = [line for _, text in rows for line in text.split("\n")]
    rows += [("mutated", _mutated(lines, rng)) for _ in range(count - len(rows))]
    rng.shuffle(rows)
    return rows


def _mutated(lines: Sequence[str], rng: random.Random) -> str:
    """Join lines drawn from all texts, some of them twice or more, with any of the marks that may end a line."""
    some = rng.choices(lines, k=rng.choice((1, 3, 8, 20, 60)))
    some += rng.choices(some, k=rng.choice((0, 0, 1, 2, 5, 30)))
    rng.shuffle(some)
    joint = rng.choice(("\n", "\n\n", " ", "\r\n", "\n \n", "\u2028", "\x0b"))
    return joint.join(some) + rng.choice(("", "\n", " ", "\n\n"))


def _english() -> Iterator[str]:
    """Reviews, e-mail, news (one, and twelve in a text), encyclopaedia sections and paragraphs, a play."""
    for path in ("imdb_sample/test.jsonl.gz", "enron_spam/enron1.jsonl.gz"):
        lines = gzip.decompress((SHARED / path).read_bytes()).decode().splitlines()
        yield from (json.loads(line)["text"].replace("<br />", "\n") for line in lines[:3000])
    with (SHARED / "ag_news" / "test.csv").open(encoding="utf-8", newline="") as file:
        news = ["\n".join(row[1:]) for row in csv.reader(file)]
    yield from news[:1000]
    yield from _joined(news, 12)
    yield from re.split(r"\n(?= = )", (SHARED / "lm_text" / "wikitext2_valid.txt").read_text("utf-8"))
    squad = json.loads(gzip.decompress((SHARED / "squad_sample" / "squad_20_articles.json.gz").read_bytes()))
    for article in squad["data"]:
        contexts = [paragraph["context"] for paragraph in article["paragraphs"]]
        yield from contexts
        yield from _joined(contexts, 8)
    yield from _joined((SHARED / "lm_text" / "tinyshakespeare.txt").read_text("utf-8").split("\n\n"), 15)


def _joined(texts: Sequence[str], size: int) -> Iterator[str]:
    return ("\n\n".join(texts[at : at + size]) for at in range(0, len(texts), size))


def _chinese() -> Iterator[str]:
    """Headlines, hotel reviews, encyclopaedia paragraphs, pages."""
    headlines = (SHARED / "zh_thucnews_dev" / "dev.txt").read_text("utf-8").splitlines()
    yield from (line.partition("\t")[0] for line in headlines[:1500])
    with gzip.open(SHARED / "zh_chnsenticorp_hotel" / "ChnSentiCorp_htl_all.csv.gz", "rt", encoding="utf-8") as file:
        yield from (row["review"] for row in itertools.islice(csv.DictReader(file), 3000))
    raw = gzip.decompress((SHARED / "zh_cmrc2018" / "cmrc2018_dev.json.gz").read_bytes()).decode()
    yield from (json.loads(found) for found in re.findall(r'"context(?:_text)?":\s*("(?:[^"\\]|\\.)*")', raw))
    yield from _packed_pages(SHARED / "html_zh_news" / "pages.tar.gz")


def _code() -> Iterator[str]:
    """Python's own library: files, and parts between two blank lines."""
    paths = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))
    for path in paths:
        text = path.read_text(encoding="utf-8", errors="replace")
        yield text
        yield from text.split("\n\n\n")


def _pages_left() -> Iterator[str]:
    """What stays of web pages without their marks: as it is, closed up, and the first and last 3,000 characters."""
    pages = [
        *_packed_pages(SHARED / "html_readability_pages" / "test-pages.tar.gz"),
        *_packed_pages(SHARED / "html_zh_news" / "pages.tar.gz"),
        *(
            _visible(gzip.decompress(path.read_bytes()))
            for path in sorted((SHARED / "html_trafilatura_eval" / "html").glob("*.gz"))
        ),
    ]
    for page in pages:
        yield from (page, re.sub(r"\s*\n\s*", "\n", page).strip(), page[:3000], page[-3000:])


def _packed_pages(archive: Path) -> Iterator[str]:
    with tarfile.open(archive) as pack:
        for member in pack:
            file = pack.extractfile(member) if member.isfile() and member.size < 400_000 else None
            if file is not None:
                yield _visible(file.read())


def _visible(raw: bytes) -> str:
    text = re.sub(r"(?is)<(script|style)\b.*?</\1>", "", raw.decode("utf-8", "replace"))
    return html.unescape(re.sub(r"<[^>]*>", "\n", text))
