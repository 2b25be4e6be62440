"""Serve small objects of one bucket as S3 does, fast: a test server for `bench/_io_s3.py`, and nothing else.

    python bench/_io_s3_server.py PORT COUNT BYTES

It answers GET (with ranges), HEAD and ListObjectsV2 in pages of 1,000, from answers made beforehand, over kept-alive
connections in one thread. It checks no signature and takes no writes. Object `n` is named `small/<n, 6 digits>`; its
bytes are drawn from its number.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import sys
from collections.abc import Sequence
from urllib.parse import parse_qs

BUCKET, PREFIX = "bench", "small/"
_DATE = b"Wed, 25 Nov 2026 00:00:00 GMT"
_RANGE = re.compile(rb"\r\nrange: *bytes=(\d+)-(\d*)", re.I)


def content(number: int, size: int) -> bytes:
    """Return an object's bytes."""
    return hashlib.shake_128(number.to_bytes(4, "big")).digest(size)


class Objects:
    """All answers, by what is asked for."""

    def __init__(self, count: int, size: int) -> None:
        self.names = [f"{PREFIX}{number:06d}" for number in range(count)]
        self.size = size
        self.bodies: dict[bytes, bytes] = {}
        self.heads: dict[bytes, bytes] = {}
        for number, name in enumerate(self.names):
            body = content(number, size)
            self.bodies[f"/{BUCKET}/{name}".encode()] = body
            self.heads[f"/{BUCKET}/{name}".encode()] = (
                b'Last-Modified: %b\r\nETag: "%b"\r\nContent-Type: application/octet-stream\r\nAccept-Ranges: bytes\r\n'
                % (_DATE, hashlib.md5(body).hexdigest().encode())
            )

    def answer(self, request: bytes) -> bytes:
        """Return the answer to a whole request."""
        method, target, _ = request.split(b" ", 2)
        body = self.bodies.get(target)
        if body is None:
            return self._other(target)
        head = self.heads[target]
        if method == b"HEAD":
            return b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n" % (head, len(body))
        asked = _RANGE.search(request)
        if asked:
            first, last = int(asked[1]), min(int(asked[2] or len(body)), len(body) - 1)
            where = b"Content-Range: bytes %d-%d/%d\r\n" % (first, last, len(body))
            part = body[first : last + 1]
            return b"HTTP/1.1 206 OK\r\n%b%bContent-Length: %d\r\n\r\n%b" % (head, where, len(part), part)
        return b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)

    def _other(self, target: bytes) -> bytes:
        place, _, query = target.decode().partition("?")
        if place.strip("/") != BUCKET:
            return _xml(404, "<Error><Code>NoSuchKey</Code><Message>no such key</Message></Error>")
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        return _xml(200, self._page(asked.get("prefix", ""), asked.get("continuation-token", "0")))

    def _page(self, prefix: str, token: str) -> str:
        names: Sequence[str] = [name for name in self.names if name.startswith(prefix)]
        start = int(token)
        rows = "".join(
            f"<Contents><Key>{name}</Key><LastModified>2026-11-25T00:00:00.000Z</LastModified>"
            f"<ETag>&quot;{number:032x}&quot;</ETag><Size>{self.size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            for number, name in enumerate(names[start : start + 1000], start)
        )
        more = start + 1000 < len(names)
        token = f"<NextContinuationToken>{start + 1000}</NextContinuationToken>" if more else ""
        return (
            f'<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>{BUCKET}</Name>'
            f"<Prefix>{prefix}</Prefix><MaxKeys>1000</MaxKeys><KeyCount>{len(names[start : start + 1000])}</KeyCount>"
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{rows}</ListBucketResult>"
        )


class Connection(asyncio.Protocol):
    """One connection; requests have no bodies, and may come several at a time."""

    def __init__(self, objects: Objects) -> None:
        self.objects, self.rest = objects, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        *requests, self.rest = (self.rest + data).split(b"\r\n\r\n")
        for request in requests:
            self.transport.write(self.objects.answer(request))


def _xml(status: int, body: str) -> bytes:
    raw = body.encode()
    return b"HTTP/1.1 %d OK\r\nContent-Type: application/xml\r\nContent-Length: %d\r\n\r\n%b" % (status, len(raw), raw)


async def serve(port: int, count: int, size: int) -> None:
    """Answer until stopped."""
    objects = Objects(count, size)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(objects), "127.0.0.1", port)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(*map(int, sys.argv[1:4])))
