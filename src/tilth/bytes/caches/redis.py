"""Keep values in Redis (or what speaks its protocol, such as Valkey)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tilth.bytes.caches._address import Address
from tilth.bytes.caches._backend import Backend, Gone
from tilth.core.errors import missing_extra

MOST_BYTES = 32 << 20


class Redis:
    """One connection; TLS with `rediss:`, the certificate and the host's name checked."""

    def __init__(self, address: Address, *, seconds: float, most_bytes: int = MOST_BYTES) -> None:
        client = module()
        self._errors = client.exceptions
        self.most_bytes = most_bytes
        tls: dict[str, Any] = {}
        if address.scheme == "rediss":
            tls = {"ssl": True, "ssl_cert_reqs": "required", "ssl_check_hostname": True, "ssl_ca_certs": address.ca}
        self._client = client.Redis(
            host=address.host,
            port=address.port,
            db=address.database,
            username=address.user,
            password=address.password,
            socket_timeout=seconds,
            socket_connect_timeout=seconds,
            retry=client.retry.Retry(client.backoff.NoBackoff(), 0),
            single_connection_client=False,
            max_connections=1,
            decode_responses=False,
            protocol=2,
            **tls,
        )

    def get_many(self, keys: Sequence[str]) -> dict[str, bytes | None]:
        """Return what is there; of a value, no more than a cache's longest is asked for, whoever wrote it."""
        with self._client.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.getrange(key, 0, self.most_bytes)
            answers = self._done(pipe)
        found: dict[str, bytes | None] = {}
        for key, answer in zip(keys, answers, strict=True):
            if isinstance(answer, bytes) and len(answer) <= self.most_bytes:
                found |= {key: answer} if answer else {}
            else:
                # Of another kind (an error), or too long: nothing that a cache wrote.
                found[key] = None
        return found

    def put_many(self, values: Mapping[str, bytes], seconds: float | None) -> int:
        """Keep values; where Redis has no room and evicts none, they are refused."""
        fit = {key: value for key, value in values.items() if len(value) <= self.most_bytes}
        with self._client.pipeline(transaction=False) as pipe:
            for key, value in fit.items():
                pipe.set(key, value, px=None if seconds is None else max(1, int(seconds * 1000)))
            answers = self._done(pipe)
        return len(values) - sum(answer is True for answer in answers)

    def delete_many(self, keys: Sequence[str]) -> None:
        """Forget values."""
        with self._client.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.unlink(key)
            self._done(pipe)

    def clear(self, prefix: str) -> bool:
        """Forget values, some thousand keys at a time, so that others are served meanwhile."""
        cursor = -1
        while cursor:
            cursor, names = self._client.scan(max(cursor, 0), match=f"{prefix}*", count=1000)
            if names:
                self._client.unlink(*names)
        return True

    def cut(self) -> None:
        """End the connection, so that no more of an answer is read."""
        self._client.connection_pool.disconnect(inuse_connections=True)

    def close(self) -> None:
        """End the connection."""
        self._client.close()

    def _done(self, pipe: Any) -> list[Any]:
        try:
            answers: list[Any] = pipe.execute(raise_on_error=False)
        except self._errors.TimeoutError:
            raise
        except self._errors.AuthenticationError:
            raise
        except self._errors.ConnectionError as error:
            raise Gone(str(error)) from error
        denied = (self._errors.AuthenticationError, self._errors.NoPermissionError, self._errors.ReadOnlyError)
        for answer in answers:
            # A wrong password or a missing right is no miss: it is told, and rested from.
            if isinstance(answer, denied) or (isinstance(answer, Exception) and "NOAUTH" in str(answer)):
                raise answer
        return answers


def module() -> Any:
    """Return the client's package. Raises `MissingExtra`."""
    try:
        import redis
        import redis.backoff
        import redis.retry
    except ModuleNotFoundError as error:
        raise missing_extra("redis", "cache", "a cache in Redis") from error
    return redis


_: type[Backend] = Redis
