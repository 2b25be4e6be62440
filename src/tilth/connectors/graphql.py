"""Pull records from a GraphQL API: a connection of edges or nodes, or pages by offset."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

from tilth.bytes.urls import check_url
from tilth.connectors._rest import since
from tilth.connectors._rest.ask import Reply, Request, api_of, check_auth
from tilth.connectors._rest.path import get, valid
from tilth.connectors._rest.pull import Puller, landed
from tilth.connectors.rest import check_limits, probed
from tilth.core import secret
from tilth.core.connector import Finding, Lander, Landing, Source
from tilth.core.errors import DataError, RecipeError


@dataclass(frozen=True, kw_only=True)
class Graphql:
    """Pull records from a GraphQL API, page by page, into the project; a pull that is killed goes on at the next page.

    >>> Graphql(url="https://api.example.com/graphql", connection="tickets", key="id",
    ...         query="query($after: String) { tickets(after: $after) { nodes { id }"
    ...               " pageInfo { endCursor hasNextPage } } }").source
    'https://api.example.com/graphql#tickets'
    """

    url: str
    """The API's address, or env:NAME."""
    query: str
    """The query; it takes the cursor as $after, or the offset as a variable of the name in offset_variable."""
    connection: str
    """The path below `data` to the connection (edges or nodes, and pageInfo) or to the list, such as search.items."""
    variables: Mapping[str, Any] | None = None
    """Other variables of the query."""
    cursor_variable: str = "after"
    """The variable that takes pageInfo.endCursor."""
    offset_variable: str | None = None
    """The variable that takes the number of records so far, where the API pages so."""
    incremental: Mapping[str, Any] | None = None
    """{field: updatedAt, param: the variable that takes its greatest value, start: first value, overlap: 10m}."""
    headers: Mapping[str, str] | None = None
    """Headers to send; a value may be env:NAME."""
    auth: Mapping[str, str] | None = None
    """Who asks, as for rest."""
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
    """What to call the source; by default the URL and the connection. Row ids depend on it."""
    split: Literal["train", "valid", "test"] | None = None
    """Put all rows of this source into one split."""

    def __post_init__(self) -> None:
        if not secret.REFERENCE.match(self.url):
            check_url(self.url, "graphql.url")
        check_auth(self.auth, "graphql")
        since.check(self.incremental, "graphql.incremental")
        if self.incremental and not self.key:
            raise RecipeError(
                "incremental needs a key", where="graphql.key", wanted="the field that tells records apart"
            )
        if not valid(self.connection):
            raise RecipeError("connection is no path", where="graphql.connection", wanted="such as search.items")
        variable = self.offset_variable or self.cursor_variable
        if f"${variable}" not in self.query:
            raise RecipeError(
                f"the query does not use ${variable}",
                where="graphql.query",
                wanted="a variable that takes where the next page begins",
            )
        check_limits(self, "graphql")

    @property
    def source(self) -> str:
        """The source's name: the one that is given, else the URL and the connection."""
        return self.name or f"{self.url}#{self.connection}"

    def anchored(self, base: Path) -> Self:
        """Return a copy that finds `ca` beside the recipe."""
        return self if self.ca is None else replace(self, ca=str(base.absolute() / self.ca))

    def land(self, landing: Landing) -> Source:
        """Pull what is due. Raises `Terminal`, `Transient` after some tries, `DataError` for errors in an answer."""
        return landed(self._puller(landing.tell, landing.stop), landing)

    def probe(self) -> Iterator[Finding]:
        """Ask for the first page."""
        yield from probed(self._puller())

    def _puller(
        self, tell: Callable[[str], None] = lambda said: None, stop: Callable[[], bool] = lambda: False
    ) -> Puller:
        url = secret.reveal(self.url, where="graphql.url")
        check_url(url, "graphql.url")
        return Puller(
            where=secret.shown_url(url),
            options=self,
            asked=[self.url, self.query, self.connection, dict(self.variables or {}), self.offset_variable],
            paging=_Connection(options=self, url=url),
            records=self._records,
            api=lambda: api_of(self, where="graphql", home=url, tell=tell, stop=stop),
        )

    def _found(self, reply: Reply) -> Any:
        """Return the connection. An answer with errors is 200 too, and may hold a part of the records."""
        errors = reply.body.get("errors") if isinstance(reply.body, dict) else None
        if errors:
            first = errors[0] if isinstance(errors, list) and isinstance(errors[0], dict) else {}
            said = str(first.get("message", "errors without a message"))[:200]
            more = f" (and {len(errors) - 1} more)" if isinstance(errors, list) and len(errors) > 1 else ""
            raise DataError(f"the API says: {said}{more}", where="graphql.query", do="Correct the query.")
        found = get(reply.body, f"data.{self.connection}")
        if found is None:
            raise DataError(f'no "{self.connection}" in the answer', where="graphql.connection")
        return found

    def _records(self, reply: Reply) -> list[Any]:
        found = self._found(reply)
        if isinstance(found, list):
            return found
        nodes = get(found, "nodes")
        nodes = get(found, "edges[*].node") if nodes is None else nodes
        return [node for node in nodes if node is not None]


@dataclass(frozen=True, kw_only=True)
class _Connection:
    """The pages of a connection (GraphQL Cursor Connections) or of a list by offset."""

    options: Graphql
    url: str

    def first(self) -> dict[str, Any]:
        return {"at": 0} if self.options.offset_variable else {"cursor": None}

    def request(self, state: Mapping[str, Any], since: str | None) -> Request:
        variables = dict(self.options.variables or {})
        if since is not None and self.options.incremental:
            variables[self.options.incremental["param"]] = since
        if self.options.offset_variable:
            variables[self.options.offset_variable] = state["at"]
        else:
            variables[self.options.cursor_variable] = state["cursor"]
        return Request(self.url, {}, "POST", {"query": self.options.query, "variables": variables})

    def following(self, state: Mapping[str, Any], reply: Reply, records: list[Any]) -> dict[str, Any] | None:
        if self.options.offset_variable:
            return {"at": state["at"] + len(records)} if records else None
        info = get(self.options._found(reply), "pageInfo")
        if not isinstance(info, dict) or "hasNextPage" not in info or "endCursor" not in info:
            raise DataError(
                "no pageInfo { endCursor hasNextPage } in the connection",
                where="graphql.query",
                do="Ask for it in the query, or give offset_variable.",
            )
        return {"cursor": info["endCursor"]} if info["hasNextPage"] else None


_: type[Lander] = Graphql
