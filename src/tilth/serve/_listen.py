"""Open the port and run the server on it until it is asked to stop."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import uvicorn

from tilth.core.errors import TilthError


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach an address; a name must stand for loopback addresses only.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0"), is_loopback("")
    (True, True, False, False)
    """
    if not host:
        return False
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except OSError:
        return False
    return bool(found) and all(ipaddress.ip_address(address.partition("%")[0]).is_loopback for address in found)


def bind(host: str, port: int) -> socket.socket:
    """Return a bound socket that does not listen yet; port 0 picks a free port.

    Raises `TilthError` when the port is in use or may not be used, or the host is not one of this machine's.
    """
    where = f"port {port}"
    if not 0 <= port < 1 << 16:
        raise TilthError("there is no such port", where=where, wanted="0 to 65535; 0 picks a free one")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise TilthError(
            f'no address for the host "{host}"', where=where, wanted="a host name or an IP address"
        ) from error
    opened = socket.socket(family, kind, protocol)
    try:
        if hasattr(signal, "SIGKILL"):
            # POSIX: take over a port whose last connections are still closing. (Windows would share a port in use.)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
    except OSError as error:
        opened.close()
        raise _refused(error, host, port, where) from error
    return opened


def _refused(error: OSError, host: str, port: int, where: str) -> TilthError:
    if error.errno == errno.EADDRINUSE:
        return TilthError(
            f"port {port} on {host} is in use",
            where="serve",
            wanted="a free port",
            do=f"Stop what listens there, or choose another port (port {port + 1}, or port 0 for any free one).",
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return TilthError("this user may not open it", where=where, wanted="a port above 1023")
    return TilthError(f"cannot listen on {host}: {error.strerror}", where=where, wanted="an address of this machine")


def url_of(opened: socket.socket, host: str) -> str:
    """Return the URL of a bound socket."""
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{opened.getsockname()[1]}"


class Server(uvicorn.Server):
    """uvicorn that says when it is ready, stops when asked, and returns after a signal instead of raising it again."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], object], stop: Callable[[], bool]) -> None:
        super().__init__(config)
        self._ready, self._stop = ready, stop

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, then say so."""
        await super().startup(sockets)
        self._ready()

    async def on_tick(self, counter: int) -> bool:
        """Ask ten times a second whether to stop."""
        return await super().on_tick(counter) or self._stop()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at SIGINT or SIGTERM; a second SIGINT does not wait for requests."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def stop(number: int, frame: FrameType | None) -> None:
            self.force_exit = self.should_exit and number == signal.SIGINT
            self.should_exit = True

        before: dict[int, Any] = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
