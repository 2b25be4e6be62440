"""Read what a page says of itself: its links, its canonical URL, its licence, and what crawlers may do with it."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tilth.connectors._crawl.urls import joined

MOST_LINKS = 20_000
_LISTED = "a, area, link, base, meta, iframe, frame, html"
_META = re.compile(rb"<meta[^>]{0,400}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.I)
_HEADER = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", re.I)
_REFRESH = re.compile(r"^\s*[\d.]*\s*[;,]\s*(?:url\s*=)?\s*['\"]?([^'\"]+)", re.I)
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_WIDER = {
    "gb2312": "gb18030", "gbk": "gb18030", "iso-8859-1": "cp1252", "latin1": "cp1252", "ascii": "cp1252",
    "us-ascii": "cp1252", "shift_jis": "cp932", "shift-jis": "cp932", "sjis": "cp932", "x-sjis": "cp932",
    "euc-kr": "cp949", "ks_c_5601-1987": "cp949", "big5": "big5hkscs", "windows-31j": "cp932", "iso-8859-9": "cp1254",
}  # fmt: skip
"""As browsers read them (WHATWG Encoding): what the name says, and what is written under it."""
FEEDS = ("application/rss+xml", "application/atom+xml")
NO_AI = frozenset(("noai", "noml", "tdm-reservation", "no-train-ai"))


@dataclass
class Said:
    """What a page says."""

    links: list[str] = field(default_factory=list)
    """Normalised, each once, in the page's order, without those that are not to be followed."""
    maps: list[str] = field(default_factory=list)
    """Feeds."""
    canonical: str | None = None
    licences: list[str] = field(default_factory=list)
    directives: list[str] = field(default_factory=list)
    """Of robots: noindex, nofollow, noai, noimageai, tdm-reservation, …"""
    language: str | None = None


def charset_of(content_type: str | None, body: bytes) -> str | None:
    """Return the charset that the header, a mark of byte order or the page's head names; None where none does.

    >>> charset_of("text/html; charset=GB18030", b""), charset_of(None, b'<meta charset="Shift_JIS">')
    ('gb18030', 'shift_jis')
    """
    for mark, name in _BOMS:
        if body.startswith(mark):
            return name
    header = _HEADER.search(content_type or "")
    if header:
        return header[1].lower()
    meta = _META.search(body, 0, 4096)
    return meta[1].decode("ascii").lower() if meta else None


def codec_for(charset: str | None) -> str:
    """Return the codec that reads a charset; UTF-8 where the name is unknown."""
    if charset is None or charset == "utf-8":
        return "utf-8"
    name = _WIDER.get(charset, charset)
    try:
        # Python knows codecs that are no charset of a page: rot13, idna, zlib.
        known = "<a>".encode(name).decode(name, "replace") == "<a>" and (b"<a>".decode(name, "replace") == "<a>")
    except (LookupError, ValueError, TypeError):
        return "utf-8"
    return name if known or name.startswith("utf-16") else "utf-8"


def of_headers(headers: Mapping[str, list[str]], agent: str, base: str, drop: tuple[str, ...]) -> Said:
    """Return what the headers of a response say; names in lower case."""
    said = Said()
    for value in headers.get("x-robots-tag", ()):
        _direct(said, value, agent)
    if headers.get("tdm-reservation", ["0"])[0].strip() == "1":
        said.directives.append("tdm-reservation")
    if any(re.search(r"\btrain-ai\s*=\s*n\b", value) for value in headers.get("content-usage", ())):
        said.directives.append("no-train-ai")
    languages = headers.get("content-language", [""])[0].split(",")[0].strip()
    said.language = languages[:35] or None
    for value in headers.get("link", ()):
        for target, rel in re.findall(r"<([^<>]{1,2000})>[^,<]{0,200}?;\s*rel=\"?([\w\- ]{1,60})", value):
            _linked(said, rel.lower().split(), joined(base, target, drop))
    return said


def of_page(said: Said, text: str, base: str, agent: str, drop: tuple[str, ...], charset: str) -> Said:
    """Add what a page's markup says to what its headers said."""
    from selectolax.lexbor import LexborHTMLParser

    found: dict[str, None] = {}
    based = False
    for node in LexborHTMLParser(text).css(_LISTED):
        tag, own = node.tag, node.attributes
        if tag == "a" or tag == "area":
            href = own.get("href")
            if not href:
                continue
            rel = own.get("rel")
            if rel:
                rels = rel.lower().split()
                if "license" in rels:
                    _linked(said, rels, joined(base, href, drop, charset))
                if "nofollow" in rels or "ugc" in rels or "sponsored" in rels:
                    continue
            link = joined(base, href, drop, charset)
            if link is not None and len(found) < MOST_LINKS:
                found[link] = None
        elif tag == "link":
            rels = (own.get("rel") or "").lower().split()
            if not own.get("href"):
                continue
            link = joined(base, own["href"] or "", drop, charset)
            if "alternate" in rels and (own.get("type") or "").lower() in FEEDS:
                said.maps += [link] if link else []
            elif "next" in rels or "prev" in rels:
                found |= {link: None} if link else {}
            else:
                _linked(said, rels, link)
        elif tag == "meta":
            _meta(said, own, agent, base, drop, found)
        elif tag == "base":
            href = own.get("href")
            if href and not based:
                based, base = True, joined(base, href, (), charset) or base
        elif tag == "html":
            said.language = (own.get("lang") or own.get("xml:lang") or "").strip()[:35] or said.language
        elif own.get("src"):
            link = joined(base, own["src"] or "", drop, charset)
            found |= {link: None} if link else {}
    said.links = list(found)
    return said


def _meta(
    said: Said, own: Mapping[str, str | None], agent: str, base: str, drop: tuple[str, ...], found: dict[str, None]
) -> None:
    name, content = (own.get("name") or "").lower(), own.get("content") or ""
    if name in ("robots", agent):
        _direct(said, content, agent)
    elif name == "tdm-reservation" and content.strip() == "1":
        said.directives.append("tdm-reservation")
    elif name in ("dc.rights", "dcterms.license", "dcterms.rights") and content.startswith("http"):
        _linked(said, ["license"], joined(base, content, drop))
    elif (own.get("http-equiv") or "").lower() == "refresh" and (target := _REFRESH.match(content)):
        link = joined(base, target[1].strip(), drop)
        found |= {link: None} if link else {}


def _direct(said: Said, value: str, agent: str) -> None:
    """Take the directives of one header or tag; one that begins with another robot's name is not for us."""
    name, colon, rest = value.partition(":")
    words = name.strip().lower()
    if colon and words not in ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"):
        if "," not in words and words != agent:
            return
        value = rest if words == agent else value
    for word in value.lower().split(","):
        word = word.strip()
        if word == "none":
            said.directives += ["noindex", "nofollow"]
        elif re.fullmatch(r"[a-z][a-z\-]{1,30}", word):
            said.directives.append(word)


def _linked(said: Said, rels: Iterable[str], link: str | None) -> None:
    if link is None:
        return
    if "license" in rels and link not in said.licences and len(said.licences) < 10:
        said.licences.append(link)
    if "canonical" in rels and said.canonical is None:
        said.canonical = link
