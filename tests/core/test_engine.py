"""The partition of a key is the same on every engine, machine and version."""

from __future__ import annotations

from collections import Counter

import pytest

from tilth.core.engine import Exchange, Step, describe, partition_of


@pytest.mark.parametrize(
    ("key", "partitions", "place"),
    [
        ("", 16, 0),
        ("a", 16, 5),
        ("a", 7, 0),
        ("héllo 你好 👩‍🚀", 16, 1),
        ("\udce9", 16, 2),
        ("0" * 32, 1, 0),
        (35, 16, 3),
        (2**64 - 1, 16, 15),
    ],
)
def test_partitions_never_change(key: str | int, partitions: int, place: int) -> None:
    assert partition_of(key, partitions) == place


@pytest.mark.parametrize("name", ["key {}", "{:032x}", "a{:04}", "{}" + "0" * 20])
def test_keys_spread_evenly(name: str) -> None:
    counts = Counter(partition_of(name.format(n), 16) for n in range(16_000))
    assert len(counts) == 16
    assert 850 < min(counts.values()) <= max(counts.values()) < 1150


def test_steps_and_exchanges_have_names() -> None:
    assert describe(Step(name="fit", work=str)) == "fit"
    assert describe(Exchange(name="by id", emit=lambda batch: batch, gather=lambda rows: rows)) == "by id"
