"""Open a MongoDB client and say in our words what goes wrong with it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from tilth.core.errors import DataError, Terminal, TilthError, Transient, first_line, missing_extra
from tilth.core.secret import learn, reveal, shown_url

SELECTION_MS = 10_000
"""How long a server is looked for, where the URL does not say."""
_DENIED = {13: "has no right to do this", 18: "the user or password is wrong", 8000: "the user or password is wrong"}
"""Codes of MongoDB (https://www.mongodb.com/docs/manual/reference/error-codes): Unauthorized, AuthenticationFailed."""


@contextlib.contextmanager
def connected(url: str, *, where: str) -> Iterator[Any]:
    """Give a client for `env:NAME` or a URL, closed in the end; what fails inside is `Transient` or `Terminal`."""
    try:
        import pymongo
    except ImportError as error:
        raise missing_extra("pymongo", "mongodb", where) from error
    address = reveal(url, where=f"{where}.url")
    learn(_password(address))
    own: dict[str, Any] = (
        {} if "serverselectiontimeoutms" in address.lower() else {"serverSelectionTimeoutMS": SELECTION_MS}
    )
    # Polling: one connection a server less, and what a proxy may not stream is not asked of it.
    how = {"appname": "tilth", "serverMonitoringMode": "poll", **own}
    with said(f"{where} {_shown(address)}"), pymongo.MongoClient(address, **how) as client:
        yield client


def has_transactions(client: Any) -> bool:
    """Tell whether the server has transactions: a member of a replica set or a router does, a lone server does not."""
    hello = client.admin.command("hello")
    return bool(hello.get("setName")) or hello.get("msg") == "isdbgrid"


@contextlib.contextmanager
def said(where: str) -> Iterator[None]:
    """Turn pymongo's errors into ours."""
    from bson.errors import BSONError, InvalidDocument
    from pymongo import errors

    try:
        yield
    except TilthError:
        raise
    except (errors.ConfigurationError, errors.InvalidURI) as error:
        raise Terminal(
            f"the URL cannot be used: {first_line(error)}", where=where, wanted="mongodb://user:password@host/…"
        ) from error
    except (errors.DocumentTooLarge, InvalidDocument, BSONError) as error:
        raise DataError(f"a document cannot be written: {first_line(error)}", where=where) from error
    except errors.PyMongoError as error:
        raise _judged(error, where) from error


def _judged(error: Any, where: str) -> TilthError:
    from pymongo import errors

    code = getattr(error, "code", None)
    if code in _DENIED:
        return Terminal(f"{_DENIED[code]}: {first_line(error)}", where=where, do="See the user and its roles.")
    retry = (
        errors.ConnectionFailure,
        errors.ExecutionTimeout,
        errors.WTimeoutError,
        errors.CursorNotFound,
        errors.WaitQueueTimeoutError,
    )
    labels = ("TransientTransactionError", "RetryableWriteError", "UnknownTransactionCommitResult")
    if isinstance(error, retry) or any(error.has_error_label(label) for label in labels):
        return Transient(_brief(error), where=where)
    return Terminal(_brief(error), where=where)


def _brief(error: Any) -> str:
    # pymongo adds its whole picture of the servers, and of a failed bulk write the documents themselves.
    from pymongo import errors

    if isinstance(error, errors.BulkWriteError):
        codes = sorted({str(each.get("code")) for each in (error.details or {}).get("writeErrors", ())})
        return f"documents were refused (codes {', '.join(codes)})"
    return first_line(error).partition(", full error:")[0].partition(" (configured timeouts")[0][:300]


def _password(address: str) -> str | None:
    userinfo = address.partition("://")[2].partition("/")[0].rpartition("@")[0]
    return userinfo.partition(":")[2] or None


def _shown(address: str) -> str:
    try:
        return shown_url(address)
    except ValueError:
        return "mongodb:"
