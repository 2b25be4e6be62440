"""Read CoNLL-2003 and BANKING77 from the shared data beside the repository, as record batches."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from tilth.core.engine import Rows
from tilth.core.shard import Shard

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def conll(name: str) -> pa.RecordBatch:
    """Read `eng.train`, `eng.testa` or `eng.testb`: sentences, and their IOB1 tags as BIO."""
    sentences: list[list[tuple[str, str]]] = [[]]
    for line in _file("conll2003", name).read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("-DOCSTART-"):
            sentences.append([])
        else:
            word, *_, tag = line.split()
            sentences[-1].append((word, tag))
    rows = [row for row in sentences if row]
    return pa.RecordBatch.from_pydict(
        {
            "_id": [f"{at:08x}" for at in range(len(rows))],
            "tokens": [[word for word, _ in row] for row in rows],
            "tags": [bio([tag for _, tag in row]) for row in rows],
        }
    )


def bio(tags: list[str]) -> list[str]:
    """Write IOB1 tags as BIO. The package's own conversion is not used: it is part of what is measured."""
    made = []
    for before, tag in zip(["O", *tags], tags, strict=False):
        begins = tag.startswith("I-") and before[1:] != tag[1:]
        made.append("B" + tag[1:] if begins else tag)
    return made


def banking(name: str) -> pa.RecordBatch:
    """Read `train.csv` or `test.csv`: questions to a bank, 77 intents."""
    with _file("banking77", name).open(newline="", encoding="utf-8") as opened:
        rows = list(csv.DictReader(opened))
    return pa.RecordBatch.from_pydict(
        {
            "_id": [f"{at:08x}" for at in range(len(rows))],
            "text": [row["text"] for row in rows],
            "label": [row["category"] for row in rows],
        }
    )


@dataclass(frozen=True)
class Held:
    """Reads a batch that lies in memory."""

    batch: pa.RecordBatch

    def __call__(self, shard: Shard) -> Iterator[pa.RecordBatch]:
        """Yield the batch."""
        yield self.batch


def held(batch: pa.RecordBatch) -> Rows:
    """Return the batch as rows a learner reads."""
    return Rows(shards=(Shard(id="0"),), read=Held(batch))


def _file(*parts: str) -> Path:
    path = SHARED.joinpath(*parts)
    if not path.is_file():
        sys.exit(f"no {'/'.join(parts)} in shared/data beside the repository: this bench cannot run")
    return path
