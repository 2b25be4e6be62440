"""Read a request's body as JSON: within a size, within a time, whatever the sender tries."""

from __future__ import annotations

import asyncio
import json
from typing import Any, NoReturn

from starlette.requests import Request

from tilth.serve._refusal import Refusal


async def read_json(request: Request, *, limit: int, seconds: float) -> Any:
    """Return the body's JSON value.

    Raises `Refusal`: 415 for another content type, 413 as soon as the body is longer than `limit` bytes, 408 when it
    takes longer than `seconds`, 400 for what is not JSON.
    """
    _check_type(request)
    try:
        async with asyncio.timeout(seconds):
            return _parse(await _read(request, limit))
    except TimeoutError:
        raise Refusal(
            408, "the body did not arrive in time", where="body", wanted=f"all of it within {seconds:g} seconds"
        ) from None


async def _read(request: Request, limit: int) -> bytes:
    body = bytearray()
    read = 0
    async for chunk in request.stream():
        read += len(chunk)
        if read > _LINGER * limit:
            break
        body += chunk if read <= limit else b""
    if read > limit:
        raise Refusal(413, "the body is too long", where="body", wanted=f"at most {limit} bytes", do="Send fewer rows.")
    return bytes(body)


def _check_type(request: Request) -> None:
    kind, _, rest = request.headers.get("content-type", "").partition(";")
    charset = rest.partition("charset=")[2].strip().strip('"').lower() or "utf-8"
    if kind.strip().lower() != "application/json" or charset not in ("utf-8", "utf8", "us-ascii"):
        raise Refusal(415, "the body is not declared as JSON", where="Content-Type", wanted="application/json")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refusal(415, "the body is compressed", where="Content-Encoding", wanted="an uncompressed body")


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise _not_json(f"byte {error.start} is not UTF-8", "body") from None
    except json.JSONDecodeError as error:
        raise _not_json(error.msg, f"body, line {error.lineno} column {error.colno}") from None
    except RecursionError:
        raise _not_json("it is nested too deeply", "body") from None
    except ValueError:
        # Python refuses to read a whole number of more than 4300 digits.
        raise _not_json("a number in it is too long", "body") from None


def _no_constant(word: str) -> NoReturn:
    raise _not_json(f"{word} is not JSON", "body")


def _not_json(what: str, where: str) -> Refusal:
    return Refusal(
        400, f"the body is not JSON: {what}", where=where, wanted='JSON, such as {"rows": [{"text": "..."}]}'
    )


_LINGER = 2
"""How many times the limit is read, the rest thrown away: a sender that is cut off while it sends sees no refusal."""
