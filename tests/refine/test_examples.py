"""The sample of examples is bounded, chosen by id, and the same however the rows are cut."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from tilth.core.fold import STATE_LIMIT
from tilth.refine import _examples

IDS = [f"{row:032x}" for row in range(200)]
GOOD = np.arange(200) % 2 == 0


def sampled(rows: slice) -> pa.Table:
    texts = pa.array([f"text number {row} says {row % 7}" for row in range(200)][rows])
    return _examples.state(IDS[rows], GOOD[rows], _examples.features(texts, ngram=2, bits=16), seed=1)


def test_features_are_distinct_words_and_pairs() -> None:
    # "red" alone is read as a pair too, the same one: four features of the first text are two words and two pairs.
    found = _examples.features(pa.array(["Red fish red FISH", "", None, "red"]), ngram=2, bits=20)
    assert np.diff(found.offsets).tolist() == [4, 0, 0, 1]
    assert found.rows().tolist() == [0, 0, 0, 0, 3] and found.values.max() < 1 << 20


def test_the_sample_keeps_the_smallest_keys_and_each_kind_has_its_own_room(monkeypatch: pytest.MonkeyPatch) -> None:
    everything = sampled(slice(0, 200))
    monkeypatch.setattr(_examples, "BYTES", 1000)
    whole = sampled(slice(0, 200))
    assert 0 < whole.num_rows < everything.num_rows
    for kind in (True, False):
        keys = [row["key"] for row in everything.to_pylist() if row["good"] is kind]
        kept = [row["key"] for row in whole.to_pylist() if row["good"] is kind]
        assert kept and kept == sorted(keys)[: len(kept)]


def test_cutting_early_or_late_comes_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_examples, "BYTES", 1000)
    parts = [sampled(slice(at, at + 40)) for at in range(0, 200, 40)]
    joined = parts[4]
    for part in (parts[2], parts[0], parts[3], parts[1]):
        joined = _examples.bounded(pa.concat_tables([joined, part]))
    assert joined.equals(sampled(slice(0, 200)))


def test_the_fullest_state_is_below_the_limit() -> None:
    assert 2 * _examples.BYTES + 2 * (4 * 2048 + 16) < STATE_LIMIT


def test_what_is_written_is_read() -> None:
    found = _examples.features(pa.array(["a b", "c"]), ngram=1, bits=16)
    good, again = _examples.read(_examples.state(IDS[:2], np.array([True, False]), found, seed=1))
    rows = {
        bool(kind): again.values[start:end].tolist()
        for kind, start, end in zip(good, again.offsets, again.offsets[1:], strict=False)
    }
    assert rows == {True: found.values[:2].tolist(), False: found.values[2:].tolist()}
