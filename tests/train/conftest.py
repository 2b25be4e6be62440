"""Toy rows that a tiny encoder learns in seconds, and views over them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import pyarrow as pa
import pytest

from tilth.core.engine import Rows
from tilth.core.learner import Views
from tilth.core.shard import Shard

COLOURS = ("red", "green", "blue", "grey")
ANIMALS = ("cat", "dog", "horse", "fox")


class Held:
    """Reads rows that lie in memory, a batch a shard."""

    def __init__(self, batches: list[pa.RecordBatch]) -> None:
        self.batches = batches

    def __call__(self, shard: Shard) -> Iterator[pa.RecordBatch]:
        yield self.batches[int(shard.id)]


def held(*batches: pa.RecordBatch) -> Rows:
    return Rows(shards=tuple(Shard(id=str(at)) for at in range(len(batches))), read=Held(list(batches)))


def texts(count: int = 48, start: int = 0) -> pa.RecordBatch:
    """Rows whose label is what they speak of: a colour or an animal."""
    rows = []
    for at in range(start, start + count):
        word = COLOURS[at // 2 % 4] if at % 2 else ANIMALS[at // 2 % 4]
        rows.append((f"{at:08x}", f"this is the {word} " + "indeed " * (at % 5), "colour" if at % 2 else "animal"))
    ids, text, label = zip(*rows, strict=True)
    return pa.RecordBatch.from_pydict({"_id": list(ids), "text": list(text), "label": list(label)})


def tagged(count: int = 48, start: int = 0) -> pa.RecordBatch:
    """Rows of words in which colours and animals are tagged, some of two words."""
    words, tags = [], []
    for at in range(start, start + count):
        colour, animal = COLOURS[at % 4], ANIMALS[at // 4 % 4]
        row = [("the", "O"), (colour, "B-COLOUR"), (animal, "B-ANIMAL"), *([("runs", "O")] * (at % 4))]
        if at % 3 == 0:
            row += [("sea", "B-ANIMAL"), ("lion", "I-ANIMAL"), (".", "O")]
        words.append([word for word, _ in row])
        tags.append([tag for _, tag in row])
    return pa.RecordBatch.from_pydict(
        {"_id": [f"{at:08x}" for at in range(start, start + count)], "tokens": words, "tags": tags}
    )


TINY = {"layers": 2, "hidden": 32, "heads": 2, "vocabulary": 200, "positions": 64}


class Toy(NamedTuple):
    """What the tests of this room play with."""

    held: Callable[..., Rows] = held
    texts: Callable[..., pa.RecordBatch] = texts
    tagged: Callable[..., pa.RecordBatch] = tagged
    tiny: Mapping[str, int] = TINY

    def text_views(self) -> Views:
        return Views(train=held(texts(48)), valid=held(texts(16, 48)))

    def tag_views(self) -> Views:
        return Views(train=held(tagged(48)), valid=held(tagged(16, 48)))


@pytest.fixture(scope="session")
def toy() -> Toy:
    return Toy()
