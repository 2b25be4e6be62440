"""Tell what a cursor notices."""

from __future__ import annotations

import os
from pathlib import Path

from tilth.connectors._files.cursor import PIECE, changed, fingerprint_of, state_of
from tilth.connectors._files.listing import listed
from tilth.core.shard import Cursor


def state(path: Path) -> list:
    return state_of(listed(str(path)).files[0])


def test_a_small_file_is_known_by_its_content_alone(tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"x" * 3 * PIECE)
    before = state(path)
    os.utime(path, (5, 5))
    assert not changed(state(path), before)
    path.write_bytes(b"x" * (2 * PIECE + 5) + b"y" + b"x" * (PIECE - 6))
    assert changed(state(path), before)


def test_of_a_large_file_the_time_counts_too(tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"x" * 4 * PIECE)
    before = state(path)
    assert not changed(state(path), before)
    os.utime(path, (5, 5))
    assert changed(state(path), before)


def test_a_new_file_has_changed(tmp_path: Path):
    (tmp_path / "a.csv").write_text("x")
    assert changed(state(tmp_path / "a.csv"), None)


def test_a_fingerprint_depends_on_names_and_contents_only():
    one = Cursor(position={"files": {"a": [1, 2, "h"], "b": [1, 2, "i"]}, "how": "x"})
    same = Cursor(position={"files": {"b": [1, 9, "i"], "a": [1, 9, "h"]}, "how": "y"})
    other = Cursor(position={"files": {"a": [1, 2, "h"], "c": [1, 2, "i"]}})
    assert fingerprint_of(one) == fingerprint_of(same)
    assert len({fingerprint_of(one), fingerprint_of(other), fingerprint_of(Cursor())}) == 3
