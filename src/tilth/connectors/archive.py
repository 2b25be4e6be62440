"""Read a published data set: a file or an archive at a URL, checked, kept and unpacked without harm."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

from tilth.bytes.guard import Guard
from tilth.bytes.urls import check_url
from tilth.bytes.web import Limits, Web
from tilth.connectors._archive.unpack import kind_of, unpack
from tilth.connectors._reads import Reads
from tilth.core import secret
from tilth.core.connector import Finding, Lander, Landing, Source
from tilth.core.errors import DataError, RecipeError, TilthError
from tilth.core.retry import persistent
from tilth.core.secret import shown_url

_DOCUMENTS = (".xlsx", ".xlsm", ".xlsb", ".ods", ".docx")
"""Zip archives that are read as what they are."""


@dataclass(frozen=True, kw_only=True)
class Archive(Reads):
    """Download a data set once, check it, unpack it, and read the files in it.

    A download that breaks off goes on where it was. Without `sha256` the first download is what counts: its checksum is
    told and kept, and another file under the same URL is refused.

    >>> Archive(url="https://data.example.org/iris.zip", member="iris.data", header=False,
    ...         names=("length", "width", "kind")).source
    'https://data.example.org/iris.zip'
    """

    url: str
    """The file's address, or env:NAME; a path beside the recipe works too."""
    sha256: str | None = None
    """The file's SHA-256, 64 hex digits; a file with another is refused."""
    member: str | None = None
    """A glob for the files to read in the archive, such as data/*.csv; by default all that look like data."""
    max_download: int = 64 << 30
    """Bytes to download at most."""
    max_bytes: int = 256 << 30
    """Bytes to unpack at most; more than 1 GiB and 200 times the archive's size is refused in any case."""
    max_files: int = 1_000_000
    """Files to unpack at most."""
    allow_private: bool | tuple[str, ...] = ()
    """Addresses, networks or hosts inside your own network that may be asked; true for all."""
    ca: str | None = None
    """A file with the certificate authority of a server inside your own network."""

    def __post_init__(self) -> None:
        if not secret.REFERENCE.match(self.url) and "://" in self.url:
            check_url(self.url, "archive.url")
        if self.sha256 is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", self.sha256):
            raise RecipeError("not a SHA-256", where="archive.sha256", wanted="64 hex digits")
        for option in ("max_download", "max_bytes", "max_files"):
            if getattr(self, option) < 1:
                raise RecipeError(f"{option} is {getattr(self, option)}", where=f"archive.{option}", wanted="1 or more")
        self.check_reads("archive")

    @property
    def source(self) -> str:
        """The source's name: the one that is given, else the URL as it may be shown."""
        return self.name or (shown_url(self.url) if "://" in self.url else self.url)

    def anchored(self, base: Path) -> Self:
        """Return a copy that finds a path and `ca` beside the recipe."""
        found = replace(self, name=self.source)
        if "://" not in self.url and not secret.REFERENCE.match(self.url):
            found = replace(found, url=str(base.absolute() / self.url))
        return found if self.ca is None else replace(found, ca=str(base.absolute() / self.ca))

    def land(self, landing: Landing) -> Source:
        """Download what is not there yet, check and unpack it. Raises `DataError` where it is not what was wanted."""
        packed, digest = self._packed(landing)
        kind = kind_of(packed)
        if kind == "zip" and packed.name.lower().endswith(_DOCUMENTS) and self.member is None:
            kind = None
        folder = landing.folder / f"files-{_digest(digest, self.member or '')}"
        if kind is not None and not folder.is_dir():
            self._unpack(packed, kind, folder, landing)
        if kind is None and self.member is not None:
            raise DataError("this is no archive, and member has no use", where=self.source, do="Leave member out.")
        if kind is None:
            return self.files(str(packed.absolute()), name=self.source)
        # A pattern finds names too that begin with a dot or _, where it says them.
        pattern = f"**/{self.member.rpartition('/')[2]}" if self.member else ""
        return self.files(str(folder.absolute() / pattern), name=self.source)

    def probe(self) -> Iterator[Finding]:
        """Ask for the file's head."""
        url = secret.reveal(self.url, where="archive.url")
        if "://" not in url:
            there = Path(url).is_file()
            yield Finding(there, f"{url} is {'there' if there else 'no file'}", "" if there else "Check the path.")
            return
        try:
            with self._web() as web:
                answer = web.request(url, method="HEAD")
        except TilthError as error:
            yield Finding(False, f"{shown_url(url)}: {error.what}", error.do or "")
            return
        yield Finding(True, f"{shown_url(url)}: {answer.headers.get('content-length', 'an unknown number of')} bytes")
        if self.sha256 is None:
            yield Finding(True, "no sha256 given", "The first run tells it: put it into the recipe.")

    def _packed(self, landing: Landing) -> tuple[Path, str]:
        """Return the checked file and its SHA-256, downloaded where it is not there yet."""
        url = secret.reveal(self.url, where="archive.url")
        if "://" not in url:
            path = Path(url)
            if not path.is_file():
                raise DataError("no such file", where=self.source, wanted="a file beside the recipe, or a URL")
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            self._check(digest, None)
            return path, digest
        pins = landing.folder / "pinned.json"
        pinned = json.loads(pins.read_bytes()) if pins.is_file() else {}
        pin = pinned.get(_digest(url))
        path = landing.folder / f"download-{_digest(url)}" / _file_name(url)
        if pin is None or not path.is_file():
            if not landing.refresh:
                raise DataError("nothing has landed yet", where=self.source, do="Run `tilth run`, which downloads it.")
            digest = self._download(url, path, landing)
            self._check(digest, pin)
            pins.with_suffix(".tmp").write_text(json.dumps({**pinned, _digest(url): digest}))
            pins.with_suffix(".tmp").replace(pins)
            pin = digest
        self._check(pin, None)
        if self.sha256 is None:
            landing.tell(f"no checksum is given; the file that landed has sha256: {pin}")
        return path, pin

    def _download(self, url: str, path: Path, landing: Landing) -> str:
        path.parent.mkdir(exist_ok=True)
        landing.tell(f"downloading {shown_url(url)}")
        with self._web() as web:
            got = persistent(
                lambda: web.download(url, path, most=self.max_download), stop=landing.stop, tell=landing.tell
            )
        return got.sha256

    def _web(self) -> Web:
        return Web(guard=Guard(allow_private=self.allow_private), limits=Limits(), ca=self.ca)

    def _check(self, digest: str, pin: str | None) -> None:
        wanted = self.sha256.lower() if self.sha256 else pin
        if wanted is not None and digest != wanted:
            raise DataError(
                f"the file has another checksum: {digest}",
                where=self.source,
                wanted=wanted,
                do="Somebody changed the file: find out who and why before you use it.",
            )

    def _unpack(self, packed: Path, kind: str, folder: Path, landing: Landing) -> None:
        unfinished = folder.with_name(f"_{folder.name}")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        try:
            done = unpack(
                packed, unfinished, kind=kind, member=self.member, max_files=self.max_files, max_bytes=self.max_bytes
            )
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        for note in done.notes[:5]:
            landing.tell(note)
        landing.tell(f"unpacked {done.files} files, {done.bytes / 1e6:.1f} MB")
        unfinished.rename(folder)


def _file_name(url: str) -> str:
    """Return a safe name with the URL's ending: formats are told by it."""
    last = unquote(urlsplit(url).path).rstrip("/").rpartition("/")[2]
    return re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip(".-_")[-80:].lstrip(".-_") or "file"


def _digest(*parts: str) -> str:
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=8).hexdigest()


_: type[Lander] = Archive
