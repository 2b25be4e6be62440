"""Tell that lines come in order and whole, whatever stands at the borders of pages."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tilth.connectors._files import lines as _lines
from tilth.connectors._files.encoding import Encoding
from tilth.connectors._reading import Reading


def pages(tmp_path: Path, raw: bytes, codec: str = "utf-8", cap: int = 1 << 20):
    path = tmp_path / "a"
    path.write_bytes(raw)
    reading = Reading(path=path, file="a", format="text", max_record_bytes=cap)
    return list(_lines.pages(reading, Encoding(codec, 0)))


@pytest.mark.parametrize("block", [1, 2, 3, 7, 64, 4096])
@pytest.mark.parametrize("codec", ["utf-8", "utf-16-le", "gb18030"])
def test_where_pages_end_changes_no_line(tmp_path: Path, monkeypatch, block: int, codec: str):
    monkeypatch.setattr(_lines, "BLOCK", block)
    generator = random.Random(block)
    expected = ["".join(generator.choices("ab é界", k=generator.randrange(9))) for _ in range(60)]
    found = pages(tmp_path, "\n".join(expected).encode(codec) + "\n".encode(codec), codec)
    assert [line for page in found for line in page.lines] == expected
    assert [page.first for page in found] == [sum(len(p.lines) for p in found[:n]) for n in range(len(found))]


@pytest.mark.parametrize("block", [5, 64, 4096])
def test_long_lines_are_skipped_and_counted_as_one(tmp_path: Path, monkeypatch, block: int):
    monkeypatch.setattr(_lines, "BLOCK", block)
    found = pages(tmp_path, b"a\n" + b"x" * 500 + b"\nb\n" + b"y" * 500, cap=100)
    lines = [(page.first + index, line) for page in found for index, line in enumerate(page.lines)]
    bad = {page.first + index: reason for page in found for index, reason in page.bad.items()}
    assert lines == [(0, "a"), (1, ""), (2, "b"), (3, "")]
    assert bad == dict.fromkeys((1, 3), "longer than max_record_bytes (100 bytes)")


def test_a_line_as_long_as_the_limit_is_kept(tmp_path: Path):
    assert pages(tmp_path, b"x" * 100 + b"\n", cap=100)[0].bad == {}
    assert pages(tmp_path, "é".encode() * 50 + b"\n", cap=100)[0].bad == {}
    assert pages(tmp_path, "é".encode() * 51 + b"\n", cap=100)[0].bad != {}


def test_other_separators_of_unicode_end_no_line(tmp_path: Path):
    assert pages(tmp_path, "a\u2028b\x0bc\x85d\n".encode())[0].lines == ["a\u2028b\x0bc\x85d"]


def test_an_empty_file_has_no_line_and_a_line_end_one(tmp_path: Path):
    assert pages(tmp_path, b"") == []
    assert pages(tmp_path, b"\n")[0].lines == [""]
