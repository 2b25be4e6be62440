"""Turn pages: what to ask first, and after each answer what to ask next, as JSON values that a kill survives."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from tilth.connectors._rest.ask import Reply, Request
from tilth.connectors._rest.path import get, valid
from tilth.core.errors import DataError, RecipeError, did_you_mean

KINDS: dict[str, dict[str, Any]] = {
    "auto": {},
    "none": {},
    "page": {"param": "page", "start": 1, "size_param": None, "size": None, "pages": None},
    "offset": {"param": "offset", "start": 0, "size_param": "limit", "size": 100},
    "cursor": {"param": "cursor", "next": None, "last": None, "more": None},
    "next_url": {"next": "next"},
    "link_header": {},
}
"""The kinds and their options: names of parameters, first values, paths in the answer."""
_URLS = (
    "next", "links.next", "_links.next.href", "links.next.href", "paging.next", "pagination.next", "meta.next",
    "@odata.nextLink", "nextLink", "next_page_url", "next_url", "info.next", "pagination.next_url",
)  # fmt: skip
_CURSORS = {
    "next_cursor": "cursor", "meta.next_cursor": "cursor", "response_metadata.next_cursor": "cursor",
    "pagination.next_cursor": "cursor", "paging.cursors.after": "after", "nextPageToken": "pageToken",
    "next_page_token": "page_token", "cursor.next": "cursor",
}  # fmt: skip
_TOTALS = ("total", "total_count", "totalCount", "count", "meta.total", "pagination.total", "@odata.count")


class Paging(Protocol):
    """What differs between a REST endpoint and a GraphQL one."""

    def first(self) -> dict[str, Any]:
        """Return the state that stands for the first page."""
        ...

    def request(self, state: Mapping[str, Any], since: str | None) -> Request:
        """Return what to ask in this state, since a value of the incremental field."""
        ...

    def following(self, state: Mapping[str, Any], reply: Reply, records: list[Any]) -> dict[str, Any] | None:
        """Return the state for the next page, None after the last."""
        ...


def options_of(pagination: str | Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the kind and all of its options. Raises `RecipeError`."""
    given = {"kind": pagination} if isinstance(pagination, str) else dict(pagination)
    kind = given.get("kind", "auto")
    if kind not in KINDS:
        raise RecipeError(
            f'no pagination "{kind}"',
            where=where,
            wanted=f"one of {', '.join(KINDS)}",
            do=did_you_mean(str(kind), KINDS),
        )
    known = KINDS[kind]
    for name, value in given.items():
        if name != "kind" and name not in known:
            wanted = f"one of {', '.join(known)}" if known else "no options"
            raise RecipeError(
                f'{kind} has no option "{name}"', where=where, wanted=wanted, do=did_you_mean(name, known)
            )
        if (
            name in ("next", "last", "more", "pages")
            and value is not None
            and not (isinstance(value, str) and valid(value))
        ):
            raise RecipeError(f"{name} is no path", where=where, wanted="such as meta.next_cursor")
        if name in ("start", "size") and value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            raise RecipeError(f"{name} is no number", where=where, wanted="a whole number")
    found = {"kind": kind, **known, **given}
    if kind == "cursor" and (found["next"] is None) == (found["last"] is None):
        raise RecipeError(
            "a cursor comes from one place",
            where=where,
            wanted="next: the path to it in the answer, or last: the field of the last record that it is",
        )
    return found


