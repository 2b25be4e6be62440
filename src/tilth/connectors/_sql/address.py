"""Find the dialect and the address behind a URL."""

from __future__ import annotations

import re
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tilth.connectors._sql.dialect import Address, Dialect
from tilth.core.errors import RecipeError, did_you_mean
from tilth.core.secret import REFERENCE, reveal, shown_url

_MODULES = {
    "postgresql": "postgres",
    "postgres": "postgres",
    "mysql": "mysql",
    "mariadb": "mysql",
    "sqlite": "sqlite",
    "duckdb": "duck",
}
_FILES = ("sqlite", "duckdb")


def checked(url: str, where: str) -> None:
    """Raise `RecipeError` for a URL that cannot be meant, or that holds a password."""
    if REFERENCE.match(url):
        return
    scheme = _scheme(url, where)
    if scheme not in _FILES:
        try:
            password = urlsplit(url).password
        except ValueError as error:
            raise RecipeError(f"{shown(url)}: {error}", where=where) from error
        if password:
            raise RecipeError(
                "the URL holds a password", where=where, wanted="an environment variable",
                do="Put the URL into a variable and write url: env:NAME.",
            )  # fmt: skip


def shown(url: str) -> str:
    """Return a URL, or the reference to it, as it may be shown."""
    return url if REFERENCE.match(url) else shown_url(url)


def anchored(url: str, base: Path) -> str:
    """Return the URL of a file with its path made absolute; any other as it is."""
    scheme, mark, path = url.partition(":///")
    if not mark or scheme not in _FILES or Path(path).is_absolute():
        return url
    return f"{scheme}:///{base.absolute() / path}"


def dialect_of(url: str, where: str) -> Dialect:
    """Return the dialect of a URL, which may be a reference."""
    return dialect(_scheme(reveal(url, where=where), where))


def dialect(name: str) -> Dialect:
    """Return a dialect by its scheme."""
    module: Any = import_module(f"tilth.connectors._sql.{_MODULES[name]}")
    made: Dialect = module.DIALECT
    return made


def address_of(url: str, where: str) -> Address:
    """Resolve a URL; the answer may hold a password."""
    real = reveal(url, where=where)
    scheme = _scheme(real, where)
    if scheme in _FILES:
        path = re.sub(rf"^{scheme}://(/)?", "", real.partition("?")[0])
        if not path or path == ":memory:":
            raise RecipeError("the URL names no file", where=where, wanted=f"{scheme}:///path")
        if not Path(path).is_absolute():
            path = str(Path(path).absolute())
        return Address(scheme=scheme, database=path, shown=f"{scheme}:///{Path(path).name}")
    try:
        parts = urlsplit(real)
        port = parts.port
    except ValueError as error:
        raise RecipeError(f"the URL cannot be read: {error}", where=where) from error
    return Address(
        scheme=scheme,
        host=unquote(parts.hostname or "") or None,
        port=port,
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        database=unquote(parts.path.lstrip("/")),
        options=tuple(parse_qsl(parts.query)),
        shown=shown_url(real),
    )


def connect(url: str, where: str, *, write: bool = False) -> closing[Any]:
    """Open a session on a URL, for a `with` statement."""
    return closing(dialect_of(url, where).connect(address_of(url, where), write=write))


def local(host: str | None) -> bool:
    """Tell whether a host is this machine, so that nobody listens between."""
    return not host or host.startswith(("/", "127.")) or host in ("localhost", "::1")


def _scheme(url: str, where: str) -> str:
    scheme = url.partition(":")[0].lower() if ":" in url else ""
    if scheme not in _MODULES:
        raise RecipeError(
            f'no database "{scheme}"' if scheme else "no URL", where=where, wanted=f"one of {', '.join(_MODULES)}",
            do=did_you_mean(scheme, _MODULES),
        )  # fmt: skip
    return scheme
