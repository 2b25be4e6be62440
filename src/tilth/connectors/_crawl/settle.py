"""Decide what becomes of an answer: kept, followed, tried again or left out, and why; a pure function."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tilth.connectors._crawl import maps, said
from tilth.connectors._crawl.fetch import Exchange
from tilth.connectors._crawl.pace import Page
from tilth.connectors._crawl.queue import DONE, FAILED, GONE, SKIPPED
from tilth.connectors._crawl.urls import joined
from tilth.connectors._crawl.warc import payload_digest

HTML = ("text/html", "application/xhtml+xml")
KINDS = {"html": HTML, "pdf": ("application/pdf", "application/x-pdf"), "text": ("text/plain", "text/markdown")}
NO_INDEX = frozenset(("noindex", "none"))


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What decides."""

    agent: str
    types: tuple[str, ...]
    respect_noai: bool
    respect_meta: bool
    feeds: bool
    drop: tuple[str, ...]
    most_hops: int


def kind_of(exchange: Exchange) -> str:
    """Return the media type that the server says, in lower case; where it says none, what the content begins with."""
    kind = (exchange.header("content-type") or "").partition(";")[0].strip().lower()
    if kind:
        return kind
    head = exchange.body[:512].lstrip().lower()
    if head.startswith(b"%pdf-"):
        return "application/pdf"
    return "text/html" if head.startswith((b"<!doctype html", b"<html", b"<head", b"<body")) else ""


def is_wanted(exchange: Exchange, page: Page, types: tuple[str, ...]) -> bool:
    """Tell by the headers whether the body is to be read."""
    if exchange.status != 200:
        return False
    kind = kind_of(exchange)
    if page.kind or not kind or "xml" in kind or "any" in types:
        return True
    return any(kind in KINDS[each] for each in types)


def settle(exchange: Exchange, page: Page, rules: Rules) -> tuple[dict[str, Any], bytes]:
    """Return what to note of an answer (JSON values only), and its content's digest (empty where it has none to keep).

    Answers that are to be tried again do not come here.
    """
    note: dict[str, Any] = {"status": exchange.status, "depth": page.depth, "seconds": round(exchange.seconds, 4)}
    status = exchange.status
    if status == 304 and (page.kept or page.kind):
        return note | {"state": DONE, **_tags(exchange)}, b""
    if 300 <= status < 400:
        return note | _redirect(exchange, page, rules), b""
    if status in (404, 410):
        return note | {"state": GONE, "why": f"status {status}"}, b""
    if status != 200:
        return note | {"state": FAILED, "why": f"status {status}"}, b""
    if page.kind or maps.is_map(exchange.header("content-type"), exchange.body):
        return note | _map(exchange, rules), b""
    return _page(exchange, page, rules, note)


def _tags(exchange: Exchange) -> dict[str, Any]:
    tags = {"etag": exchange.header("etag"), "modified": exchange.header("last-modified")}
    return {name: value[:500] for name, value in tags.items() if value}


def _redirect(exchange: Exchange, page: Page, rules: Rules) -> dict[str, Any]:
    where = exchange.header("location")
    target = joined(exchange.url, where, rules.drop) if where else None
    if target is None:
        return {"state": FAILED, "why": "a redirect to no page"}
    if page.hops >= rules.most_hops:
        return {"state": FAILED, "why": "too many redirects"}
    return {"state": GONE if page.kept else SKIPPED, "why": "redirect", "to": target}


def _map(exchange: Exchange, rules: Rules) -> dict[str, Any]:
    found = maps.listed(exchange.body)
    links = {joined(exchange.url, each, rules.drop): None for each in found.pages}
    more = {joined(exchange.url, each, rules.drop): None for each in found.maps}
    noted: dict[str, Any] = {"state": DONE, "map": True, **_tags(exchange)}
    noted |= {"links": [each for each in links if each], "maps": [each for each in more if each]}
    return noted | ({"broken": found.broken[:200]} if found.broken else {})


def _page(exchange: Exchange, page: Page, rules: Rules, note: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    kind = kind_of(exchange)
    if "any" not in rules.types and not any(kind in KINDS[each] for each in rules.types):
        return note | {"state": SKIPPED, "why": f"content type {kind[:60] or 'unknown'}"}, b""
    own = said.of_headers(exchange.headers, rules.agent, exchange.url, rules.drop)
    charset = None
    if kind in HTML or kind.startswith("text/"):
        charset = said.charset_of(exchange.header("content-type"), exchange.body)
    if kind in HTML:
        codec = said.codec_for(charset)
        text = exchange.body.decode(codec, "replace")
        said.of_page(own, text, exchange.url, rules.agent, rules.drop, codec)
    directives = set(own.directives)
    if rules.respect_meta and directives & {"nofollow", "none"}:
        own.links, own.maps = [], []
    note |= {"links": own.links, "maps": own.maps if rules.feeds else []}
    if rules.respect_noai and directives & said.NO_AI:
        return note | {"state": GONE if page.kept else SKIPPED, "why": "noai"}, b""
    if rules.respect_meta and directives & NO_INDEX:
        return note | {"state": GONE if page.kept else SKIPPED, "why": "noindex"}, b""
    facts = {
        "content_type": exchange.header("content-type"),
        "charset": charset,
        "language": own.language,
        "licences": own.licences,
        "robots": sorted(directives),
        "truncated": exchange.truncated,
    }
    kept = json.dumps({name: value for name, value in facts.items() if value}, ensure_ascii=False)
    canonical = own.canonical if own.canonical != exchange.url else None
    note |= {"state": DONE, "size": len(exchange.body), "facts": kept, **_tags(exchange)}
    return note | ({"canonical": canonical} if canonical else {}), payload_digest(exchange.body)
