"""A TCP proxy that does to connections what networks do: for tests of faults, with whatever speaks over TCP.

    with Proxy(server.port, [cut(answer=1000), PASS]) as proxy:     # the first connection is cut, the others pass
        client(port=proxy.port)
        assert proxy.acts == [(0, cut(answer=1000))]

    with Proxy(server.port, seeded(7)) as proxy:                    # what befalls connection n depends on (7, n) only
        ...

It runs in a thread of its own. A connection that carries many requests (HTTP keep-alive) has one fault: counts of bytes
are from its beginning. `busy` alone speaks HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

_CHUNK = 1 << 16


@dataclass(frozen=True)
class Act:
    """What is done to a connection; by default it passes."""

    refuse: bool = False
    """It is reset as soon as it stands."""
    delay: float = 0.0
    """Seconds before its first byte is passed on."""
    question: int | None = None
    """Reset when so many bytes have gone to the server (the last of them do not arrive)."""
    answer: int | None = None
    """Reset when so many bytes have gone to the client."""
    half: bool = False
    """Close, quite politely, in the middle of the first piece of the first answer."""
    hang: int | None = None
    """After so many bytes of answer nothing more comes, and the connection stays open."""
    drip: float | None = None
    """Seconds between the single bytes of the answer (a slow loris)."""
    status: int | None = None
    """Answer the first HTTP request with this status, without asking the server."""
    retry_after: int | None = None
    """Seconds, in that answer."""


Plan = Callable[[int], Act] | Sequence[Act]
"""What is done to connection n, from 0; past the end of a sequence, connections pass."""
PASS = Act()
REFUSE = Act(refuse=True)
HALF = Act(half=True)


def cut(*, question: int | None = None, answer: int | None = None) -> Act:
    """Reset after so many bytes, one way or the other."""
    return Act(question=question, answer=answer)


def late(seconds: float) -> Act:
    """Wait before the first byte."""
    return Act(delay=seconds)


def busy(status: int = 503, retry_after: int | None = None) -> Act:
    """Answer that the server is busy."""
    return Act(status=status, retry_after=retry_after)


def drip(seconds: float = 0.05) -> Act:
    """Answer a byte at a time."""
    return Act(drip=seconds)


def hang(after: int = 0) -> Act:
    """Stop answering, and stay."""
    return Act(hang=after)


def seeded(seed: int, *, chance: float = 0.6, reach: int = 20_000, http: bool = True) -> Callable[[int], Act]:
    """Return a plan by a seed: a share `chance` of connections has a fault, within `reach` bytes of its beginning."""

    def plan(number: int) -> Act:
        draw = random.Random(f"{seed}/{number}")
        if draw.random() >= chance:
            return PASS
        after = int(draw.random() ** 2 * reach)
        acts = [
            cut(question=after),
            cut(answer=after),
            HALF,
            REFUSE,
            late(draw.random() * 0.2),
            hang(after),
            drip(0.02),
        ]
        if http:
            acts += [busy(503, retry_after=0), busy(500), busy(429)]
        return draw.choice(acts)

    return plan


class Proxy:
    """A port of this machine that leads to another, with faults; a context manager."""

    def __init__(self, upstream: int, plan: Plan = (), *, host: str = "127.0.0.1") -> None:
        self.upstream, self.plan, self.host = upstream, plan, host
        self.port = 0
        self.acts: list[tuple[int, Act]] = []
        """The connections so far, with what was done to each (only those to which something was)."""
        self.connections = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._ready = threading.Event()

    def __enter__(self) -> Proxy:
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the proxy does not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        self._open: set[asyncio.Task[None]] = set()
        listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = listener.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        listener.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await listener.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._open.add(task)
        number = self.connections
        self.connections += 1
        act = self.plan(number) if callable(self.plan) else self.plan[number] if number < len(self.plan) else PASS
        if act != PASS:
            self.acts.append((number, act))
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError, asyncio.IncompleteReadError):
                await self._connection(act, reader, writer)
        finally:
            _reset(writer)
            self._open.discard(task)

    async def _connection(self, act: Act, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if act.refuse:
            return
        await asyncio.sleep(act.delay)
        if act.status is not None:
            await _say(act, reader, writer)
            return
        to_reader, to_writer = await asyncio.open_connection(self.host, self.upstream)
        try:
            ways = {
                asyncio.ensure_future(_pump(reader, to_writer, cut(answer=act.question))),
                asyncio.ensure_future(_pump(to_reader, writer, replace(act, question=None))),
            }
            try:
                done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                # One side has ended: let the other say what it still has to say, unless the end was a fault.
                if all(way.exception() is None and way.result() for way in done):
                    await asyncio.wait(ways, timeout=1)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        finally:
            _reset(to_writer)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, act: Act) -> bool:
    """Pass bytes on until they end (True) or a fault is done (False); counts are in `answer` and `hang`."""
    passed = 0
    while data := await reader.read(_CHUNK):
        if act.half:
            writer.write(data[: len(data) // 2])
            await writer.drain()
            writer.close()
            await writer.wait_closed()
            return False
        end = act.answer if act.answer is not None else act.hang
        if end is not None and passed + len(data) > end:
            writer.write(data[: end - passed])
            await writer.drain()
            if act.answer is None:
                await asyncio.sleep(3600)
            return False
        for piece in [data] if act.drip is None else [data[at : at + 1] for at in range(len(data))]:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(act.drip or 0)
        passed += len(data)
    with contextlib.suppress(OSError):
        writer.write_eof()
    return True


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close at once, with a reset; one that is closed already stays as it is."""
    sock = writer.get_extra_info("socket")
    if not writer.is_closing() and sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _say(act: Act, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    wait = f"Retry-After: {act.retry_after}\r\n" if act.retry_after is not None else ""
    body = "busy"
    head = f"HTTP/1.1 {act.status} Busy\r\n{wait}Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write((head + body).encode())
    await writer.drain()
    # What is left of the request is taken in, so that the answer is not lost to a reset.
    writer.write_eof()
    with contextlib.suppress(asyncio.TimeoutError):
        async with asyncio.timeout(1):
            while await reader.read(_CHUNK):
                pass
    writer.close()
