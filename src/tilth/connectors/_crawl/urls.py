"""Write a URL in one way only, so that a page is fetched once (RFC 3986 section 6, WHATWG's URL where that differs)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes, urljoin, urlsplit

from tilth.bytes.guard import LONGEST_URL, Refused, parsed

TRACKING = (
    *("utm_*", "gclid", "dclid", "fbclid", "msclkid", "yclid", "mc_cid", "mc_eid", "igshid", "_ga", "_gl", "_hsenc"),
    *("_hsmi", "phpsessid", "jsessionid", "aspsessionid*", "sid", "sessionid"),
)
"""Parameters that say who came or from where, not which page is meant."""
_PATH = re.compile(r"[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]")
_QUERY = re.compile(r"[^A-Za-z0-9\-._~!$&'()*+,;=:@/?%\[\]|]")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_LONE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_BREAKS = str.maketrans("", "", "\t\r\n")
_SPACES = "".join(map(chr, range(33)))


def normalised(url: str, drop: Iterable[str] = (), charset: str = "utf-8") -> str | None:
    """Return the one way to write a URL, without its fragment; None for what is no page's URL (or is odd).

    Parameters whose names match one of the patterns in `drop` go; the others keep their order. Characters of a query
    that are not ASCII are written in the page's charset, as browsers do.

    >>> normalised("HTTP://Example.org:80/a/../%7eann?b=1&utm_source=x#top", TRACKING)
    'http://example.org/~ann?b=1'
    """
    return _normalised(url, tuple(drop), charset)


@lru_cache(maxsize=8192)
def _normalised(url: str, drop: tuple[str, ...], charset: str) -> str | None:
    if len(url) > LONGEST_URL:
        return None
    url = url.strip(_SPACES).translate(_BREAKS).partition("#")[0]
    head, mark, query = url.partition("?")
    head = head.replace("\\", "/")
    scheme, _, rest = head.partition("://")
    host, slash, path = rest.partition("/")
    try:
        target = parsed(f"{scheme}://{host}/")
    except Refused:
        return None
    path = _without_dots(slash + _clean(path, _PATH, "utf-8"))
    if drop and ";" in path:
        path = re.sub(r"(?i);(?:jsessionid|phpsessid)=[^/;]*", "", path)
    name = f"[{target.host}]" if ":" in target.host else target.host
    port = "" if target.port == (443 if target.scheme == "https" else 80) else f":{target.port}"
    found = f"{target.scheme}://{name}{port}{path or '/'}"
    if mark:
        query = _clean(query, _QUERY, charset)
        if drop and query:
            pattern = _dropped(drop)
            query = "&".join(part for part in query.split("&") if not pattern.match(part.partition("=")[0]))
        if query:
            found = f"{found}?{query}"
    return found


@lru_cache(maxsize=16)
def _dropped(drop: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(translate, drop)), re.I)


def _clean(text: str, illegal: re.Pattern[str], charset: str) -> str:
    if "%" in text:
        text = _ESCAPE.sub(_escaped, _LONE.sub("%25", text))
    if illegal.search(text):
        text = illegal.sub(lambda found: quote(found[0].encode(charset, "xmlcharrefreplace"), safe=""), text)
    return text


def _escaped(found: re.Match[str]) -> str:
    byte = int(found[1], 16)
    return chr(byte) if byte in _UNRESERVED else f"%{found[1].upper()}"


def _without_dots(path: str) -> str:
    if "/." not in path:
        return path
    kept: list[str] = []
    steps = path.split("/")[1:]
    for step in steps:
        if step == "..":
            kept = kept[:-1]
        elif step != ".":
            kept.append(step)
    end = "/" if steps[-1] in (".", "..") and kept else ""
    return "/" + "/".join(kept) + end


def joined(base: str, link: str, drop: tuple[str, ...] = (), charset: str = "utf-8") -> str | None:
    """Return what a link on a page means, normalised; None for what leads to no page (mailto:, #top, …).

    >>> joined("http://a.org/x/y", "../z"), joined("http://a.org/x", "mailto:a@b")
    ('http://a.org/z', None)
    """
    link = link.strip(_SPACES)
    if not link or link[0] == "#":
        return None
    if _SCHEME.match(link):
        return _normalised(link, drop, charset) if link[:4].lower() == "http" else None
    # Cached by what decides it: most links of a site start at its root and stand on each of its pages.
    return _joined(_root(base) if link[0] == "/" else base, link, drop, charset)


@lru_cache(maxsize=8192)
def _joined(base: str, link: str, drop: tuple[str, ...], charset: str) -> str | None:
    try:
        whole = urljoin(base, link.replace("\\", "/", link.partition("?")[0].count("\\")))
    except ValueError:
        return None
    return _normalised(whole, drop, charset)


def _root(url: str) -> str:
    return url[: url.find("/", 8) + 1]


def host_in(url: str) -> str:
    """Return the host of a normalised URL, with its port where that is not the usual one.

    >>> host_in("http://a.org:8080/x")
    'a.org:8080'
    """
    start = url.find("//") + 2
    end = url.find("/", start)
    return url[start : end if end > 0 else None]


def origin_of(url: str) -> str:
    """Return scheme and host of a normalised URL: what one robots.txt speaks for."""
    end = url.find("/", 8)
    return url[: end if end > 0 else None]


def site_of(host: str) -> str:
    """Return about what one owner holds: the last two labels of a host's name, three under com.au and the like.

    Without the public list of such suffixes: list the hosts where that is not right.

    >>> site_of("www.example.org:8080"), site_of("a.b.example.co.uk"), site_of("93.184.215.14")
    ('example.org', 'example.co.uk', '93.184.215.14')
    """
    name = host if host.startswith("[") else host.partition(":")[0]
    labels = name.split(".")
    if labels[-1].isdigit() or len(labels) < 3:
        return name
    shared = len(labels[-1]) == 2 and labels[-2] in _SECOND
    return ".".join(labels[-3 if shared else -2 :])


_SECOND = frozenset(("ac", "co", "com", "edu", "gov", "gob", "go", "mil", "ne", "net", "nom", "or", "org", "sch"))


def pattern_of(url: str) -> str:
    """Return the form of a URL: numbers as 0, queries by their parameters' names; a calendar's days have one form.

    >>> pattern_of("http://a.org/cal/2024-05/?day=7&v=x")
    'a.org/cal/0-0/?day&v'
    """
    parts = urlsplit(url)
    names = "&".join(part.partition("=")[0] for part in parts.query.split("&")) if parts.query else ""
    path = re.sub(r"\d+", "0", parts.path)
    return f"{parts.netloc}{path}?{names}" if names else f"{parts.netloc}{path}"


def is_trap(url: str, longest: int) -> bool:
    """Tell whether a URL looks endless: too long, too deep, or the same steps again and again.

    >>> is_trap("http://a.org/x/y/x/y/x/y/", 2000), is_trap("http://a.org/x/x/y", 2000)
    (True, False)
    """
    if len(url) > longest:
        return True
    path = url.partition("?")[0]
    if path.count("/") < 6:
        return False
    steps = [step for step in path.split("/")[3:] if step]
    if len(steps) > 40 or url.count("&") > 60:
        return True
    return any(steps.count(step) > 2 for step in set(steps) if not step.isdigit()) and _repeats(steps)


def _repeats(steps: list[str]) -> bool:
    """Tell whether a run of 1 to 4 steps stands three times in a row."""
    for size in range(1, 5):
        for at in range(len(steps) - 3 * size + 1):
            run = steps[at : at + size]
            if run == steps[at + size : at + 2 * size] == steps[at + 2 * size : at + 3 * size]:
                return True
    return False


def readable(url: str) -> str:
    """Return a URL as people read it.

    >>> readable("http://a.org/caf%C3%A9")
    'http://a.org/café'
    """
    return unquote_to_bytes(url).decode("utf-8", "replace")