@dataclass(frozen=True, kw_only=True)
class Pages:
    """The pages of a REST endpoint."""

    url: str
    params: Mapping[str, str]
    method: str
    body: Any
    how: Mapping[str, Any]
    """Kind and options, from `options_of`."""
    since_param: str | None
    where: str
    private: frozenset[str] = field(default_factory=frozenset)
    """Parameters that hold credentials: a server may echo them in the next page's URL."""

    def first(self) -> dict[str, Any]:
        """Return the state that stands for the first page."""
        kind = self.how["kind"]
        return {"at": self.how["start"]} if kind in ("page", "offset") else {}

    def request(self, state: Mapping[str, Any], since: str | None) -> Request:
        """Return what to ask."""
        if "url" in state:
            # The server's own URL holds all parameters; what it echoes without credentials gets them again.
            return Request(state["url"], {}, self.method, self.body)
        params = dict(self.params)
        if since is not None and self.since_param:
            params[self.since_param] = since
        if "at" in state:
            params[self.how["param"]] = str(state["at"])
            if self.how["size_param"] and self.how["size"]:
                params[self.how["size_param"]] = str(self.how["size"])
        if "cursor" in state:
            params[state.get("param") or self.how["param"]] = str(state["cursor"])
        return Request(self.url, params, self.method, self.body)

    def following(self, state: Mapping[str, Any], reply: Reply, records: list[Any]) -> dict[str, Any] | None:
        """Return the state for the next page, None after the last."""
        kind = self.how["kind"]
        if kind == "none":
            return None
        if kind == "auto":
            return self._told(state, reply, records)
        if kind == "page":
            pages = get(reply.body, self.how["pages"]) if self.how["pages"] else None
            last = not records or (isinstance(pages, int) and state["at"] - self.how["start"] + 1 >= pages)
            return None if last else {"at": state["at"] + 1}
        if kind == "offset":
            return {"at": state["at"] + len(records)} if records else None
        if kind == "cursor":
            return self._cursor(reply.body, records)
        if kind == "next_url":
            return self._url(get(reply.body, self.how["next"]), reply.url)
        return self._url(link_of(reply.headers.get("link", "")), reply.url)

    def _cursor(self, body: Any, records: list[Any]) -> dict[str, Any] | None:
        if self.how["more"] and not get(body, self.how["more"]):
            return None
        if self.how["next"]:
            cursor = get(body, self.how["next"])
        else:
            cursor = get(records[-1], self.how["last"]) if records else None
        return None if cursor in (None, "", False) else {"cursor": cursor}

    def _url(self, found: Any, base: str) -> dict[str, Any] | None:
        if found in (None, "", False):
            return None
        if not isinstance(found, str):
            raise DataError("the next page is no URL", where=self.where, do="Name its path: pagination.next.")
        parts = urlsplit(urljoin(base, found))
        query = parse_qsl(parts.query, keep_blank_values=True)
        kept = [(name, value) for name, value in query if name not in self.private]
        return {"url": parts._replace(query=urlencode(kept) if len(kept) < len(query) else parts.query).geturl()}

    def _told(self, state: Mapping[str, Any], reply: Reply, records: list[Any]) -> dict[str, Any] | None:
        """Find the next page where APIs put it, most often."""
        link = link_of(reply.headers.get("link", ""))
        if link:
            return self._url(link, reply.url)
        body = reply.body if isinstance(reply.body, dict) else {}
        for path in _URLS:
            found = get(body, path)
            if isinstance(found, str) and (found.startswith(("http://", "https://", "/", "?"))):
                return self._url(found, reply.url)
        for path, param in _CURSORS.items():
            found = get(body, path)
            if isinstance(found, (str, int)) and not isinstance(found, bool) and found != "":
                return {"cursor": found, "param": param}
        total = next((got for path in _TOTALS if isinstance(got := get(body, path), int)), None)
        if not state and total is not None and not isinstance(total, bool) and total > len(records):
            raise DataError(
                f"the answer holds {len(records)} of {total} records, and nothing in it says how to ask for the others",
                where=self.where,
                wanted=f"pagination: one of {', '.join(kind for kind in KINDS if kind != 'auto')}",
            )
        return None


def link_of(said: str) -> str | None:
    """Return the target of rel=next in a Link header (RFC 8288).

    >>> link_of('</items?page=3>; rel="next", </items?page=9>; rel="last"')
    '/items?page=3'
    """
    for found in re.finditer(r"<([^>]*)>((?:\s*;\s*[\w*]+\s*=\s*(?:\"[^\"]*\"|[^\s;,\"]+))*)", said):
        if re.search(r";\s*rel\s*=\s*(?:\"(?:[^\"]*\s)?next(?:\s[^\"]*)?\"|next(?=[\s;]|$))", found[2], re.I):
            return found[1]
    return None
