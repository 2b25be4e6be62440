"""Throw bytes at the readers: never a crash, never a hang, every record a row or a reject."""

from __future__ import annotations

import bz2
import gzip
import json
import random
import signal
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from tilth.connectors._files.look import look
from tilth.connectors.files import Files
from tilth.core.errors import DataError
from tilth.testing import storm

CASES = storm(200, 6000)
SEEDS = {
    "a.csv": 'id,text,label\n1,"a, ""b""\nc",x\n2,plain,y\n3,"é界",z\n' * 8,
    "a.tsv": 'id\ttext\n1\tsay "hi"\n2\t中文文本，很好\n' * 8,
    "a.jsonl": '{"id": 1, "text": "a\\n\\ud83d\\ude00", "l": [1, 2.5], "o": {"x": null}}\n{"id": 2, "text": "é"}\n' * 8,
    "a.json": json.dumps([{"id": number, "o": {"t": "x]}"}, "l": ["é", None]} for number in range(12)], indent=1),
    "a.txt": 'some text\n第二行文字\n\nmore text, with "signs"\n' * 8,
    "a.conll": "-DOCSTART- O\n\nEU B-ORG\nsays O\n\nPeter B-PER\nPan I-PER\n. O\n\n" * 6,
    "a.dat": "a;b\n1;2\n" * 8,
}
PACKS: list[Callable[[bytes], bytes]] = [
    *([lambda raw: raw] * 5),
    gzip.compress,
    bz2.compress,
    lambda raw: bytes(pa.compress(raw, codec="zstd", asbytes=True)),
]
BITS = [
    b'"',
    b"\n",
    b"\r",
    b"\0",
    b",",
    b"\t",
    b"{",
    b"}",
    b"[",
    b"]",
    b"\\",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\x1f\x8b",
    b'""',
    b"-DOCSTART-",
]


def broken(generator: random.Random, raw: bytes) -> bytes:
    """Change some bytes, cut, repeat, insert what readers care about, or make noise only."""
    if generator.random() < 0.1:
        return generator.randbytes(generator.randrange(1, 3000))
    data = bytearray(raw)
    for _ in range(generator.randrange(0, 12)):
        at = generator.randrange(len(data) + 1)
        what = generator.randrange(5)
        if what == 0 and data:
            data[min(at, len(data) - 1)] = generator.randrange(256)
        elif what == 1:
            data[at:at] = generator.choice(BITS)
        elif what == 2:
            del data[at : at + generator.randrange(1, 20)]
        elif what == 3:
            data[at:at] = data[at : at + generator.randrange(1, 60)]
        else:
            data[at:at] = generator.randbytes(generator.randrange(1, 6))
    return bytes(data[: generator.randrange(1, len(data) + 1)] if generator.random() < 0.3 else data)


@pytest.fixture
def watchdog():
    """Fail what hangs."""

    def ring(*_: object) -> None:
        raise TimeoutError("over 20 seconds")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.storm
@pytest.mark.parametrize("seed", range(CASES))
def test_every_record_is_a_row_or_a_reject(tmp_path: Path, read_all, watchdog, seed: int):
    generator = random.Random(seed)
    name = generator.choice(list(SEEDS))
    codec = generator.choice(["utf-8"] * 4 + ["gb18030", "utf-16", "cp1252"])
    raw = broken(generator, SEEDS[name].encode(codec, "replace"))
    packed = generator.choice(PACKS)(raw)
    if generator.random() < 0.2:
        packed = packed[: generator.randrange(1, len(packed) + 1)] or b"x"
    path = tmp_path / name
    path.write_bytes(packed or b"x")
    options = generator.choice(
        [{}, {"max_record_bytes": 64}, {"header": False}, {"whole": True}, {"encoding": "utf-8"}]
    )
    files = Files(path=str(path), **options)
    try:
        found = read_all(files)
    except DataError as error:
        assert error.where
        assert error.what
        return
    ordinals = [int(row_name.rpartition(":")[2]) for row_name in found.names]
    rejected = [reject.ordinal for reject in found.rejects]
    assert len({*ordinals, *rejected}) == len(ordinals) + len(rejected), "a record is both, or twice"
    assert ordinals == sorted(ordinals)
    assert all(reject.reason and reject.path == name for reject in found.rejects)
    if name in ("a.csv", "a.tsv"):
        assert sorted([*ordinals, *rejected]) == list(range(len(ordinals) + len(rejected))), "a record is neither"
    again = read_all(files)
    assert (again.rows, again.names, again.rejects, again.notes) == (
        found.rows,
        found.names,
        found.rejects,
        found.notes,
    )


@pytest.mark.storm
@pytest.mark.parametrize("seed", range(0, CASES, 10))
def test_a_look_never_crashes(tmp_path: Path, watchdog, seed: int):
    generator = random.Random(seed)
    name = generator.choice(list(SEEDS))
    path = tmp_path / name
    path.write_bytes(broken(generator, SEEDS[name].encode()) or b"x")
    try:
        glance = look(str(path))
    except DataError:
        return
    assert glance.rows >= 0


@pytest.mark.storm
def test_intact_files_lose_nothing_whatever_they_are_packed_in(tmp_path: Path, read_all):
    for name, text in SEEDS.items():
        for number, pack in enumerate(PACKS[4:]):
            path = tmp_path / f"{number}-{name}"
            path.write_bytes(pack(text.encode()))
            found = read_all(Files(path=str(path)))
            assert found.rejects == []
            assert len(found.rows) == {"a.csv": 31, "a.tsv": 23, "a.jsonl": 16, "a.json": 12, "a.txt": 24}.get(
                name, len(found.rows)
            )
