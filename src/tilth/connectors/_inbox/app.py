"""Receive pushes over HTTP: `POST /` with JSON or JSON lines; 202 when they are on the disk."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from tilth.connectors._inbox.inbox import Inbox
from tilth.connectors._inbox.signed import signed
from tilth.core.errors import missing_extra

try:
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import ClientDisconnect, Request
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route
except ModuleNotFoundError as error:
    raise missing_extra(error.name or "starlette", "serve", "receiving pushes") from error

_DELIVERY = ("idempotency-key", "x-github-delivery", "webhook-id", "x-delivery-id")
"""Headers in which senders name a push."""
_JSON, _LINES = ("application/json",), ("application/jsonl", "application/x-ndjson", "application/x-jsonlines")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much one receiver takes on."""

    max_body: int = 1 << 20
    """The longest body, in bytes."""
    rate: float = 50.0
    """Pushes a second; twice as many at once."""
    seconds: float = 15.0
    """In which a body must arrive."""


class Refused(Exception):
    """A push that is not kept: a status and a line that says why."""

    def __init__(self, status: int, why: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(why)
        self.status, self.why, self.headers = status, why, dict(headers or {})


def app(
    inbox: Inbox,
    *,
    opens: Callable[[str], bool] | None = None,
    secret: str | None = None,
    scheme: str = "github",
    hosts: Collection[str] | None = None,
    limits: Limits | None = None,
) -> Starlette:
    """Return the ASGI application.

    `opens` tells whether a key is right, in a time that says nothing; None asks for none. `secret` and `scheme` ask for
    a signature. `hosts` are the names that a request's `Host` may give; None takes all.
    """
    limits = limits or Limits()
    pace = _Pace(limits.rate)

    async def push(request: Request) -> Response:
        try:
            _check_host(request, hosts)
            _check_key(request, opens)
            pace.take()
            body = await _body(request, limits)
            if secret is not None and not signed(scheme, secret, request.headers, body):
                raise Refused(401, "the signature is missing or wrong")
            lines = _lines(request.headers.get("content-type", ""), body)
            new = await run_in_threadpool(_accept, inbox, lines, _delivery(request))
        except ClientDisconnect:
            return Response(status_code=400)
        except Refused as refused:
            # What was not read of the body must not be taken for the next request.
            return JSONResponse({"error": refused.why}, refused.status, {"Connection": "close", **refused.headers})
        if not new:
            return JSONResponse({"accepted": 0, "duplicate": True})
        return JSONResponse({"accepted": len(lines)}, 202)

    async def healthz(request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    return Starlette(routes=[Route("/", push, methods=["POST"]), Route("/healthz", healthz, methods=["GET"])])


class _Pace:
    """A bucket that fills with `rate` pushes a second and holds two seconds' worth."""

    def __init__(self, rate: float) -> None:
        self._rate, self._held, self._at = rate, 2 * rate, time.monotonic()

    def take(self) -> None:
        now = time.monotonic()
        self._held = min(2 * self._rate, self._held + (now - self._at) * self._rate)
        self._at = now
        if self._held < 1:
            raise Refused(429, "too many pushes", {"Retry-After": str(max(1, round((1 - self._held) / self._rate)))})
        self._held -= 1


def _check_host(request: Request, hosts: Collection[str] | None) -> None:
    host = re.sub(r":\d*$", "", request.headers.get("host", "")).strip("[]").lower()
    if hosts is not None and host not in hosts:
        raise Refused(421, "this receiver does not go by that name")


def _check_key(request: Request, opens: Callable[[str], bool] | None) -> None:
    if opens is None:
        return
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    given = token.strip() if kind.lower() == "bearer" else request.headers.get("x-api-key", "")
    if not given or not opens(given):
        why = "wrong key" if given else "no key: send Authorization: Bearer <key>, or X-API-Key: <key>"
        raise Refused(401, why, {"WWW-Authenticate": 'Bearer realm="tilth"'})


async def _body(request: Request, limits: Limits) -> bytes:
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refused(415, "the body is compressed")
    said = request.headers.get("content-length", "0")
    if said.isdigit() and int(said) > limits.max_body:
        raise Refused(413, f"the body is longer than {limits.max_body} bytes")
    body = bytearray()
    try:
        async with asyncio.timeout(limits.seconds):
            async for piece in request.stream():
                body += piece
                if len(body) > limits.max_body:
                    raise Refused(413, f"the body is longer than {limits.max_body} bytes")
    except TimeoutError:
        raise Refused(408, f"the body did not arrive within {limits.seconds:g} seconds") from None
    return bytes(body)


def _lines(content_type: str, body: bytes) -> list[bytes]:
    """Return the records, each as one line of JSON."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in (*_JSON, *_LINES):
        raise Refused(415, f"the body is not declared as JSON: Content-Type: {_JSON[0]} or {_LINES[0]}")
    try:
        text = body.decode("utf-8")
        if kind in _JSON:
            value = _parsed(text)
            records = value if isinstance(value, list) else [value]
        else:
            records = [_parsed(line) for line in text.splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise Refused(400, f"byte {error.start} of the body is not UTF-8") from error
    except (ValueError, RecursionError) as error:
        # What was sent is not repeated; Python's own words name a place only.
        why = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deep, or a number that is none"
        raise Refused(400, f"the body is not JSON: {why}") from error
    if not records or not all(isinstance(record, dict) for record in records):
        raise Refused(422, "an object, or a list of objects, is wanted")
    return [_written(record) for record in records]


def _parsed(text: str) -> Any:
    def refuse(word: str) -> Any:
        raise ValueError(f"{word} is not JSON")

    return json.loads(text, parse_constant=refuse)


def _written(record: Any) -> bytes:
    try:
        return json.dumps(record, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except UnicodeEncodeError:
        # Half a surrogate pair stays escaped.
        return json.dumps(record, separators=(",", ":")).encode()


def _delivery(request: Request) -> str | None:
    found = next(((name, request.headers[name]) for name in _DELIVERY if request.headers.get(name)), None)
    if found is None:
        return None
    if len(found[1]) > 256:
        raise Refused(400, f"{found[0]} is longer than 256 characters")
    return found[1]


def _accept(inbox: Inbox, lines: list[bytes], delivery: str | None) -> bool:
    try:
        return inbox.accept(lines, delivery)
    except OSError as error:
        raise Refused(507, f"the push cannot be kept: {error.strerror}") from error
    except sqlite3.OperationalError as error:
        raise Refused(503, "the inbox is busy or its disk is full", {"Retry-After": "5"}) from error
