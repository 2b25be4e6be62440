"""Pull records from a REST API: paging, credentials, a pace, what is new since the last run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

from tilth.bytes.urls import check_url
from tilth.connectors._rest import paging, since
from tilth.connectors._rest.ask import Api, Remembering, Reply, api_of, check_auth
from tilth.connectors._rest.path import records_in, valid
from tilth.connectors._rest.pull import Puller, landed
from tilth.core import secret
from tilth.core.connector import Finding, Lander, Landing, Source
from tilth.core.errors import RecipeError, TilthError


@dataclass(frozen=True, kw_only=True)
class Rest:
    """Pull records from a REST API, page by page, into the project; a pull that is killed goes on at the next page.

    Without `incremental` each run pulls everything anew, and what was pulled before stays in use until the new pull is
    whole. With it, each run pulls what changed since the last one, and of each key the newest record counts.

    >>> Rest(url="https://api.example.com/v1", path="tickets", auth={"bearer": "env:TOKEN"}, key="id").source
    'https://api.example.com/v1/tickets'
    """

    url: str
    """The API's address, or env:NAME."""
    path: str | None = None
    """What to ask for below the address, such as tickets."""
    params: Mapping[str, str | int | float | bool] | None = None
    """Parameters of the query; a value may be env:NAME."""
    headers: Mapping[str, str] | None = None
    """Headers to send; a value may be env:NAME."""
    auth: Mapping[str, str] | None = None
    """Who asks: {bearer: env:TOKEN}; {user: …, password: env:…}; {api_key: env:…, header: X-API-Key} or with param:;
    {token_url: …, client_id: …, client_secret: env:…, scope: …} for OAuth 2 client credentials."""
    method: Literal["GET", "POST"] = "GET"
    """How to ask; POST only where it changes nothing."""
    body: Mapping[str, Any] | None = None
    """JSON to send with a POST."""
    records: str | None = None
    """The path to the records in an answer, such as data.items; by default the one list of objects in it."""
    pagination: str | Mapping[str, Any] = "auto"
    """auto, none, link_header; {kind: page, param, start, size_param, size, pages}; {kind: offset, param, start,
    size_param, size}; {kind: cursor, param, next: path | last: field, more: path}; {kind: next_url, next: path}."""
    incremental: Mapping[str, Any] | None = None
    """{field: updated_at, param: since, start: first value, overlap: 10m}: ask for what changed since the greatest
    value of the field, less the overlap."""
    key: str | tuple[str, ...] | None = None
    """The field or fields that say which record is which; needed with incremental."""
    deleted: str | None = None
    """A field that says that a record was deleted outside; its row leaves."""
    rate: float | None = None
    """Requests a second at most."""
    timeout: float = 60.0
    """Seconds for one answer."""
    max_pages: int = 100_000
    """Pages in one pull at most."""
    max_bytes: int = 16 << 30
    """Bytes in one pull at most."""
    fresh_for: float = 0.0
    """Seconds for which a finished pull is not made again."""
    cached_for: float = 0.0
    """Seconds for which an answer is taken from the run's cache where the same is asked again, as after a change of the
    recipe; for an API whose answers do not change meanwhile."""
    allow_private: bool | tuple[str, ...] = ()
    """Addresses, networks or hosts inside your own network that may be asked; true for all."""
    ca: str | None = None
    """A file with the certificate authority of a server inside your own network."""
    types: Mapping[str, str] | None = None
    """Types of columns: {column: string, int, float, bool or timestamp}."""
    licence: str | None = None
    """The licence that the rows come under."""
    subject: str | None = None
    """The field that names the person a row is about."""
    name: str | None = None
    """What to call the source; by default the URL. Row ids depend on it."""
    split: Literal["train", "valid", "test"] | None = None
    """Put all rows of this source into one split."""

    def __post_init__(self) -> None:
        if not secret.REFERENCE.match(self.url):
            check_url(self._address(self.url), "rest.url")
        check_auth(self.auth, "rest")
        paging.options_of(self.pagination, "rest.pagination")
        since.check(self.incremental, "rest.incremental")
        if self.incremental and not self.key:
            raise RecipeError("incremental needs a key", where="rest.key", wanted="the field that tells records apart")
        if self.body is not None and self.method != "POST":
            raise RecipeError("a body with GET", where="rest.body", wanted="method: POST")
        for option in ("records", "deleted"):
            path = getattr(self, option)
            if path is not None and not valid(path):
                raise RecipeError(f'"{path}" is no path', where=f"rest.{option}", wanted="such as data.items")
        check_limits(self, "rest")

    @property
    def source(self) -> str:
        """The source's name: the one that is given, else the URL as written."""
        return self.name or self._address(self.url)

    def anchored(self, base: Path) -> Self:
        """Return a copy that finds `ca` beside the recipe."""
        return self if self.ca is None else replace(self, ca=str(base.absolute() / self.ca))

    def land(self, landing: Landing) -> Source:
        """Pull what is due. Raises `Terminal`, `Transient` after some tries, `DataError` for what is not understood."""
        return landed(self._puller(landing.tell, landing.stop), landing)

    def probe(self) -> Iterator[Finding]:
        """Ask for the first page."""
        yield from probed(self._puller())

    def _address(self, url: str) -> str:
        return f"{url.rstrip('/')}/{self.path.lstrip('/')}" if self.path else url

    def _puller(
        self, tell: Callable[[str], None] = lambda said: None, stop: Callable[[], bool] = lambda: False
    ) -> Puller:
        url = self._address(secret.reveal(self.url, where="rest.url"))
        check_url(url, "rest.url")
        param = (self.auth or {}).get("param") if "api_key" in (self.auth or {}) else None
        pages = paging.Pages(
            url=url,
            params={name: _text(value) for name, value in (self.params or {}).items()},
            method=self.method,
            body=dict(self.body) if self.body is not None else None,
            how=paging.options_of(self.pagination, "rest.pagination"),
            since_param=(self.incremental or {}).get("param"),
            where="rest",
            private=frozenset([param] if param else []),
        )
        asked = asdict(self)
        return Puller(
            where=secret.shown_url(url),
            options=self,
            asked=[asked[name] for name in ("url", "path", "params", "method", "body", "records", "pagination")],
            paging=pages,
            records=self._records,
            api=lambda: api_of(self, where="rest", home=url, tell=tell, stop=stop),
        )

    def _records(self, reply: Reply) -> list[Any]:
        return records_in(reply.body, self.records, "rest.records")


def check_limits(options: Any, part: str) -> None:
    """Raise `RecipeError` for limits that allow nothing."""
    for option in ("rate", "timeout", "max_pages", "max_bytes"):
        value = getattr(options, option)
        if value is not None and not value > 0:
            raise RecipeError(f"{option} is {value}", where=f"{part}.{option}", wanted="more than 0")
    for option in ("fresh_for", "cached_for"):
        if not 0 <= getattr(options, option) < math.inf:
            raise RecipeError(f"{option} is {getattr(options, option)}", where=f"{part}.{option}", wanted="seconds")


def probed(puller: Puller) -> Iterator[Finding]:
    """Ask for the first page, and say what came."""
    try:
        with puller.api() as ask:
            # A connection is tried, not a cache.
            ask = ask.api if isinstance(ask, Remembering) else ask
            if isinstance(ask, Api):
                ask.tries = 1
            records = puller.records(ask(puller.paging.request(puller.paging.first(), None)))
    except TilthError as error:
        yield Finding(False, f"the first page: {error.what}", error.do or "")
        return
    yield Finding(True, f"the first page holds {len(records)} records")


def _text(value: str | int | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


_: type[Lander] = Rest
