"""Answers that were given before: the same to the byte, for the same bundle, code and row, and for no other."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests import servers

from tilth.bytes.cache import Cache, open_cache
from tilth.serve import _kept, bundle
from tilth.serve.predictor import Predictor

Make = Callable[..., Any]
ROWS = ["refund my invoice", "late  parcel", "ok", "bad\0text", "divide by zero", "é 退款", "", "late parcel", "ok"]


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    found = open_cache("disk", secret=os.urandom(32), folder=tmp_path / "cache")
    yield found
    found.close()


def test_cached_answers_are_the_same_to_the_byte(make: Make, cache: Cache) -> None:
    read = bundle.read(make())
    plain, first = Predictor(read), Predictor(read, cache=cache)
    expected = json.dumps(plain.predict(ROWS))
    assert json.dumps(first.predict(ROWS)) == expected
    again = Predictor(read, cache=cache)
    assert json.dumps(again.predict(ROWS)) == expected
    assert json.dumps(again.predict(ROWS[::-1])) == json.dumps(plain.predict(ROWS[::-1]))
    assert again.cached is not None and again.cached.hits > len(ROWS) and plain.cached is None


def test_a_known_row_is_not_worked_on_again(make: Make, cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    read = bundle.read(make(refine=()))
    seen: list[int] = []
    kind = type(read.model)
    whole = kind.map
    monkeypatch.setattr(kind, "map", lambda self, batch: (seen.append(batch.num_rows), whole(self, batch))[1])
    predictor = Predictor(read, cache=cache)
    predictor.predict(["parcel", "refund"])
    predictor.predict(["refund", "invoice", "parcel"])
    assert seen == [2, 1]


def test_a_row_that_failed_is_tried_again(make: Make, cache: Cache) -> None:
    predictor = Predictor(bundle.read(make()), cache=cache)
    for _ in range(2):
        assert [answer["status"] for answer in predictor.predict(["divide by zero", "bad\0text"])] == ["failed"] * 2
    assert predictor.cached is not None and predictor.cached.hits == 0


def test_another_bundle_and_other_code_give_their_own_answers(
    make: Make, keyword_count: Make, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    sharp, soft = bundle.read(make("1")), bundle.read(make("2", model=keyword_count().decided(temperature=4.0)))
    one = Predictor(sharp, cache=cache).predict(["refund"])
    other = Predictor(soft, cache=cache)
    assert other.predict(["refund"]) == Predictor(soft).predict(["refund"]) != one
    assert other.cached is not None and other.cached.hits == 0
    monkeypatch.setattr(_kept, "own_code", lambda: "another")
    changed = Predictor(sharp, cache=cache)
    changed.predict(["refund"])
    assert changed.cached is not None and changed.cached.hits == 0


def test_columns_that_the_model_does_not_read_change_nothing_and_ids_do(make: Make, cache: Cache) -> None:
    predictor = Predictor(bundle.read(make()), cache=cache)
    rows = pa.RecordBatch.from_pydict({"_id": ["a", "b"], "text": ["refund", "parcel"], "other": [1, 2]})
    plain = Predictor(predictor.bundle).predict_batch(rows)
    assert predictor.predict_batch(rows).equals(plain)
    assert predictor.predict_batch(rows.drop_columns(["other"])).equals(plain.drop_columns(["other"]))
    assert predictor.cached is not None and (predictor.cached.hits, predictor.cached.misses) == (2, 2)
    predictor.predict_batch(pa.RecordBatch.from_pydict({"_id": ["c", "d"], "text": ["refund", "parcel"]}))
    assert predictor.cached.hits == 2


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.sampled_from(ROWS), max_size=40), max_size=4))
def test_whatever_was_asked_before_the_answers_are_those_without_a_cache(
    make: Make, cache: Cache, tmp_path_factory: pytest.TempPathFactory, asked: list[list[str]]
) -> None:
    path = next(iter((cache.place.folder.parent / "models").glob("*/*")), None) if cache.place.folder else None
    read = bundle.read(path or make())
    plain, cached = Predictor(read), Predictor(read, cache=cache)
    for rows in asked:
        assert json.dumps(cached.predict(rows)) == json.dumps(plain.predict(rows))


def test_a_cache_that_is_away_or_lies_changes_no_answer(make: Make, tmp_path: Path) -> None:
    read = bundle.read(make())
    expected = Predictor(read).predict(ROWS)
    away = open_cache(f"redis://127.0.0.1:{servers.free_port()}", secret=os.urandom(32))
    assert Predictor(read, cache=away).predict(ROWS) == expected
    away.close()
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "cache.db").write_bytes(os.urandom(10_000))
    broken = open_cache("disk", secret=os.urandom(32), folder=tmp_path / "cache")
    for _ in range(2):
        assert Predictor(read, cache=broken).predict(ROWS) == expected
    broken.close()
    assert Predictor(read, cache=open_cache("none", secret=os.urandom(32))).cached is None


def test_an_answer_that_json_cannot_carry_is_not_kept() -> None:
    assert _kept._as_json({"status": "ok", "prediction": "a", "scores": {"a": 0.1, "b": 1e-300}}) is not None
    assert _kept._as_json({"prediction": ("a",)}) is None
    assert _kept._as_json({"prediction": float("nan")}) is None
    assert _kept._as_json({"prediction": {1: "a"}}) is None
    assert _kept._as_json({"prediction": b"a"}) is None


def test_the_service_gives_the_same_bytes_and_counts_what_was_known(make: Make, cache: Cache) -> None:
    from starlette.testclient import TestClient

    from tilth.serve import http

    read = bundle.read(make())
    bodies = []
    for predictor in (Predictor(read), Predictor(read, cache=cache), Predictor(read, cache=cache)):
        with TestClient(http.app(predictor)) as client:
            bodies.append(client.post("/predict", json={"rows": ["refund", "late parcel", "x"]}).content)
            counts = client.get("/metrics").text
    assert bodies[0] == bodies[1] == bodies[2]
    assert 'tilth_cache{result="hits"} 3.0' in counts and 'tilth_cache{result="misses"} 0.0' in counts
