"""Read a data set of the Hugging Face Hub: its data files at one commit, verified; no code of the set is run."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from tilth.bytes.guard import Guard
from tilth.bytes.urls import check_url
from tilth.connectors._huggingface.choose import chosen, configs_of
from tilth.connectors._huggingface.hub import COMMIT, Blob, Hub
from tilth.connectors._reads import Reads
from tilth.core import secret
from tilth.core.connector import Finding, Lander, Landing, Source
from tilth.core.errors import DataError, RecipeError, Stopped, TilthError

_HUB = "https://huggingface.co"


@dataclass(frozen=True, kw_only=True)
class Huggingface(Reads):
    """Download a data set's files from the Hugging Face Hub at one commit, and read them like any files.

    Parquet, JSON lines, CSV, Arrow and text are read; scripts are never run, and what only a script can make is
    refused. Without a commit as `revision`, the commit of the first run is kept and told.

    >>> Huggingface(dataset="owner/tickets", hub_split="train", licence="cc-by-4.0").source
    'huggingface:owner/tickets'
    """

    dataset: str
    """Its name on the hub: owner/name."""
    config: str | None = None
    """The configuration (subset), such as en; by default the card's default, else all files."""
    hub_split: str | None = None
    """The hub's split to read, such as train or validation; by default all files of the configuration."""
    revision: str = "main"
    """A commit (40 hex digits); a branch or tag stands for the commit that it named at the first run."""
    data_files: str | None = None
    """A glob for the files to read, in place of config and hub_split, such as data/*.parquet."""
    token: str | None = None
    """env:NAME that holds a token, for private and gated sets."""
    endpoint: str | None = None
    """Another hub's address; by default HF_ENDPOINT, else the public hub."""
    max_download: int = 256 << 30
    """Bytes to download at most."""
    allow_private: bool | tuple[str, ...] = ()
    """Addresses, networks or hosts inside your own network that may be asked; true for all."""
    ca: str | None = None
    """A file with the certificate authority of a hub inside your own network."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,95}(?:/[A-Za-z0-9][\w.-]{0,95})?", self.dataset):
            raise RecipeError("not a data set's name", where="huggingface.dataset", wanted="owner/name")
        if not re.fullmatch(r"[A-Za-z0-9][\w./-]{0,199}", self.revision) or ".." in self.revision:
            raise RecipeError("not a revision", where="huggingface.revision", wanted="a commit, a branch or a tag")
        if self.token is not None and not secret.REFERENCE.match(self.token):
            raise RecipeError("a secret stands in token", where="huggingface.token", wanted="env:NAME")
        if self.data_files is not None and (self.config or self.hub_split):
            raise RecipeError(
                "data_files beside config or hub_split", where="huggingface.data_files", wanted="one of the two ways"
            )
        if self.endpoint is not None:
            check_url(self.endpoint, "huggingface.endpoint")
        if self.max_download < 1:
            raise RecipeError("nothing may be downloaded", where="huggingface.max_download", wanted="1 or more")
        self.check_reads("huggingface")

    @property
    def source(self) -> str:
        """The source's name: the one that is given, else huggingface:<dataset>."""
        return self.name or f"huggingface:{self.dataset}"

    def anchored(self, base: Path) -> Self:
        """Return a copy that finds `ca` beside the recipe."""
        return self if self.ca is None else replace(self, ca=str(base.absolute() / self.ca))

    def land(self, landing: Landing) -> Source:
        """Download the files that are not there yet. Raises `Terminal`, `DataError` where there is nothing to read."""
        commit = self._pinned(landing.folder)
        with self._hub(landing) as hub:
            if commit is None:
                self._needs_the_hub(landing)
                commit = hub.commit(self.revision)
                self._pin(landing.folder, commit)
            if not COMMIT.match(self.revision):
                landing.tell(f'"{self.revision}" is commit {commit}; write it as revision to say so for good')
            folder = landing.folder / commit
            blobs = self._listed(hub, folder, commit, landing)
            self._download(hub, folder, commit, blobs, landing)
        for other in landing.folder.iterdir():
            if COMMIT.match(other.name) and other.name != commit:
                shutil.rmtree(other, ignore_errors=True)
        return self.files(str((folder / "files").absolute() / "**" / "*"), name=self.source)

    def probe(self) -> Iterator[Finding]:
        """Ask for the commit and the files."""
        try:
            with self._hub(None) as hub:
                commit = self.revision if COMMIT.match(self.revision) else hub.commit(self.revision)
                blobs = self._chosen(hub, commit, hub.files(commit))
        except TilthError as error:
            yield Finding(False, f"{self.dataset}: {error.what}", error.do or "")
            return
        size = sum(blob.size for blob in blobs) / 1e6
        yield Finding(True, f"{self.dataset} at {commit}: {len(blobs)} files, {size:.1f} MB")

    def _hub(self, landing: Landing | None) -> Hub:
        hub = Hub(
            endpoint=(self.endpoint or os.environ.get("HF_ENDPOINT") or _HUB).rstrip("/"),
            dataset=self.dataset,
            token=self.token,
            guard=Guard(allow_private=self.allow_private),
            ca=self.ca,
        )
        if landing is not None:
            hub.stop, hub.tell = landing.stop, landing.tell
        return hub

    def _pinned(self, folder: Path) -> str | None:
        if COMMIT.match(self.revision):
            return self.revision
        path = folder / "pinned.json"
        pins = json.loads(path.read_bytes()) if path.is_file() else {}
        found = pins.get(self.revision)
        return None if found is None else str(found)

    def _pin(self, folder: Path, commit: str) -> None:
        unfinished = folder / "pinned.tmp"
        unfinished.write_text(json.dumps({self.revision: commit}))
        unfinished.replace(folder / "pinned.json")

    def _listed(self, hub: Hub, folder: Path, commit: str, landing: Landing) -> list[Blob]:
        """Return the files to read; the choice is kept, since a commit never changes."""
        path = folder / "chosen.json"
        asked = [self.config, self.hub_split, self.data_files]
        held: dict[str, Any] = json.loads(path.read_bytes()) if path.is_file() else {"asked": None}
        if held["asked"] == asked:
            return [Blob(*one) for one in held["blobs"]]
        self._needs_the_hub(landing)
        blobs = self._chosen(hub, commit, hub.files(commit))
        size = sum(blob.size for blob in blobs)
        if size > self.max_download:
            what = f"{len(blobs)} files of {size} bytes in all"
            raise DataError(what, where=self.source, wanted=f"{self.max_download} at most", do="Raise max_download.")
        folder.mkdir(exist_ok=True)
        # Another choice reads other files: those of the old one go.
        shutil.rmtree(folder / "files", ignore_errors=True)
        unfinished = path.with_suffix(".tmp")
        unfinished.write_text(json.dumps({"asked": asked, "blobs": blobs}))
        unfinished.replace(path)
        return blobs

    def _chosen(self, hub: Hub, commit: str, blobs: list[Blob]) -> list[Blob]:
        by_path = {blob.path: blob for blob in blobs}
        card = hub.read(commit, "README.md", most=4 << 20).decode("utf-8", "replace") if "README.md" in by_path else ""
        paths = chosen(
            list(by_path),
            configs_of(card),
            config=self.config,
            hub_split=self.hub_split,
            files=self.data_files,
            where=self.source,
        )
        return [by_path[path] for path in paths]

    def _download(self, hub: Hub, folder: Path, commit: str, blobs: list[Blob], landing: Landing) -> None:
        due = [blob for blob in blobs if not (folder / "files" / blob.path).is_file()]
        if due:
            self._needs_the_hub(landing)
            landing.tell(f"downloading {len(due)} files, {sum(blob.size for blob in due) / 1e6:.1f} MB")
        for blob in due:
            if landing.stop():
                raise Stopped("stopped between two files", do="Run again: those before it are kept.")
            hub.download(commit, blob, folder / "files" / blob.path)

    def _needs_the_hub(self, landing: Landing) -> None:
        if not landing.refresh:
            raise DataError("not all has landed yet", where=self.source, do="Run `tilth run`, which downloads it.")


_: type[Lander] = Huggingface
