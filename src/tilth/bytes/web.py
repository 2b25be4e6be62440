"""Ask a web server: guarded at every hop, within limits of time and size, and with errors that say what helps.

    with Web() as web:
        answer = web.request("https://api.test/items", params={"page": "2"})
        web.download("https://data.test/set.zip", folder / "set.zip", most=1 << 30)

Nothing here retries: a `Transient` says that trying again may help and, in `after`, when. Proxies that the environment
names are not used.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import quote

import tilth
from tilth.bytes.guard import Guard, parsed
from tilth.bytes.urls import Asked, host_header, redirected, with_params
from tilth.core.errors import RecipeError, Terminal, Transient, missing_extra
from tilth.core.secret import shown_url

try:
    import urllib3
    from urllib3.connection import HTTPConnection, HTTPSConnection
except ModuleNotFoundError as error:
    raise missing_extra("urllib3", "web", "asking a web server") from error

from tilth.bytes import _web_body as _body
from tilth.bytes._web_errors import BROKEN, broken, refusal

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Answer(NamedTuple):
    """What a server answered: 2xx, or another status that was asked for in `allow`."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    url: str
    """Where the answer came from, after redirects."""


class Downloaded(NamedTuple):
    """A file that was downloaded whole."""

    path: Path
    bytes: int
    sha256: str
    url: str
    """Where the bytes came from, after redirects."""
    etag: str | None


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much one answer may take."""

    connect_seconds: float = 10.0
    read_seconds: float = 30.0
    """Between two pieces of an answer."""
    total_seconds: float = 120.0
    """For a whole answer with its redirects; a download has no such limit, but a slowest pace."""
    most_bytes: int = 64 << 20
    """The longest body, unpacked."""
    redirects: int = 5


@dataclass
class Web:
    """A client that keeps one connection a server open; close it, or use it in a `with`."""

    guard: Guard = field(default_factory=Guard)
    """Which addresses may be asked."""
    limits: Limits = field(default_factory=Limits)
    ca: str | None = None
    """A file of certificates to trust in place of the system's."""
    _trust: ssl.SSLContext | None = field(default=None, repr=False)
    _held: dict[tuple[str, str, int, str], HTTPConnection] = field(default_factory=dict, repr=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        for connection in self._held.values():
            connection.close()
        self._held.clear()

    def request(
        self,
        url: str,
        *,
        method: str = "GET",
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        most: int | None = None,
        allow: frozenset[int] = frozenset(),
    ) -> Answer:
        """Ask and return the answer. Raises `Transient` for 429, 5xx and broken connections, `Terminal` for other 4xx,
        for an answer over `most` bytes and for addresses that may not be asked."""
        deadline = time.monotonic() + self.limits.total_seconds
        asked = Asked(method, with_params(url, params or {}), dict(headers or {}), body)
        with self._answered(asked, deadline, packed=True) as response:
            found = {name.lower(): value for name, value in response.headers.items()}
            if not 200 <= response.status < 300 and response.status not in allow:
                raise refusal(response.status, found, asked.url)
            with _translated(asked.url):
                most = self.limits.most_bytes if most is None else most
                whole = _body.body(response, asked.url, most=most, deadline=deadline)
        return Answer(response.status, found, whole, asked.url)

    def download(
        self, url: str, path: Path, *, most: int, headers: Mapping[str, str] | None = None, resume: bool = True
    ) -> Downloaded:
        """Bring a file to `path`, whole or not at all; a download that broke off goes on where it was.

        It goes on only where the server vouches that the bytes are the same (a strong ETag or a date, by If-Range).
        """
        from tilth.bytes._web_download import download

        return download(self, url, path, most=most, headers=dict(headers or {}), resume=resume)

    @contextlib.contextmanager
    def _answered(self, asked: Asked, deadline: float | None, *, packed: bool) -> Iterator[urllib3.BaseHTTPResponse]:
        """Follow redirects and yield the last answer, its body unread; `asked` then says where it came from."""
        for _ in range(self.limits.redirects + 1):
            connection, response, watch = self._ask(asked, deadline, packed=packed)
            whole = False
            try:
                target = response.headers.get("location")
                if response.status not in _REDIRECTS or not target:
                    yield response
                    whole = response.length_remaining == 0 and response.headers.get("connection", "") != "close"
                    return
            finally:
                watch.cancel()
                if not whole:
                    # The connection has let go of an answer after which the server closes.
                    response.close()
                    self._drop(connection)
            redirected(asked, response.status, target)
        raise Terminal(f"more than {self.limits.redirects} redirects", where=shown_url(asked.url))

    def _ask(
        self, asked: Asked, deadline: float | None, *, packed: bool
    ) -> tuple[HTTPConnection, urllib3.BaseHTTPResponse, threading.Timer]:
        there = parsed(asked.url)
        target = quote(there.path, safe="/?%:@!$&'()*+,;=-._~[]|")
        headers = {
            "Host": host_header(there),
            "User-Agent": f"tilth/{tilth.__version__}",
            "Accept": "*/*",
            "Accept-Encoding": "gzip, deflate" if packed else "identity",
            **asked.headers,
        }
        broke: Exception | None = None
        for address in self.guard.addresses(there.host, there.port):
            place = (there.scheme, there.host, there.port, address)
            for held in (self._held.pop(place, None), None):
                connection = held or self._connection(place)
                watch = _watch(connection, deadline)
                try:
                    if held is None:
                        connection.connect()
                        connection.timeout = self.limits.read_seconds
                    connection.request(
                        asked.method, target, asked.body, headers, preload_content=False, decode_content=False
                    )
                    response = connection.getresponse()
                except BROKEN as error:
                    watch.cancel()
                    connection.close()
                    broke = error
                    late = isinstance(error, (TimeoutError, urllib3.exceptions.TimeoutError))
                    if held is None or late or (deadline is not None and time.monotonic() > deadline):
                        break
                    # The server may have closed a connection that was held: once more on a new one.
                    continue
                if not _body.framed(response, asked.method) and not _body.may_end_anyhow(response):
                    watch.cancel()
                    response.close()
                    connection.close()
                    raise Transient("the answer's headers are cut short", where=shown_url(asked.url))
                self._held[place] = connection
                return connection, response, watch
        raise broken(broke or OSError("no address"), asked.url) from broke

    def _connection(self, place: tuple[str, str, int, str]) -> HTTPConnection:
        scheme, host, port, address = place
        seconds = self.limits.connect_seconds
        if scheme == "http":
            return HTTPConnection(address, port, timeout=seconds)
        return HTTPSConnection(
            address, port, timeout=seconds, server_hostname=host, assert_hostname=host, ssl_context=self._trusted()
        )

    def _trusted(self) -> ssl.SSLContext:
        """Return the certificates to trust, read once."""
        if self._trust is None:
            try:
                self._trust = ssl.create_default_context(cafile=self.ca)
            except (OSError, ssl.SSLError) as error:
                raise RecipeError(f"{self.ca} holds no certificates", where="ca", wanted="a PEM file") from error
        return self._trust

    def _drop(self, connection: HTTPConnection) -> None:
        connection.close()
        for place in [place for place, held in self._held.items() if held is connection]:
            del self._held[place]


def _watch(connection: HTTPConnection, deadline: float | None) -> threading.Timer:
    """Cut a connection at the deadline, whatever it waits for: headers may drip in byte by byte."""

    def cut() -> None:
        sock = connection.sock
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, (deadline or 0.0) - time.monotonic()), cut)
    timer.daemon = True
    if deadline is not None:
        timer.start()
    return timer


@contextlib.contextmanager
def _translated(url: str) -> Iterator[None]:
    try:
        yield
    except Transient:
        raise
    except BROKEN as error:
        raise broken(error, url) from error
