"""Tell that bytes stream through compression, and that a break keeps what came before it."""

from __future__ import annotations

import bz2
import gzip
import random
from pathlib import Path

import pyarrow as pa
import pytest

from tilth.connectors._files.open import Cut, compression, opened
from tilth.core.errors import DataError

TEXT = "".join(f"line {random.Random(number).random()}\n" for number in range(60_000)).encode()
PACKED = {
    "gzip": gzip.compress(TEXT, mtime=0),
    "bzip2": bz2.compress(TEXT),
    "zstd": pa.compress(TEXT, codec="zstd", asbytes=True),
    None: TEXT,
}


def everything(path: Path) -> tuple[bytes, str]:
    read = b""
    with opened(path, path.name) as stream:
        while True:
            try:
                block = stream.read(100_000)
            except Cut as cut:
                return read, str(cut)
            if not block:
                return read, ""
            read += block


@pytest.mark.parametrize("kind", list(PACKED))
def test_each_compression_is_told_by_content_and_streams(tmp_path: Path, kind: str | None):
    path = tmp_path / "named.anyhow"
    path.write_bytes(PACKED[kind])
    assert compression(path, "x") == kind
    assert everything(path) == (TEXT, "")


@pytest.mark.parametrize("kind", ["gzip", "bzip2", "zstd"])
def test_a_stream_cut_short_gives_what_is_whole_and_says_so(tmp_path: Path, kind: str):
    path = tmp_path / "a"
    path.write_bytes(PACKED[kind][: len(PACKED[kind]) * 2 // 3])
    read, reason = everything(path)
    assert reason == f"the {kind} stream is cut short here; the rest of the file is lost"
    assert len(read) > len(TEXT) // 4
    assert TEXT.startswith(read)


@pytest.mark.parametrize("kind", ["gzip", "bzip2"])
def test_a_flipped_byte_is_said_and_never_passes(tmp_path: Path, kind: str):
    packed = bytearray(PACKED[kind])
    packed[len(packed) // 2] ^= 0x55
    path = tmp_path / "a"
    path.write_bytes(packed)
    _, reason = everything(path)
    assert reason.startswith(f"the {kind} stream is")


@pytest.mark.parametrize("kind", ["gzip", "bzip2", "zstd"])
def test_two_streams_in_one_file_are_one(tmp_path: Path, kind: str):
    path = tmp_path / "a"
    path.write_bytes(PACKED[kind] * 2)
    assert everything(path) == (TEXT * 2, "")


@pytest.mark.parametrize("magic", [b"\xfd7zXZ\x00", b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c"])
def test_archives_have_to_be_unpacked(tmp_path: Path, magic: bytes):
    (tmp_path / "a").write_bytes(magic + b"rest")
    with pytest.raises(DataError, match="Unpack it first"):
        compression(tmp_path / "a", "a")
