"""Bring a file whole, and go on where a download broke off when the server vouches for the bytes."""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import IO, TYPE_CHECKING

import urllib3

from tilth.bytes import _web_body
from tilth.bytes._web_errors import refusal
from tilth.bytes.urls import Asked
from tilth.core.errors import Terminal, Transient
from tilth.core.secret import shown_url

if TYPE_CHECKING:
    from tilth.bytes.web import Downloaded, Web


def download(web: Web, url: str, path: Path, *, most: int, headers: dict[str, str], resume: bool) -> Downloaded:
    """See `Web.download`; the bytes so far lie in `<path>.part`, what vouches for them in `<path>.part.json`."""
    from tilth.bytes.web import Downloaded, _translated

    part, vouched = path.with_name(f"{path.name}.part"), path.with_name(f"{path.name}.part.json")
    at, validator = _so_far(part, vouched, url) if resume else (0, None)
    asked = Asked("GET", url, dict(headers), None)
    if at and validator:
        asked.headers |= {"Range": f"bytes={at}-", "If-Range": validator}
    with web._answered(asked, None, packed=False) as response:
        found = {name.lower(): value for name, value in response.headers.items()}
        if response.status == 416 and at:
            part.unlink()
            raise Transient("the server has other bytes than before", where=shown_url(url))
        if response.status not in (200, 206) or found.get("content-encoding", "identity") != "identity":
            raise refusal(response.status, found, asked.url) if response.status >= 300 else _unfit(asked.url)
        if not _web_body.framed(response, "GET"):
            # Where the connection breaks, such a file looks whole.
            raise Transient("the server does not say how long the file is", where=shown_url(asked.url))
        start = _start(found.get("content-range", ""), asked.url) if response.status == 206 else 0
        if start not in (0, at):
            raise Terminal("the server sends another part than was asked for", where=shown_url(asked.url))
        _remember(vouched, url, found)
        with _translated(asked.url), part.open("r+b" if start else "wb") as file:
            whole = _append(response, file, asked.url, start=start, most=most)
    part.replace(path)
    vouched.unlink(missing_ok=True)
    _sync(path.parent)
    return Downloaded(path, path.stat().st_size, whole, asked.url, found.get("etag"))


def _append(response: urllib3.BaseHTTPResponse, file: IO[bytes], url: str, *, start: int, most: int) -> str:
    """Write what comes behind `start`; return the whole file's SHA-256, in hex."""
    digest = hashlib.sha256()
    left = start
    while left:
        held = file.read(min(left, 1 << 20))
        digest.update(held)
        left -= len(held)
    file.truncate()
    size = start
    for piece in _web_body.pieces(response, url, deadline=None):
        size += len(piece)
        if size > most:
            raise Terminal(f"the file is longer than {most} bytes", where=shown_url(url), do="Raise the limit.")
        file.write(piece)
        digest.update(piece)
    file.flush()
    os.fsync(file.fileno())
    return digest.hexdigest()


def _so_far(part: Path, vouched: Path, url: str) -> tuple[int, str | None]:
    try:
        told = json.loads(vouched.read_bytes())
        size = part.stat().st_size
    except (OSError, ValueError):
        return 0, None
    return (size, told.get("validator")) if told.get("url") == _named(url) else (0, None)


def _remember(vouched: Path, url: str, headers: dict[str, str]) -> None:
    etag = headers.get("etag", "")
    # A weak ETag says that the meaning is the same, not the bytes (RFC 9110, 13.1.5).
    validator = etag if etag.startswith('"') else headers.get("last-modified")
    unfinished = vouched.with_name(f"{vouched.name}.tmp")
    unfinished.write_text(json.dumps({"url": _named(url), "validator": validator}))
    unfinished.replace(vouched)


def _named(url: str) -> str:
    """Name a URL without its secrets: they may stand in the query."""
    return hashlib.sha256(url.encode()).hexdigest()


def _start(said: str, url: str) -> int:
    found = re.match(r"bytes (\d+)-", said)
    if not found:
        raise Terminal("the server does not say which part it sends", where=shown_url(url))
    return int(found[1])


def _unfit(url: str) -> Terminal:
    return Terminal("the server packs the file though it was asked not to", where=shown_url(url))


def _sync(folder: Path) -> None:
    place = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)
