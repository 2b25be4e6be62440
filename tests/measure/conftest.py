"""Real data for the measuring room; a set that is not there skips its tests with a word."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


class Sentences(NamedTuple):
    """Tokens, and the tags as the file has them (IOB1)."""

    tokens: list[list[str]]
    tags: list[list[str]]


class Texts(NamedTuple):
    text: list[str]
    label: list[str]


def _conll(name: str) -> Sentences:
    path = SHARED / "conll2003" / name
    if not path.is_file():
        pytest.skip(f"no CoNLL-2003 in ../shared/data ({name})")
    sentences: list[list[list[str]]] = [[]]
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("-DOCSTART-"):
            sentences.append([])
        else:
            sentences[-1].append(line.split())
    full = [rows for rows in sentences if rows]
    return Sentences([[row[0] for row in rows] for rows in full], [[row[-1] for row in rows] for rows in full])


def _banking(name: str) -> Texts:
    path = SHARED / "banking77" / name
    if not path.is_file():
        pytest.skip(f"no BANKING77 in ../shared/data ({name})")
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    return Texts([row["text"] for row in rows], [row["category"] for row in rows])


@pytest.fixture(scope="session")
def conll_train() -> Sentences:
    return _conll("eng.train")


@pytest.fixture(scope="session")
def conll_test() -> Sentences:
    return _conll("eng.testb")


@pytest.fixture(scope="session")
def banking_train() -> Texts:
    return _banking("train.csv")


@pytest.fixture(scope="session")
def banking_test() -> Texts:
    return _banking("test.csv")
