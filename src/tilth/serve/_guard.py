"""Stand before every route: host, key, request id, counts, access log, and no stack trace past this point."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
import secrets
import time
import traceback
from collections.abc import Collection, Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tilth.core.errors import TilthError
from tilth.serve._metrics import Metrics
from tilth.serve._refusal import Refusal, response

access = logging.getLogger("tilth.serve.access")
log = logging.getLogger("tilth.serve")
MIN_KEY = 16
"""The fewest characters a key may have."""
_OPEN = frozenset({"/healthz", "/readyz", "/docs", "/openapi.json"})
_CLOSED = frozenset({"/predict", "/model", "/metrics"})
_KEY = re.compile(rf"[!-~]{{{MIN_KEY},}}")
_GONE = 499
"""What the counts say when the client left before the answer."""


class Keys:
    """API keys, held as SHA-256 hashes only.

    >>> Keys(["correct-horse-battery"]).opens("correct-horse-battery")
    True
    """

    def __init__(self, keys: Sequence[str]) -> None:
        if isinstance(keys, str) or not all(map(_KEY.fullmatch, keys)):
            raise TilthError(
                "an API key is too short, or holds a space or a character outside ASCII",
                where="keys",
                wanted=f"a list of keys of at least {MIN_KEY} printable ASCII characters",
                do='Make one with: python -c "import secrets; print(secrets.token_urlsafe(32))"',
            )
        self._hashes = tuple(hashlib.sha256(key.encode("ascii")).digest() for key in keys)

    def __bool__(self) -> bool:
        return bool(self._hashes)

    def opens(self, key: str) -> bool:
        """Tell whether this is one of the keys, in a time that says nothing about any of them."""
        given = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
        return bool(sum([hmac.compare_digest(given, held) for held in self._hashes]))


class Guard:
    """An ASGI middleware around the whole service."""

    def __init__(self, app: ASGIApp, *, keys: Keys, hosts: Collection[str] | None, metrics: Metrics) -> None:
        self._app, self._keys, self._hosts, self._metrics = app, keys, hosts, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        path = scope["path"] if scope["path"] in _OPEN | _CLOSED else "other"
        scope.setdefault("state", {})["request_id"] = request_id = _request_id(headers)
        began, status = time.perf_counter(), 0
        unread = "transfer-encoding" in headers or headers.get("content-length", "0") != "0"

        async def hear() -> Message:
            nonlocal unread
            message = await receive()
            unread = unread and bool(message.get("more_body"))
            return message

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                sent = MutableHeaders(scope=message)
                sent["X-Request-Id"] = request_id
                sent["X-Content-Type-Options"] = "nosniff"
                sent.setdefault("Cache-Control", "no-store")
                if unread:
                    # Else the server would go on to read, and throw away, whatever else the sender sends.
                    sent["Connection"] = "close"
            await send(message)

        self._metrics.in_flight.inc()
        try:
            self._check(headers, path)
            await self._app(scope, hear, answer)
        except Refusal as refusal:
            await response(refusal, request_id)(scope, receive, answer)
        except ClientDisconnect:
            status = _GONE
        except Exception as error:  # noqa: BLE001 (the last door: the caller learns an id, the log learns the rest)
            _log_failure(error, request_id)
            if not status:
                failure = Refusal(500, "the service failed", do="Look for this id in the service's log.")
                await response(failure, request_id)(scope, receive, answer)
        finally:
            seconds = time.perf_counter() - began
            self._metrics.in_flight.dec()
            self._metrics.request(path, status, seconds)
            _log_access(scope, path, status, seconds, request_id)

    def _check(self, headers: Headers, path: str) -> None:
        host = headers.get("host", "")
        if self._hosts is not None and _host_name(host) not in self._hosts:
            raise Refusal(421, "this service does not go by that name", where="Host", wanted=" or ".join(self._hosts))
        if not self._keys or path in _OPEN:
            return
        scheme, _, token = headers.get("authorization", "").partition(" ")
        given = token.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
        if not given or not self._keys.opens(given):
            raise Refusal(
                401,
                "wrong key" if given else "no key",
                wanted="Authorization: Bearer <key>, or X-API-Key: <key>",
                headers={"WWW-Authenticate": 'Bearer realm="tilth"'},
            )


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if re.fullmatch(r"[A-Za-z0-9._-]{1,64}", given) else secrets.token_hex(8)


def _host_name(host: str) -> str:
    return re.sub(r":\d*$", "", host).strip("[]").lower()


def _log_access(scope: Scope, path: str, status: int, seconds: float, request_id: str) -> None:
    if access.isEnabledFor(logging.INFO):
        line = {"id": request_id, "method": scope["method"], "path": path, "status": status}
        access.info(json.dumps({**line, "ms": round(seconds * 1000, 2), "rows": scope["state"].get("rows", 0)}))


def _log_failure(error: Exception, request_id: str) -> None:
    # Frames and the error's type, without its message: a message may quote a row.
    frames = "".join(traceback.format_tb(error.__traceback__)).rstrip()
    said = f": {error}" if isinstance(error, TilthError) else ""
    log.error("request %s failed with %s%s\n%s", request_id, type(error).__name__, said, frames)
