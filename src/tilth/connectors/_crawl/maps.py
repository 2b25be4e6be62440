"""Read sitemaps (sitemaps.org 0.9) and feeds (RSS 0.9x to 2.0, Atom 1.0): lists of pages, from anybody.

Entities other than XML's own five are not read, so that none can grow; a list that breaks off gives what came before.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from tilth.connectors._crawl.inflate import Coded, inflater_for

MOST_URLS = 50_000
MOST_BYTES = 50 << 20
"""Uncompressed; both as sitemaps.org has it."""
_ROOT = re.compile(rb"<(?:[\w.-]{1,40}:)?(urlset|sitemapindex|rss|feed|RDF)\b")


class Refusal(Exception):
    """The list is not read on; says why."""


@dataclass
class Listed:
    """What a list names."""

    pages: list[str] = field(default_factory=list)
    maps: list[str] = field(default_factory=list)
    """Other sitemaps."""
    broken: str | None = None
    """Why not all of it could be read."""


def is_map(content_type: str | None, body: bytes) -> bool:
    """Tell a sitemap or feed from a page, by the first element."""
    kind = (content_type or "").partition(";")[0].strip().lower()
    if kind in ("text/html", "application/xhtml+xml") and body.lstrip()[:5] != b"<?xml":
        return False
    return _ROOT.search(body, 0, 4096) is not None


def listed(body: bytes) -> Listed:
    """Return the addresses in a sitemap, an index of sitemaps, a feed, or a text of one URL a line; packed or not."""
    found = Listed()
    if body[:2] == b"\x1f\x8b":
        try:
            body = inflater_for("gzip").feed(body, MOST_BYTES)
        except Coded as error:
            found.broken = str(error)
            return found
    if not _ROOT.search(body, 0, 4096):
        lines = body[: 16 << 20].decode("utf-8", "replace").split()
        found.pages = [line for line in lines[:MOST_URLS] if line.startswith(("http://", "https://"))]
        return found
    reader = _Reader(found)
    try:
        reader.parse(body)
    except (expat.ExpatError, Refusal, ValueError) as error:
        found.broken = str(error)
    return found


class _Reader:
    """Take addresses as the parser comes by."""

    def __init__(self, found: Listed) -> None:
        self._found = found
        self._path: list[str] = []
        self._text: list[str] | None = None

    def parse(self, body: bytes) -> None:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._data
        parser.EntityDeclHandler = self._entity
        for at in range(0, len(body), 1 << 16):
            parser.Parse(body[at : at + (1 << 16)], False)
        parser.Parse(b"", True)

    def _entity(self, *declared: Any) -> None:
        raise Refusal("it declares entities, which are not read")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        self._path.append(local)
        if len(self._path) > 50:
            raise Refusal("elements stand more than 50 deep in each other")
        self._text = None
        if local in ("loc", "link") and len(self._path) > 1:
            self._text = []
            rel = attributes.get("rel", "alternate")
            if local == "link" and "href" in attributes and rel == "alternate" and "entry" in self._path:
                self._take(self._found.pages, attributes["href"])

    def _data(self, text: str) -> None:
        if self._text is not None and len(self._text) < 100:
            self._text.append(text)

    def _end(self, name: str) -> None:
        local = self._path.pop()
        outer = self._path[-1] if self._path else ""
        if self._text is not None:
            text = "".join(self._text).strip()
            if local == "loc" and outer in ("url", "sitemap"):
                self._take(self._found.pages if outer == "url" else self._found.maps, text)
            elif local == "link" and outer == "item":
                self._take(self._found.pages, text)
        self._text = None

    def _take(self, kind: list[str], address: str) -> None:
        if len(self._found.pages) + len(self._found.maps) >= MOST_URLS:
            raise Refusal(f"it lists more than {MOST_URLS:,} addresses")
        if address:
            kind.append(address)
