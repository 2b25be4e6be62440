"""Take what a partner drops into a folder, a bucket or an SFTP server: whole files that keep the agreement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Self

from tilth.bytes.opening import open_store
from tilth.connectors._drop import sftp
from tilth.connectors._drop.judge import check_schema, judged, types_of
from tilth.connectors._drop.place import Place, StorePlace
from tilth.connectors._drop.take import Rules, digest_of, take
from tilth.connectors._reads import Reads
from tilth.core import secret
from tilth.core.connector import Finding, Lander, Landing, Source
from tilth.core.errors import DataError, RecipeError, TilthError


@dataclass(frozen=True, kw_only=True)
class Drop(Reads):
    """Take files that a partner drops, once each, when they are whole and keep the agreed schema.

    A file under a name that was taken before takes the older one's place: its rows are the new version. What breaks the
    agreement goes to `quarantine` with a report, and the partner finds a receipt for each file under `receipt`.

    >>> Drop(path="sftp://tilth@partner.example.com/out", manifest="*.sha256", schema={"id": "int", "note": "string?"},
    ...      identity="env:PARTNER_KEY", key="id").source
    'sftp://partner.example.com/out'
    """

    path: str
    """The folder: a path beside the recipe, s3://…, gs://…, hdfs://…, or sftp://user@host:port/folder."""
    pattern: str = "*"
    """A glob for the files to take; one without / fits a name in any folder."""
    manifest: str = "none"
    """A glob for manifests, such as manifest.json or *.sha256: a file counts when one lists it, with its length and
    SHA-256. none: a file counts when it has not changed for a while."""
    settle: float = 60.0
    """Seconds for which a file must not change where there is no manifest."""
    schema: Mapping[str, str] | None = None
    """The agreed columns: {column: string, int, float, bool or timestamp}; with ? a value may be missing."""
    extra_columns: bool = True
    """Whether a file may have columns that were not agreed."""
    bad_rows: float = 0.0
    """The share of rows that may break the agreement before the whole file is refused."""
    quarantine: str | None = None
    """The folder below path to move refused files to; without, they are kept in the project and stay where they are."""
    receipt: str | None = None
    """The folder below path to write receipts to; without, none are written."""
    max_bytes: int = 16 << 30
    """The largest file to take."""
    identity: str | None = None
    """The file with the SSH key for SFTP, or env:NAME that holds its path; by default your own keys."""
    known_hosts: str | None = None
    """The file with the host keys for SFTP; by default your own."""

    def __post_init__(self) -> None:
        def refuse(option: str, what: str, wanted: str) -> None:
            raise RecipeError(what, where=f"drop.{option}", wanted=wanted)

        if not self.path or "\0" in self.path:
            refuse("path", "no path", "a folder")
        if self.path.startswith("sftp:"):
            sftp.check_url(self.path, "drop.path")
        for option in ("settle", "bad_rows"):
            if not 0 <= getattr(self, option) <= (1 if option == "bad_rows" else 86_400):
                refuse(option, f"{option} is {getattr(self, option)}", "a share" if option == "bad_rows" else "seconds")
        for option in ("quarantine", "receipt"):
            steps = (getattr(self, option) or "x").strip("/").split("/")
            if any(step in ("", ".", "..") for step in steps):
                refuse(option, "not a folder below path", "a name such as quarantine")
        if self.max_bytes < 1:
            refuse("max_bytes", f"max_bytes is {self.max_bytes}", "1 or more")
        if self.schema and self.types:
            refuse("types", "types beside schema", "one of the two: schema names types too")
        check_schema(self.schema, "drop.schema")
        self.check_reads("drop")

    @property
    def source(self) -> str:
        """The source's name: the one that is given, else the folder as it may be shown."""
        return self.name or (secret.shown_url(self.path) if "://" in self.path else self.path)

    def anchored(self, base: Path) -> Self:
        """Return a copy that finds its folder and its files beside the recipe."""
        found = replace(self, name=self.source)
        if "://" not in self.path:
            found = replace(found, path=str(base.absolute() / self.path))
        if self.known_hosts is not None:
            found = replace(found, known_hosts=str(base.absolute() / self.known_hosts))
        if self.identity is not None and not secret.REFERENCE.match(self.identity):
            found = replace(found, identity=str(base.absolute() / self.identity))
        return found

    def land(self, landing: Landing) -> Source:
        """Take what is due. Raises the place's errors; `DataError` where no file has been accepted yet."""
        agreed = [[field.name, getattr(self, field.name)] for field in fields(Reads)]
        rules = Rules(
            pattern=self.pattern,
            manifest=None if self.manifest == "none" else self.manifest,
            settle=self.settle,
            quarantine=self.quarantine,
            receipt=self.receipt,
            max_bytes=self.max_bytes,
            bad_rows=self.bad_rows,
            digest=digest_of([agreed, dict(self.schema or {}), self.extra_columns, self.bad_rows]),
            judge=lambda path: judged(self.files(str(path), name=self.source), self.schema, extra=self.extra_columns),
        )
        folder, columns = take(self._place(), rules, landing)
        if not any(path.is_file() for path in folder.rglob("*")):
            raise DataError("no file has been accepted yet", where=self.source, do="Look at the notes above, or wait.")
        types = types_of(self.schema, columns)
        return self.files(str(folder.absolute() / "**" / "*"), name=self.source, **({"types": types} if types else {}))

    def probe(self) -> Iterator[Finding]:
        """List the folder; write and remove a small file where receipts or refused files go."""
        try:
            place = self._place()
            yield Finding(True, f"{len(place.list())} files in the folder")
        except TilthError as error:
            yield Finding(False, f"the folder cannot be listed: {error.what}", error.do or "")
            return
        for folder in (self.quarantine, self.receipt):
            if folder:
                yield _writes(place, folder.strip("/"))

    def _place(self) -> Place:
        if self.path.startswith("sftp:"):
            identity = secret.reveal(self.identity, where="drop.identity") if self.identity else None
            return sftp.SftpPlace(url=self.path, identity=identity, known_hosts=self.known_hosts)
        if "://" not in self.path and not Path(self.path).is_dir():
            raise DataError("no such folder", where=self.source, wanted="the folder where files are dropped")
        return StorePlace(open_store(self.path))


def _writes(place: Place, folder: str) -> Finding:
    import tempfile

    name = f"{folder}/tilth-probe"
    try:
        with tempfile.NamedTemporaryFile() as file:
            place.put(name, Path(file.name))
        place.delete(name)
    except TilthError as error:
        return Finding(
            False, f"{folder} cannot be written: {error.what}", error.do or "Ask for the right to write there."
        )
    return Finding(True, f"{folder} can be written")


_: type[Lander] = Drop
