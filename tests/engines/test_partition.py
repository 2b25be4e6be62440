"""Partitions of many keys at once are those of `partition_of`, one key at a time."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.core.engine import partition_of
from tilth.engines._partition import partitions_of

KEYS = st.one_of(st.text(max_size=30), st.sampled_from(["", "\0", "\0" * 8, "a" * 300, "é" * 200, "0" * 32]))


@settings(max_examples=60, deadline=None)
@given(st.lists(KEYS, max_size=20), st.integers(1, 64), st.integers(0, 3))
def test_strings_of_any_length(keys: list[str], partitions: int, skipped: int) -> None:
    found = partitions_of(pa.array(keys, pa.string()).slice(skipped), partitions)
    assert found.tolist() == [partition_of(key, partitions) for key in keys[skipped:]]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 2**64 - 1), max_size=20), st.integers(1, 64))
def test_numbers_are_their_own_hash(keys: list[int], partitions: int) -> None:
    found = partitions_of(pa.array(keys, pa.uint64()), partitions)
    assert found.tolist() == [partition_of(key, partitions) for key in keys] == [key % partitions for key in keys]


@pytest.mark.parametrize("size", [1, 7, 8, 9, 32])
def test_keys_of_one_length(size: int) -> None:
    keys = [f"{n:0{size}x}"[-size:] for n in range(200)]
    for array in (pa.array(keys), pa.array(keys)[13:150]):
        assert partitions_of(array, 16).tolist() == [partition_of(key, 16) for key in array.to_pylist()]
