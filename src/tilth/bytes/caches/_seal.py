"""Seal values, so that what comes back is what this project put there, under this key, and not expired.

    sealed = b"T1" + codec (1 byte) + length (8) + expiry (8: ms since 1970, 0 for never) + check (16) + body

The check is BLAKE2b-128 under the project's own key, over the cache key and everything but itself; it is compared in
constant time before a byte is unpacked, so that nobody who can write to the cache can forge a value, swap two, keep one
alive or send a bomb.
"""

from __future__ import annotations

import hashlib
import hmac
import struct

import pyarrow as pa

_MAGIC = b"T1"
_HEAD = struct.Struct("<2sBQQ")
_CHECK = 16
OVERHEAD = _HEAD.size + _CHECK
_CODECS: tuple[str | None, ...] = (None, "lz4", "zstd")
_WORTH = 256
"""Bytes from which a value is packed."""


class Keys:
    """What a project's secret makes: the names of keys, and the key of the checks."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret[:64]
        self.check = self._digest(b"tilth cache key", 32).digest()
        self.prefix = f"tilth:{self._digest(b'tilth cache prj', 4).hexdigest()}:"
        """How all names of this project begin."""

    def name(self, *parts: str) -> str:
        """Return a key as the cache knows it: it tells nothing, and no two spaces or projects share one."""
        hasher = self._digest(b"tilth cache nam", 20)
        for part in parts:
            raw = part.encode("utf-8", "surrogatepass")
            hasher.update(len(raw).to_bytes(8, "little") + raw)
        return f"{self.prefix}{hasher.hexdigest()}"

    def _digest(self, purpose: bytes, size: int) -> hashlib.blake2b:
        return hashlib.blake2b(digest_size=size, key=self._secret, person=purpose)


class Forged(ValueError):
    """Not what was put there."""


class Expired(ValueError):
    """What was put there, for a time that is over."""


def seal(secret: bytes, key: str, value: bytes, *, codec: str | None, expires_ms: int) -> bytes:
    """Return the value as it is stored; packed only where that makes it shorter."""
    body, used = value, None
    if codec is not None and len(value) >= _WORTH:
        packed = pa.Codec(codec).compress(value, asbytes=True)
        if len(packed) < len(value):
            body, used = packed, codec
    head = _HEAD.pack(_MAGIC, _CODECS.index(used), len(value), expires_ms)
    return b"".join((head, _check(secret, key, head, body), body))


def unseal(secret: bytes, key: str, sealed: bytes, *, now_ms: int) -> bytes:
    """Return the value. Raises `Forged` for anything that `seal` did not write under this key, and `Expired`."""
    head, body = sealed[: _HEAD.size], sealed[OVERHEAD:]
    if len(sealed) < OVERHEAD or not hmac.compare_digest(
        sealed[_HEAD.size : OVERHEAD], _check(secret, key, head, body)
    ):
        raise Forged
    _, codec, length, expires_ms = _HEAD.unpack(head)
    if expires_ms and expires_ms <= now_ms:
        raise Expired
    name = _CODECS[codec]
    value: bytes = body if name is None else pa.Codec(name).decompress(body, length, asbytes=True)
    return value


def _check(secret: bytes, key: str, head: bytes, body: bytes) -> bytes:
    hasher = hashlib.blake2b(digest_size=_CHECK, key=secret, person=b"tilth cache chk")
    raw = key.encode()
    hasher.update(len(raw).to_bytes(4, "little") + raw)
    hasher.update(head)
    hasher.update(body)
    return hasher.digest()
