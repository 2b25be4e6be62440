"""Gather the documents that the refine benchmark reads: real text that lies on any machine that ran `make bench`.

Docstrings of the pinned packages (prose with code in it), reviews, encyclopaedia articles, web pages' text, Chinese
reviews and news, source code; and copies of a fifth of them with one word in a hundred changed. What was chosen is
kept as a list of hashes (`refine_documents.txt`): another machine must find the same documents or say which it lacks.
"""

from __future__ import annotations

import ast
import gzip
import importlib.util
import json
import random
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import xxhash

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
LIST = Path(__file__).parent / "refine_documents.txt"
PACKAGES = (
    "scipy",
    "sklearn",
    "torch",
    "transformers",
    "matplotlib",
    "numpy",
    "networkx",
    "sympy",
    "pyarrow",
    "joblib",
)
COUNT, COPIES, SEED = 10_000, 1_971, 7
"""Documents in all, how many of them are near copies (as in the measurement of the peers' report), and the seed."""
SHARES = {"docstrings": 0.5, "reviews": 0.25, "pages": 0.04, "articles": 0.06, "code": 0.1, "chinese": 0.05}


def documents() -> list[str]:
    """Return the documents in a fixed order: those of the list, where there is one; else choose, and write the list."""
    chosen = _listed() if LIST.is_file() else _choose()
    rng = random.Random(SEED)
    originals = [text for text in chosen if len(text.split()) > 100]
    copies = [_edited(text, rng) for text in rng.sample(originals, COPIES)]
    texts = [*chosen, *copies]
    rng.shuffle(texts)
    return texts


def many(count: int, size: int = 2000, seed: int = SEED) -> Iterator[str]:
    """Yield so many documents of about `size` bytes, a tenth of them near copies: sentences of the corpus, shuffled.

    No two share more than a sentence by chance, so their number of distinct n-grams grows with the number of documents.
    """
    rng = random.Random(seed)
    sentences = [
        part.strip()
        for text in (_listed() if LIST.is_file() else _choose())
        for part in re.split(r"(?<=[.!?。])\s+", text)
        if 30 < len(part) < 400
    ]
    recent: list[str] = []
    for at in range(count):
        if recent and at % 10 == 9:
            yield _edited(rng.choice(recent), rng)
            continue
        parts: list[str] = []
        length = 0
        while length < size:
            parts.append(rng.choice(sentences))
            length += len(parts[-1].encode()) + 1
        text = " ".join(parts)
        recent = [*recent[-99:], text]
        yield text


def _listed() -> list[str]:
    wanted = LIST.read_text().split()
    found = {_name(text): text for kind in SHARES for text in _KINDS[kind]()}
    missing = [name for name in wanted if name not in found]
    if missing:
        sys.exit(
            f"bench: {len(missing)} of the {len(wanted)} documents of {LIST.name} are not on this machine "
            "(other package versions?); remove the list to choose anew"
        )
    return [found[name] for name in wanted]


def _choose() -> list[str]:
    rng = random.Random(SEED)
    chosen: dict[str, str] = {}
    total = COUNT - COPIES
    for kind, share in SHARES.items():
        texts = {_name(text): text for text in _KINDS[kind]()}
        names = sorted(texts)
        rng.shuffle(names)
        chosen |= {name: texts[name] for name in names[: round(total * share)] if name not in chosen}
    rest = {_name(text): text for text in _KINDS["docstrings"]() if _name(text) not in chosen}
    for name in sorted(rest)[: total - len(chosen)]:
        chosen[name] = rest[name]
    names = sorted(chosen)
    LIST.write_text("\n".join(names) + "\n")
    return [chosen[name] for name in names]


def _name(text: str) -> str:
    return xxhash.xxh3_64_hexdigest(text.encode())[:12]


def _edited(text: str, rng: random.Random) -> str:
    """Change one word in a hundred."""
    parts = re.split(r"(\s+)", text)
    places = [at for at, part in enumerate(parts) if part.strip()]
    for at in rng.sample(places, max(1, len(places) // 100)):
        parts[at] = rng.choice(parts[:: max(1, len(parts) // 50)]).strip() or "other"
    return "".join(parts)


def _docstrings() -> Iterator[str]:
    for path in _sources():
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                said = ast.get_docstring(node)
                if said and 1_500 <= len(said.encode()) <= 60_000:
                    yield said


def _code() -> Iterator[str]:
    for path in _sources():
        if 3_000 <= path.stat().st_size <= 20_000:
            try:
                yield path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


def _sources() -> Iterator[Path]:
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin:
            yield from sorted(Path(spec.origin).parent.rglob("*.py"))


def _reviews() -> Iterator[str]:
    for part in ("train", "test"):
        with gzip.open(SHARED / "imdb_sample" / f"{part}.jsonl.gz", "rt", encoding="utf-8") as lines:
            for line in lines:
                text = json.loads(line)["text"]
                if len(text) > 1_200:
                    yield text


def _articles() -> Iterator[str]:
    whole = (SHARED / "lm_text" / "wikitext2_valid.txt").read_text(encoding="utf-8")
    for section in re.split(r"\n(?= = )", whole):
        if len(section) > 1_500:
            yield section.strip()
    for path in sorted((SHARED / "squad_sample").glob("*.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for article in json.load(file)["data"]:
                yield from _joined((part["context"] for part in article["paragraphs"]), 4_000)
    plays = (SHARED / "lm_text" / "tinyshakespeare.txt").read_text(encoding="utf-8")
    yield from _joined(plays.split("\n\n"), 5_000)


def _joined(parts: Iterable[str], size: int) -> Iterator[str]:
    held: list[str] = []
    for part in parts:
        held.append(part)
        if sum(map(len, held)) > size:
            yield "\n\n".join(held)
            held = []


def _pages() -> Iterator[str]:
    """The visible text of web pages, menus and all: what a naive extraction leaves."""
    for path in sorted((SHARED / "html_trafilatura_eval" / "html").iterdir()):
        raw = path.read_bytes() if path.suffix != ".gz" else gzip.decompress(path.read_bytes())
        text = raw.decode("utf-8", "replace")
        text = re.sub(r"(?is)<(script|style|noscript).*?</\1>|<!--.*?-->", "", text)
        text = re.sub(r"(?i)</?(p|div|li|tr|h\d|br|table|ul|ol|section|article)[^>]*>", "\n", text)
        text = re.sub(r"<[^>]+>", "", text)
        text = re.sub(r"[ \t\r]+", " ", text)
        text = re.sub(r"\n\s*\n+", "\n\n", text).strip()
        if len(text) > 1_500:
            yield text[:60_000]


def _chinese() -> Iterator[str]:
    """Chinese reviews and headlines, forty to a document."""
    for folder in ("zh_chnsenticorp_hotel", "zh_online_shopping", "zh_cmrc2018"):
        for path in sorted((SHARED / folder).glob("*.gz")):
            with gzip.open(path, "rt", encoding="utf-8") as lines:
                yield from _joined((run for line in lines for run in re.findall(r"[^\x00-\x7f]{12,}", line)), 1_500)


_KINDS = {
    "docstrings": _docstrings,
    "reviews": _reviews,
    "pages": _pages,
    "articles": _articles,
    "code": _code,
    "chinese": _chinese,
}
