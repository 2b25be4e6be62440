"""Read a cache's URL into what its client takes; a wrong one is a mistake in the recipe, said without its password."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from tilth.core.errors import RecipeError, did_you_mean

_PORTS = {"redis": 6379, "rediss": 6379, "memcached": 11211}


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a cache server listens."""

    scheme: str
    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    database: int = 0
    ca: str | None = None
    """A file of certificates to trust, in place of the system's."""


def address(url: str, *, where: str) -> Address:
    """Return the parts of a redis:, rediss: or memcached: URL. Raises `RecipeError`.

    >>> address("redis://cache:6380/2", where="cache").database
    2
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS:
        known = ("none", "disk", *(f"{scheme}://host:port" for scheme in _PORTS))
        do = did_you_mean(parts.scheme or url, [*_PORTS, "disk", "none"])
        raise RecipeError("not the address of a cache", where=where, wanted=f"one of {', '.join(known)}", do=do)
    if parts.fragment:
        raise RecipeError("there is a # in it", where=where, do="Write # in a password as %23.")
    try:
        port = parts.port or _PORTS[parts.scheme]
    except ValueError as error:
        raise RecipeError("the port is no port", where=where, wanted="1 to 65535") from error
    if not parts.hostname:
        raise RecipeError("there is no host", where=where, wanted=f"{parts.scheme}://host:port")
    return Address(
        scheme=parts.scheme,
        host=parts.hostname,
        port=port,
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        database=_database(parts, where),
        ca=_ca(parts, where),
    )


def _database(parts: SplitResult, where: str) -> int:
    number = parts.path.strip("/")
    if not number:
        return 0
    if parts.scheme == "memcached" or not number.isdecimal():
        wanted = "nothing behind the port" if parts.scheme == "memcached" else "the number of a database, such as /0"
        raise RecipeError("there is a path that means nothing here", where=where, wanted=wanted)
    return int(number)


def _ca(parts: SplitResult, where: str) -> str | None:
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    ca = given.pop("ca", None)
    if given or (ca is not None and parts.scheme != "rediss"):
        wanted = "ca=FILE for rediss:" if parts.scheme != "memcached" else "nothing behind the port"
        raise RecipeError("there are options that mean nothing here", where=where, wanted=wanted)
    return ca
