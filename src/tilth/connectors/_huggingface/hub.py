"""Ask a hub about a data set: which commit a name stands for, which files it holds, and their bytes, verified."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urljoin

from tilth.bytes.guard import Guard
from tilth.bytes.urls import origin
from tilth.bytes.web import Web
from tilth.connectors._archive.unpack import safe_name
from tilth.core import secret
from tilth.core.errors import DataError, Terminal, Transient
from tilth.core.retry import persistent
from tilth.core.secret import shown_url

COMMIT = re.compile(r"[0-9a-f]{40}\Z")
_MOST_PAGES = 1000


class Blob(NamedTuple):
    """A file in the repository."""

    path: str
    size: int
    sha256: str | None
    """Of a large file."""
    sha1: str
    """Git's name for the content, for a small file."""


@dataclass(kw_only=True)
class Hub:
    """A hub's API, for one data set; use it in a `with`."""

    endpoint: str
    dataset: str
    token: str | None
    """`env:NAME`, or None."""
    guard: Guard
    ca: str | None
    stop: Callable[[], bool] = lambda: False
    tell: Callable[[str], None] = lambda said: None
    _web: Web = field(init=False, repr=False)

    def __enter__(self) -> Hub:
        self._web = Web(guard=self.guard, ca=self.ca)
        return self

    def __exit__(self, *error: object) -> None:
        self._web.close()

    def commit(self, revision: str) -> str:
        """Return the commit that a branch or tag stands for now."""
        found = self._json(f"{self.endpoint}/api/datasets/{self.dataset}/revision/{quote(revision, safe='')}")[0]
        sha = found.get("sha") if isinstance(found, dict) else None
        if not isinstance(sha, str) or not COMMIT.match(sha):
            raise DataError("the hub does not say which commit it is", where=self.dataset)
        return sha

    def files(self, commit: str) -> list[Blob]:
        """Return all files at a commit, by path."""
        url: str | None = f"{self.endpoint}/api/datasets/{self.dataset}/tree/{commit}?recursive=true&expand=false"
        found: list[Blob] = []
        for _ in range(_MOST_PAGES):
            if url is None:
                break
            entries, url = self._json(url)
            if not isinstance(entries, list):
                raise DataError("the hub's list of files is no list", where=self.dataset)
            found += [_blob(entry, self.dataset) for entry in entries if entry.get("type") == "file"]
        return sorted(found)

    def read(self, commit: str, path: str, *, most: int) -> bytes:
        """Return a small file."""
        return persistent(
            lambda: self._web.request(self._url(commit, path), headers=self._headers(), most=most).body,
            stop=self.stop,
            tell=self.tell,
        )

    def download(self, commit: str, blob: Blob, target: Path) -> None:
        """Bring a file here, verified; a download that broke off goes on."""
        part = target.parent / f"_{hashlib.sha256(target.name.encode()).hexdigest()[:16]}"
        target.parent.mkdir(parents=True, exist_ok=True)
        got = persistent(
            lambda: self._web.download(self._url(commit, blob.path), part, most=blob.size, headers=self._headers()),
            stop=self.stop,
            tell=self.tell,
        )
        right = got.sha256 == blob.sha256 if blob.sha256 else _git_name(part) == blob.sha1
        if not right or got.bytes != blob.size:
            part.unlink()
            raise Transient(f"{blob.path} came with another checksum", where=self.dataset)
        stamp = int(got.sha256[:8], 16) * 10**9
        os.utime(part, ns=(stamp, stamp))
        part.replace(target)

    def _url(self, commit: str, path: str) -> str:
        return f"{self.endpoint}/datasets/{self.dataset}/resolve/{commit}/{quote(path)}"

    def _headers(self) -> dict[str, str]:
        if self.token is None:
            return {}
        return {"Authorization": f"Bearer {secret.reveal(self.token, where='huggingface.token')}"}

    def _json(self, url: str) -> tuple[Any, str | None]:
        """Return an answer and the URL of the next page."""
        from tilth.connectors._rest.paging import link_of

        if origin(url) != origin(self.endpoint):
            raise Terminal("the hub's next page is on another host", where=shown_url(url))
        try:
            answer = persistent(lambda: self._web.request(url, headers=self._headers()), stop=self.stop, tell=self.tell)
        except Terminal as error:
            if "answers 401" in error.what or "answers 404" in error.what:
                do = "Check the name and the revision; a private or gated set needs a token: token: env:HF_TOKEN."
                what = f"the hub knows no such data set, or not for you ({error.what})"
                raise Terminal(what, where=self.dataset, do=do) from error
            raise
        try:
            found = json.loads(answer.body)
        except ValueError as error:
            raise DataError("the hub's answer is no JSON", where=shown_url(url)) from error
        following = link_of(answer.headers.get("link", ""))
        return found, urljoin(url, following) if following else None


def _blob(entry: dict[str, Any], dataset: str) -> Blob:
    path, size, oid, lfs = (entry.get(name) for name in ("path", "size", "oid", "lfs"))
    if not isinstance(path, str) or not isinstance(size, int) or not isinstance(oid, str):
        raise DataError("the hub's list of files is not understood", where=dataset)
    sha256 = lfs.get("oid") if isinstance(lfs, dict) else None
    safe_name(path, dataset)
    return Blob(path, size, sha256 if isinstance(sha256, str) else None, oid)


def _git_name(path: Path) -> str:
    """Return the name that git gives a content: SHA-1 over its length and bytes."""
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
