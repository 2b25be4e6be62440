"""Read what a page says of itself: its head's tags, and schema.org's JSON-LD."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tilth.refine._extract.found import Found, clean

_TITLES = ("og:title", "twitter:title", "dc.title", "citation_title", "headline")
_AUTHORS = ("author", "article:author", "dc.creator", "citation_author", "parsely-author", "sailthru.author")
_DATES = ("article:published_time", "datepublished", "date", "dc.date", "dc.date.issued", "citation_publication_date",
          "pubdate", "publishdate", "parsely-pub-date", "sailthru.date", "dcterms.created")  # fmt: skip
_LANGUAGES = ("og:locale", "content-language", "language", "dc.language")
_DATE = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(?:\.\d+)?\s*(Z|[+-]\d{2}:?\d{2})?)?")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")
_MOST_JSON = 1 << 20


def said_by(tree: Any) -> Found:
    """Return the metadata of a page; the text is left empty."""
    said = _tags(tree)
    linked = _linked(tree)
    heading = tree.find(".//h1")
    return Found(
        "",
        title=_first(said, _TITLES)
        or _line(linked.get("headline"))
        or _line(_content(tree.find(".//title")))
        or _line(_content(heading)),
        author=_author(_first(said, _AUTHORS)) or _author(linked.get("author")),
        published=_date(_first(said, _DATES)) or _date(linked.get("datePublished")) or _date(_time(tree)),
        language=_language(tree.get("lang")) or _language(_first(said, _LANGUAGES)),
        url=_url(_canonical(tree)) or _url(said.get("og:url")),
    )


def _tags(tree: Any) -> dict[str, str]:
    said: dict[str, str] = {}
    for tag in tree.iter("meta"):
        name = tag.get("property") or tag.get("name") or tag.get("itemprop") or tag.get("http-equiv")
        value = tag.get("content")
        if name and value and value.strip():
            said.setdefault(name.strip().lower(), value)
    return said


def _first(said: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((line for name in names if (line := _line(said.get(name)))), None)


def _linked(tree: Any) -> Mapping[str, Any]:
    """Return the first article among the page's JSON-LD."""
    for script in tree.iter("script"):
        if (script.get("type") or "").strip().lower() == "application/ld+json" and script.text:
            try:
                whole = json.loads(script.text[:_MOST_JSON], strict=False)
            except (ValueError, RecursionError):
                continue
            for thing in _things(whole):
                if isinstance(thing.get("headline"), str):
                    return thing
    return {}


def _things(whole: Any) -> Iterator[Mapping[str, Any]]:
    waiting = [whole]
    while waiting:
        thing = waiting.pop()
        if isinstance(thing, list):
            waiting.extend(reversed(thing))
        elif isinstance(thing, dict):
            yield thing
            waiting.append(thing.get("@graph"))


def _author(value: Any) -> str | None:
    if isinstance(value, list):
        names = [name for each in value if (name := _author(each))]
        return "; ".join(dict.fromkeys(names)) or None
    name = _line(value.get("name") if isinstance(value, dict) else value)
    return None if name is None or "://" in name else name


def _canonical(tree: Any) -> str | None:
    for link in tree.iter("link"):
        if (link.get("rel") or "").strip().lower() == "canonical":
            found: str | None = link.get("href")
            return found
    return None


def _time(tree: Any) -> str | None:
    found = next((time for time in tree.iter("time") if time.get("datetime")), None)
    return None if found is None else found.get("datetime")


def _content(element: Any) -> str | None:
    return None if element is None else "".join(element.itertext())


def _line(value: Any) -> str | None:
    """Return a value as one line, where it is text and not too long to be one."""
    if not isinstance(value, str):
        return None
    return clean(" ".join(value.split()))[:500].strip() or None


def _date(value: Any) -> str | None:
    """Return a date, or date and time, in ISO 8601.

    >>> _date("2024-05-31T08:00:00+02:00"), _date("20240531"), _date("yesterday")
    ('2024-05-31T08:00:00+02:00', '2024-05-31', None)
    """
    found = _DATE.search(value) if isinstance(value, str) else None
    if not found or not (1 <= int(found[2]) <= 12 and 1 <= int(found[3]) <= 31):
        return None
    day = f"{found[1]}-{found[2]}-{found[3]}"
    return f"{day}T{found[4]}{found[5] or ''}" if found[4] else day


def _language(value: Any) -> str | None:
    found = _LANGUAGE.match(value.strip()) if isinstance(value, str) else None
    return found[0].replace("_", "-") if found else None


def _url(value: Any) -> str | None:
    url = _line(value)
    return url if url and url.startswith(("http://", "https://")) else None
