"""Keep values in memcached; what is longer than one of its items is cut into several.

An item begins with its kind. `0`: the value follows. `1`: the value lies in pieces, under keys that hold a name drawn
anew for each writing, so that pieces of two writers never mix. A piece that is gone makes the value a miss.
"""

from __future__ import annotations

import secrets
import socket
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tilth.bytes.caches._address import Address
from tilth.bytes.caches._backend import Backend, Gone
from tilth.core.errors import missing_extra

MOST_BYTES = 16 << 20
PIECE = 1_000_000
"""Bytes of one item; memcached's own limit is 1 MiB by default, with the key and its book-keeping."""
_WHOLE, _CUT = b"0", b"1"
_LIST = struct.Struct("<8sI")
_RELATIVE = 30 * 24 * 3600
"""Up to so many seconds memcached takes a time as from now, beyond it as since 1970."""


class Memcached:
    """One connection. The protocol has neither passwords nor TLS: for a network of your own."""

    def __init__(self, address: Address, *, seconds: float, most_bytes: int = MOST_BYTES) -> None:
        client = module()
        self._unwell = (client.exceptions.MemcacheUnexpectedCloseError, ConnectionError)
        self._refusals = (client.exceptions.MemcacheServerError,)
        self.most_bytes = most_bytes
        self._client = client.Client(
            (address.host, address.port), connect_timeout=seconds, timeout=seconds, no_delay=True, ignore_exc=False
        )

    def get_many(self, keys: Sequence[str]) -> dict[str, bytes | None]:
        """Return what is there, whole."""
        found: dict[str, bytes | None] = {}
        lists: dict[str, list[str]] = {}
        for key, item in self._get(keys).items():
            if item[:1] == _WHOLE:
                found[key] = item[1:]
            elif item[:1] == _CUT and len(item) == 1 + _LIST.size:
                name, count = _LIST.unpack(item[1:])
                pieces = _names(key, name, count) if count <= self._most_pieces else []
                lists[key] = list(pieces)
                found |= {} if lists[key] else {key: None}
            else:
                found[key] = None
        # One value's pieces at a time: many long ones at once would lie in memory twice.
        for key, pieces in lists.items():
            parts = self._get(pieces)
            if len(parts) == len(pieces) and pieces:
                found[key] = b"".join(parts[name] for name in pieces)
        return found

    def put_many(self, values: Mapping[str, bytes], seconds: float | None) -> int:
        """Keep values; one that memcached has no room for is refused."""
        refused = 0
        until = 0 if seconds is None else _expiry(seconds)
        small: dict[str, bytes] = {}
        for key, value in values.items():
            if len(value) < PIECE:
                small[key] = _WHOLE + value
            elif len(value) > self.most_bytes or not self._put_cut(key, value, until):
                refused += 1
        return refused + (self._set(small, until) if small else 0)

    def delete_many(self, keys: Sequence[str]) -> None:
        """Forget values; the pieces of a long one are of no use without it and leave in time."""
        self._asked(lambda: self._client.delete_many(list(keys), noreply=False))

    def clear(self, prefix: str) -> bool:
        """Return False: memcached does not say what it holds. Values leave at the end of their time."""
        return False

    def cut(self) -> None:
        """End the connection, so that no more of an answer is read."""
        if self._client.sock is not None:
            self._client.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End the connection."""
        self._client.close()

    @property
    def _most_pieces(self) -> int:
        return -(-self.most_bytes // PIECE)

    def _put_cut(self, key: str, value: bytes, until: int) -> bool:
        name = secrets.token_bytes(8)
        pieces = [value[start : start + PIECE] for start in range(0, len(value), PIECE)]
        for piece_key, piece in zip(_names(key, name, len(pieces)), pieces, strict=True):
            if self._set({piece_key: piece}, until):
                return False
        return not self._set({key: _CUT + _LIST.pack(name, len(pieces))}, until)

    def _set(self, items: Mapping[str, bytes], until: int) -> int:
        try:
            lost: list[str] = self._asked(lambda: self._client.set_many(dict(items), expire=until, noreply=False))
        except self._refusals:
            # "out of memory storing object", "object too large for cache": the connection is well. Which of many it
            # was is not said, and what is left to read is not known: begin anew, and count all.
            self._client.close()
            return len(items)
        return len(lost)

    def _get(self, keys: Sequence[str]) -> dict[str, bytes]:
        found: dict[str, bytes] = self._asked(lambda: self._client.get_many(list(keys)))
        return found

    def _asked(self, call: Any) -> Any:
        try:
            return call()
        except self._unwell as error:
            raise Gone(str(error)) from error


def _names(key: str, name: bytes, count: int) -> Iterator[str]:
    return (f"{key}:{name.hex()}:{number}" for number in range(count))


def _expiry(seconds: float) -> int:
    whole = max(1, int(seconds))
    return whole if whole <= _RELATIVE else int(time.time()) + whole


def module() -> Any:
    """Return the client's package. Raises `MissingExtra`."""
    try:
        import pymemcache
    except ModuleNotFoundError as error:
        raise missing_extra("pymemcache", "cache", "a cache in memcached") from error
    return pymemcache


_: type[Backend] = Memcached
