"""Tell that an array's elements are the same wherever the file is cut into blocks."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tilth.connectors._files import array as _array
from tilth.connectors._files.encoding import Encoding
from tilth.connectors._reading import Reading


def elements(tmp_path: Path, raw: bytes, codec: str = "utf-8", **options):
    path = tmp_path / "a.json"
    path.write_bytes(raw)
    reading = Reading(path=path, file="a.json", format="json", **options)
    return [element.record for element in _array.elements(reading, Encoding(codec, 0))]


@pytest.mark.parametrize("block", [1, 2, 3, 5, 17, 1000])
@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("codec", ["utf-8", "utf-16-le"])
def test_where_blocks_end_changes_nothing(tmp_path: Path, monkeypatch, block: int, indent: int | None, codec: str):
    monkeypatch.setattr(_array, "BLOCK", block)
    signs = ['"', "\\", "{", "}", "[", "]", ",", "\n", "é", "界", "😀", "a", "\\\\", '\\"']
    generator = random.Random(block)
    records = [
        {
            "".join(generator.choices(signs, k=3)): "".join(generator.choices(signs, k=9)),
            "l": [[], {}, [1, {"x": None}]],
        }
        for _ in range(15)
    ]
    raw = json.dumps({"skip": records, "in": {"it": records}}, indent=indent, ensure_ascii=block % 2 == 0).encode(codec)
    assert elements(tmp_path, raw, codec, records="in.it") == records


@pytest.mark.parametrize("block", [1, 3, 64])
def test_broken_and_long_elements_are_the_same_in_all_blocks(tmp_path: Path, monkeypatch, block: int):
    monkeypatch.setattr(_array, "BLOCK", block)
    long = json.dumps({"x": 'y"\\{[' * 100}).encode()
    raw = b'[{"a": 1}, ' + long + b', {"a" 2}, {"a": "\xff"}, [1, {"b": 2}], }, {"a": 3}'
    found = elements(tmp_path, raw, max_record_bytes=100)
    assert [record if isinstance(record, dict) else record.split(" at ")[0] for record in found] == [
        {"a": 1},
        "longer than max_record_bytes (100 bytes)",
        "not valid JSON",
        "not utf-8",
        "not an object",
        "not valid JSON",
        {"a": 3},
        "the file ends before its array does",
    ]
