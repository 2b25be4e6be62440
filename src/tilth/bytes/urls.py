"""Add to URLs, tell servers apart, and follow redirects without giving credentials away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urljoin, urlsplit

from tilth.bytes.guard import Target, parsed
from tilth.core.errors import RecipeError, Terminal
from tilth.core.secret import shown_url

_HARMLESS = frozenset({"accept", "accept-language", "range", "if-range", "if-none-match", "if-modified-since"})
"""Headers that may go to another host than the one they were meant for."""


@dataclass
class Asked:
    """A request on its way: redirects change it."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None


def with_params(url: str, params: Mapping[str, str]) -> str:
    """Return the URL with more in its query.

    >>> with_params("https://api.test/items?a=1", {"q": "x y"})
    'https://api.test/items?a=1&q=x+y'
    """
    if not params:
        return url
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(params)}"


def origin(url: str) -> tuple[str, str, int]:
    """Return what must be the same for credentials to go along: scheme, host and port."""
    return parsed(url)[:3]


def check_url(url: str, where: str) -> None:
    """Raise `RecipeError` for what is no plain http or https URL."""
    try:
        parsed(url)
    except Terminal as error:
        raise RecipeError(
            error.what, where=where, wanted=error.wanted or "such as https://api.example.com/v1"
        ) from error


def host_header(there: Target) -> str:
    """Return what the Host header says."""
    name = f"[{there.host}]" if ":" in there.host else there.host
    return name if there.port == (443 if there.scheme == "https" else 80) else f"{name}:{there.port}"


def redirected(asked: Asked, status: int, target: str) -> None:
    """Change the request to where a redirect leads; credentials stay behind when the server is another."""
    url = urljoin(asked.url, target.strip())
    before, there = origin(asked.url), origin(url)
    if before[0] == "https" and there[0] == "http":
        raise Terminal("a redirect from https to http", where=shown_url(asked.url), do="Give the final address.")
    if status == 303 or (status in (301, 302) and asked.method == "POST"):
        asked.method, asked.body = ("HEAD" if asked.method == "HEAD" else "GET"), None
    if before != there:
        if asked.body is not None:
            raise Terminal(
                f"a redirect would send the request's body to {there[1]}",
                where=shown_url(asked.url),
                do="Give the final address.",
            )
        asked.headers = {name: value for name, value in asked.headers.items() if name.lower() in _HARMLESS}
    asked.url = url
