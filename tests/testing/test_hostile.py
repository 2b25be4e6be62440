"""Hostile bytes and texts: the same for a seed, and of every kind that has broken a reader before."""

from __future__ import annotations

import random

from tilth.testing import hostile_text, mutated, storm

RAW = '{"id": 1, "text": "ein Märchen, 界"}\n'.encode() * 4


def test_bytes_are_changed_by_the_seed_alone() -> None:
    made = [mutated(RAW, random.Random(seed)) for seed in range(300)]
    assert made == [mutated(RAW, random.Random(seed)) for seed in range(300)]
    assert len(set(made)) > 150
    assert RAW in made, "an intact one is among them"


def test_bytes_hold_what_has_broken_readers_before() -> None:
    made = b"\n".join(mutated(RAW, random.Random(seed)) for seed in range(3000))
    for odd in (b"\0", rb"\ud800", b"\xc0\xaf", b"\xed\xa0\x80", b"\xff\xfe", b"[[[[", b"1e999999", "\u202e".encode()):
        assert odd in made, odd
    assert any(len(mutated(RAW, random.Random(seed))) < len(RAW) // 2 for seed in range(100)), "cuts"


def test_nothing_can_be_changed_too() -> None:
    assert all(isinstance(mutated(b"", random.Random(seed)), bytes) for seed in range(200))


def test_texts_are_texts_of_every_kind_that_is_odd() -> None:
    made = [hostile_text(random.Random(seed), longest=500) for seed in range(2000)]
    assert made == [hostile_text(random.Random(seed), longest=500) for seed in range(2000)]
    whole = "".join(made)
    whole.encode()
    for odd in ("\0", "\u200b", "\u202e", "\u0301", "👍🏽", "٣٤", "&#xD800;", "\u2028", "<div><div>", "(((("):
        assert odd in whole, odd
    assert "" in made
    assert max(map(len, made)) <= 520


def test_a_storm_strikes_as_often_as_it_is_told(monkeypatch) -> None:
    monkeypatch.delenv("TILTH_STORM", raising=False)
    assert storm(3, 20) == 3
    monkeypatch.setenv("TILTH_STORM", "full")
    assert storm(3, 20) == 20
    monkeypatch.setenv("TILTH_STORM", "7")
    assert storm(3, 20) == 7
