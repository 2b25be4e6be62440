"""Vectors of texts are made once: a later run finds them in its cache, whoever else writes there."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tilth.bytes import backbones
from tilth.bytes.cache import open_cache, using
from tilth.refine import _ann_encoder
from tilth.refine._ann_encoder import VECTOR, Embed, kept
from tilth.refine.semantic_duplicates import SemanticDuplicates
from tilth.testing import batch, decide
from tilth.testing._compared import pickled

TEXTS = ["the parcel is late", "refund my invoice", None, " ", "the parcel is late", "é 退款"]
MINILM = SemanticDuplicates(encoder="all-MiniLM-L6-v2", threshold=0.6)


@pytest.fixture(scope="module")
def found() -> backbones.Found:
    return backbones.find("all-MiniLM-L6-v2", where="test")


def embed(found: backbones.Found, **options) -> Embed:
    return Embed(folder=str(found.folder), pooling=found.pooling, column="text", carry=None, operator=MINILM, **options)


@pytest.mark.slow
def test_vectors_come_from_the_cache_and_the_encoder_is_not_even_loaded(
    found: backbones.Found, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = batch(text=TEXTS)
    plain = embed(found).emit(rows)
    space = kept(open_cache("disk", secret=os.urandom(32), folder=tmp_path), found.folder, found.pooling)
    assert space is not None
    first = embed(found, cache=space).emit(rows)
    monkeypatch.setattr(_ann_encoder, "_encoder", lambda *given: pytest.fail("the encoder is asked again"))
    again = pickled(embed(found, cache=space)).emit(rows.slice(1))
    assert again.equals(first.slice(1))
    assert space.statistics.misses == 3
    for one, other in zip(plain.column(VECTOR).to_pylist(), first.column(VECTOR).to_pylist(), strict=True):
        assert (one is None) == (other is None)
        assert one is None or np.allclose(one, other, atol=1e-5)
    nothing = embed(found, cache=space).emit(batch(text=pa.array([None, ""], pa.string())))
    assert nothing.column(VECTOR).null_count == 2
    space.close()


@pytest.mark.slow
def test_another_pooling_and_other_weights_have_vectors_of_their_own(found: backbones.Found, tmp_path: Path) -> None:
    cache = open_cache("disk", secret=os.urandom(32), folder=tmp_path)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "config.json").write_text("{}")
    spaces = [
        kept(cache, found.folder, "mean"),
        kept(cache, found.folder, "first"),
        kept(cache, tmp_path / "own", "mean"),
    ]
    for number, space in enumerate(spaces):
        assert space is not None and space.get("text") is None
        space.put("text", str(number).encode())
    assert [space.get("text") for space in spaces if space is not None] == [b"0", b"1", b"2"]
    assert kept(None, found.folder, "mean") is None
    cache.close()


@pytest.mark.slow
def test_a_run_decides_the_same_with_a_cache_without_and_with_one_that_lies(tmp_path: Path) -> None:
    rows = batch(
        ids=["a", "b", "c", "d"],
        text=["The cat sits on the mat.", "A cat is sitting on a mat.", "Stocks fell sharply today.", None],
    )
    expected = decide(MINILM, rows)
    assert not expected["b"]["keep"]
    with using(open_cache("disk", secret=os.urandom(32), folder=tmp_path)) as cache:
        assert decide(MINILM, rows) == expected
        assert (tmp_path / "cache.db").is_file()
        assert decide(MINILM, rows) == expected
    (tmp_path / "cache.db").write_bytes(os.urandom(4096))
    with using(cache):
        assert decide(MINILM, rows) == expected
