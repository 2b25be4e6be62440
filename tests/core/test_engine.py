"""The partition of a key is the same on every engine, machine and version."""

from __future__ import annotations

from collections import Counter

import pytest

from tilth.core.engine import Exchange, Step, describe, partition_of


@pytest.mark.parametrize(
    ("key", "partitions", "place"),
    [("", 16, 4), ("a", 16, 0), ("a", 7, 4), ("héllo 你好 👩‍🚀", 16, 13), ("\udce9", 16, 14), ("0" * 32, 1, 0)],
)
def test_partitions_never_change(key: str, partitions: int, place: int) -> None:
    assert partition_of(key, partitions) == place


def test_keys_spread_evenly() -> None:
    counts = Counter(partition_of(f"key {n}", 16) for n in range(16_000))
    assert len(counts) == 16
    assert 850 < min(counts.values()) <= max(counts.values()) < 1150


def test_steps_and_exchanges_have_names() -> None:
    assert describe(Step(name="fit", work=str)) == "fit"
    assert describe(Exchange(name="by id", emit=lambda batch: batch, gather=lambda rows: rows)) == "by id"
