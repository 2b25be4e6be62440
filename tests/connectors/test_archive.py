"""Public data sets at a URL: checked, unpacked without harm, read like files."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import stat
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from tests.connectors._landed import HERE, land, read
from tests.servers.api import Space

from tilth.connectors._archive.unpack import unpack
from tilth.connectors.archive import Archive
from tilth.core.connector import Lander
from tilth.core.errors import DataError, RecipeError, Terminal
from tilth.testing import check_declaration, check_source

IRIS = b"5.1,3.5,Iris-setosa\n4.9,3.0,Iris-setosa\n7.0,3.2,Iris-versicolor\n"
FILES = {"set/iris.data": IRIS, "set/README.txt": b"about", "set/more/b.csv": b"a,b\n1,2\n"}


def zipped(files: dict[str, bytes], **more: Any) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content, **more)
    return raw.getvalue()


def tarred(files: dict[str, bytes], mode: str = "w:gz") -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode=mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return raw.getvalue()


PACKED = {
    "set.zip": zipped(FILES), "set.tar.gz": tarred(FILES), "set.tar.bz2": tarred(FILES, "w:bz2"),
    "set.tar.xz": tarred(FILES, "w:xz"), "set.tar": tarred(FILES, "w"), "noending": tarred(FILES),
}  # fmt: skip
ALONE = {
    "iris.data": IRIS, "iris.data.gz": gzip.compress(IRIS), "iris.data.xz": lzma.compress(IRIS),
    "iris.data.bz2": bz2.compress(IRIS),
}  # fmt: skip
OPTIONS: dict[str, Any] = {"header": False, "names": ("length", "width", "kind"), "allow_private": HERE}


def served(name: str, raw: bytes) -> tuple[Space, str]:
    space = Space(files={name: raw.decode("latin-1")})
    return space, f"{space.base}/files/{name}"


@pytest.mark.parametrize("name", [*PACKED, *ALONE])
def test_every_kind_of_archive_gives_its_rows(tmp_path: Path, name: str):
    raw = {**PACKED, **ALONE}[name]
    space, url = served(name, raw)
    member = "iris.data" if name in PACKED else None
    source = Archive(url=url, sha256=hashlib.sha256(raw).hexdigest().upper(), member=member, **OPTIONS)
    landed = land(source, tmp_path)
    rows = read(landed)[0]
    assert [row["kind"] for row in rows] == ["Iris-setosa", "Iris-setosa", "Iris-versicolor"]
    assert rows[0] == {"length": 5.1, "width": 3.5, "kind": "Iris-setosa"}
    assert landed.name == url
    assert read(land(source, tmp_path))[:2] == read(landed)[:2]
    assert len(space.log()) == 1


def test_a_local_archive_beside_the_recipe(tmp_path: Path):
    (tmp_path / "set.zip").write_bytes(PACKED["set.zip"])
    source = Archive(url="set.zip", member="*.csv").anchored(tmp_path)
    assert source.source == "set.zip"
    landed = land(source, tmp_path / "landing")
    assert read(landed)[0] == [{"a": 1, "b": 2}]
    check_source(landed)
    (tmp_path / "plain.csv").write_bytes(b"a\n1\n")
    with pytest.raises(DataError, match="no archive"):
        land(Archive(url="plain.csv", member="*.csv").anchored(tmp_path), tmp_path / "landing")
    with pytest.raises(DataError, match="no such file"):
        land(Archive(url="none.zip").anchored(tmp_path), tmp_path / "landing")


def test_a_file_with_another_checksum_is_refused(tmp_path: Path):
    space, url = served("iris.data", IRIS)
    with pytest.raises(DataError, match="another checksum"):
        land(Archive(url=url, sha256="0" * 64, **OPTIONS), tmp_path)
    told: list[str] = []
    source = Archive(url=url, **OPTIONS)
    land(source, tmp_path, tell=told.append)
    assert hashlib.sha256(IRIS).hexdigest() in told[-1]
    # The pin stays when the download is lost and the file at the URL is another one.
    next(tmp_path.glob("download-*/iris.data")).unlink()
    space.put(files={"iris.data": "1,2,x\n"})
    with pytest.raises(DataError, match="another checksum"):
        land(source, tmp_path)
    with pytest.raises(DataError, match="another checksum"):
        land(Archive(url=url, sha256="0" * 64, **OPTIONS), tmp_path)


def test_a_download_that_breaks_goes_on(tmp_path: Path):
    rows = b"".join(b"%d,%d,x\n" % (number, number) for number in range(20_000))
    space, url = served("big.csv", rows)
    space.put(cut=[100_000, 50_000])
    landed = land(Archive(url=url, sha256=hashlib.sha256(rows).hexdigest(), **OPTIONS), tmp_path)
    assert len(read(landed)[0]) == 20_000
    assert [each["headers"].get("Range") for each in space.log()] == [None, "bytes=100000-", "bytes=150000-"]


def test_private_addresses_are_refused(tmp_path: Path):
    space, url = served("iris.data", IRIS)
    with pytest.raises(Terminal, match="loopback"):
        land(Archive(url=url), tmp_path)
    away = f"http://127.0.0.2:{space.server.port}/s/{space.name}/files/iris.data"
    with pytest.raises(Terminal, match="loopback"):
        land(Archive(url=f"{space.base}/redirect?to={away}", allow_private=HERE), tmp_path)
    assert len(space.log()) == 1


@pytest.mark.parametrize(
    "name", ["../evil.csv", "/etc/evil.csv", "a/../../evil.csv", "..\\evil.csv", "C:/evil.csv", "a\nb.csv"]
)
@pytest.mark.parametrize("pack", [zipped, tarred])
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str, pack: Any):
    path = tmp_path / "set"
    path.write_bytes(pack({"ok.csv": b"a\n1\n", name: b"a\n1\n"}))
    with pytest.raises(DataError, match="leads out of the archive"):
        land(Archive(url=str(path)), tmp_path / "landing")
    assert not list(tmp_path.rglob("*evil*"))
    assert list((tmp_path / "landing").iterdir()) == []


def test_links_and_devices_are_left_out(tmp_path: Path):
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for name, kind in [("link.csv", tarfile.SYMTYPE), ("hard.csv", tarfile.LNKTYPE), ("dev.csv", tarfile.CHRTYPE)]:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        info = tarfile.TarInfo("link.csv/a.csv")
        info.size = 4
        archive.addfile(info, io.BytesIO(b"a\n1\n"))
    path = tmp_path / "set.tar"
    path.write_bytes(raw.getvalue())
    told: list[str] = []
    landed = land(Archive(url=str(path)), tmp_path / "landing", tell=told.append)
    assert read(landed)[0] == [{"a": 1}]
    assert sum("link or device" in said for said in told) == 3
    assert not any(entry.is_symlink() for entry in tmp_path.rglob("*"))
    linked = zipfile.ZipInfo("link.csv")
    linked.external_attr = (stat.S_IFLNK | 0o777) << 16
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        archive.writestr(linked, "/etc/passwd")
        archive.writestr("ok.csv", b"a\n1\n")
    path.write_bytes(raw.getvalue())
    landed = land(Archive(url=str(path)), tmp_path / "other")
    assert [Path(shard.where["path"]).name for shard in landed.plan(None)[0]] == ["ok.csv"]


def test_bombs_end(tmp_path: Path):
    path, target = tmp_path / "bomb.zip", tmp_path / "out"
    path.write_bytes(zipped({"a.csv": b"0" * (8 << 20)}))
    target.mkdir()
    with pytest.raises(DataError, match="unpacks to more than 1048576 bytes"):
        unpack(path, target, kind="zip", member=None, max_files=10, max_bytes=1 << 20)
    many = tmp_path / "many.zip"
    many.write_bytes(zipped({f"{number}.csv": b"a" for number in range(20)}))
    with pytest.raises(DataError, match="more than 10 files"):
        land(Archive(url=str(many), max_files=10), tmp_path / "landing")
    twins = tmp_path / "twins.zip"
    twins.write_bytes(zipped({"a.csv": b"a\n1\n", "A.csv": b"a\n2\n"}))
    with pytest.raises(DataError, match="two files are called"):
        land(Archive(url=str(twins)), tmp_path / "landing")


@pytest.mark.parametrize("name", [name for name in PACKED if name != "noending"])
def test_an_archive_cut_short_is_refused(tmp_path: Path, name: str):
    for cut in (40, min(2048, len(PACKED[name]) // 2)):
        path = tmp_path / f"{cut}-{name}"
        path.write_bytes(PACKED[name][:cut])
        with pytest.raises(DataError):
            read(land(Archive(url=str(path)), tmp_path / "landing"))


def test_what_it_declares_and_refuses():
    source = Archive(url="https://x.test/a.zip", member="*.csv", names=("a",), types={"a": "int"})
    check_declaration(source, "tilth.connectors")
    assert isinstance(source, Lander)
    for wrong in ({"url": "ftp://x.test"}, {"sha256": "abc"}, {"max_files": 0}, {"format": "exe"}):
        with pytest.raises(RecipeError) as caught:
            Archive(**{"url": "https://x.test/a", **wrong})
        assert str(caught.value.where).startswith("archive.")


def test_a_probe_asks_for_the_head(tmp_path: Path):
    space, url = served("iris.data", IRIS)
    assert [found.ok for found in Archive(url=url, sha256="0" * 64, allow_private=HERE).probe()] == [True]
    assert [found.ok for found in Archive(url=url).probe()] == [False]
    assert [found.ok for found in Archive(url=str(tmp_path / "none")).probe()] == [False]
    assert space.log()[0]["method"] == "HEAD"
