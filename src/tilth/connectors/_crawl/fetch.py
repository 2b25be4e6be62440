"""Ask for one URL: connect only where the guard says, follow nothing, read no more than is allowed."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tilth.bytes.guard import Guard, Refused, parsed, refusal
from tilth.connectors._crawl.inflate import Coded, inflater_for
from tilth.connectors._crawl.urls import origin_of
from tilth.core.errors import Terminal, TilthError, Transient, missing_extra

if TYPE_CHECKING:
    import aiohttp

CHUNK = 1 << 18
_SHORT = 64 << 10
_CODINGS = "gzip, deflate, br"
_ACCEPT = "text/html,application/xhtml+xml,application/pdf;q=0.9,application/xml;q=0.8,*/*;q=0.5"


@dataclass
class Exchange:
    """One answer, whole or cut at a limit."""

    url: str
    status: int
    reason: str
    raw_headers: list[tuple[bytes, bytes]]
    body: bytes
    """Without transfer's chunks and content's coding."""
    seconds: float
    """Until the answer began."""
    time: float
    """Seconds since 1970."""
    coding: str = ""
    """What the content's coding was."""
    truncated: str | None = None
    """As WARC says it: length, time, disconnect."""
    headers: dict[str, list[str]] = field(default_factory=dict)
    """Names in lower case."""

    def header(self, name: str) -> str | None:
        """Return the first header of a name."""
        values = self.headers.get(name)
        return values[0] if values else None


class Fetcher:
    """Hold the connections of a crawl."""

    def __init__(
        self, guard: Guard, *, user_agent: str, concurrency: int, per_host: int, timeout: float, max_bytes: int
    ) -> None:
        try:
            import aiohttp
        except ImportError as error:
            raise missing_extra("aiohttp", "crawl", "crawling") from error
        self._aiohttp = aiohttp
        self._guard, self._timeout, self._cap = guard, timeout, max_bytes
        self._literals: set[str] = set()
        self._threads = ThreadPoolExecutor(8, thread_name_prefix="tilth-dns")
        connector = aiohttp.TCPConnector(
            resolver=_resolver(guard, self._threads), limit=concurrency, limit_per_host=per_host, ttl_dns_cache=300,
            keepalive_timeout=15, socket_factory=_socket_factory(guard),
        )  # fmt: skip
        self._session = aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False, trust_env=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=min(timeout, 15), sock_read=timeout),
            headers={"User-Agent": user_agent, "Accept": _ACCEPT, "Accept-Encoding": _CODINGS},
            max_line_size=16 << 10, max_field_size=16 << 10, read_bufsize=CHUNK,
        )  # fmt: skip

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def get(
        self, url: str, headers: Mapping[str, str] | None = None, *, wanted: Any = None, most: int | None = None
    ) -> Exchange:
        """Return what a server answers. Raises `Transient` where another try may help, else `Terminal`.

        `wanted(exchange)` is asked when the headers are there: where it says no, no body is read. Of a body that is
        longer than `most` bytes (of a page, where that is not said) the rest is left.
        """
        self._check_literal(url)
        aiohttp = self._aiohttp
        import yarl

        began = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout):
                async with self._session.get(
                    yarl.URL(url, encoded=True), allow_redirects=False, headers=headers
                ) as response:
                    found = _begun(url, response, time.monotonic() - began)
                    if wanted is not None and not wanted(found):
                        await self._skip(response, found)
                    else:
                        await self._read(response, found, most or self._cap)
                    return found
        except TilthError:
            raise
        except Coded as error:
            raise Terminal(str(error), where=url) from error
        except TimeoutError as error:
            raise Transient(f"no whole answer in {self._timeout:.0f} s", where=url) from error
        except aiohttp.ClientConnectorCertificateError as error:
            raise Terminal(f"its certificate is not valid ({error.certificate_error})", where=url) from error
        except aiohttp.ClientPayloadError as error:
            raise Transient("the answer is cut short", where=url) from error
        except aiohttp.ClientConnectionError as error:
            raise Transient(f"no connection ({type(error).__name__})", where=url) from error
        except (aiohttp.ClientError, ValueError) as error:
            raise Terminal(f"the answer is not HTTP ({type(error).__name__})", where=url) from error
        except OSError as error:
            raise Transient(f"no connection ({error})", where=url) from error

    def _check_literal(self, url: str) -> None:
        """Judge a URL whose host is an address: clients connect to one without asking a resolver."""
        first = url[url.find("//") + 2 :][:1]
        if first != "[" and not first.isdigit():
            return
        origin = origin_of(url)
        if origin in self._literals:
            return
        target = parsed(url)
        if ":" in target.host or target.host.rpartition(".")[2].isdigit():
            self._guard.addresses(target.host, target.port)
            if len(self._literals) < 1000:
                self._literals.add(origin)

    async def _skip(self, response: aiohttp.ClientResponse, found: Exchange) -> None:
        """Read a short body that nobody wants, so that the connection may be used again; hang up on a long one."""
        found.truncated = "unspecified"
        if response.content_length is not None and response.content_length <= _SHORT:
            await response.content.read()
        else:
            response.close()

    async def _read(self, response: aiohttp.ClientResponse, found: Exchange, room: int) -> None:
        inflater = inflater_for(found.coding)
        parts: list[bytes] = []
        async for chunk in response.content.iter_any():
            part = chunk[: room + 1] if inflater is None else inflater.feed(chunk, room + 1)
            parts.append(part[:room])
            room -= len(part)
            if room < 0:
                found.truncated = "length"
                response.close()
                break
        else:
            if inflater is not None and not inflater.ended:
                raise Transient("the answer is cut short", where=found.url)
        found.body = parts[0] if len(parts) == 1 else b"".join(parts)


def _begun(url: str, response: aiohttp.ClientResponse, seconds: float) -> Exchange:
    raw = list(response.raw_headers)
    headers: dict[str, list[str]] = {}
    for name, value in raw:
        headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("utf-8", "replace"))
    coding = ",".join(headers.get("content-encoding", ())).lower().replace("identity", "").strip(" ,")
    return Exchange(
        url=url, status=response.status, reason=response.reason or "", raw_headers=raw, body=b"", seconds=seconds,
        time=time.time(), coding=coding, headers=headers,
    )  # fmt: skip


def _resolver(guard: Guard, threads: ThreadPoolExecutor) -> Any:
    from aiohttp.abc import AbstractResolver

    class Resolver(AbstractResolver):
        """Answer with addresses that the guard has judged, as numbers: nothing looks them up again."""

        async def resolve(self, host: str, port: int = 0, family: int = socket.AF_UNSPEC) -> list[Any]:
            loop = asyncio.get_running_loop()
            found = await loop.run_in_executor(threads, guard.addresses, host, port)
            return [
                {
                    "hostname": host, "host": address, "port": port, "proto": 0,
                    "family": socket.AF_INET6 if ":" in address else socket.AF_INET,
                    "flags": socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
                }
                for address in found
            ]  # fmt: skip

        async def close(self) -> None:
            pass

    return Resolver()


def _socket_factory(guard: Guard) -> Any:
    """Return what makes sockets: the last look at where one will connect to, whatever led there."""

    def make(info: tuple[Any, ...]) -> socket.socket:
        family, kind, proto, _, address = info
        host = str(address[0])
        if guard.allow_private == () and (why := refusal(ipaddress.ip_address(host))):
            raise Refused(f"{host} is {why}", wanted="a public address")
        made = socket.socket(family, kind, proto)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    return make
