"""Open a BigQuery client and say in our words what goes wrong with it."""

from __future__ import annotations

import contextlib
import ipaddress
import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from tilth.core.errors import RecipeError, Terminal, TilthError, Transient, first_line, missing_extra
from tilth.core.secret import reveal

PATIENCE = 30.0
"""Seconds for which Google's client tries a call again by itself; a run then tries the whole shard again."""
EMULATOR = "BIGQUERY_EMULATOR_HOST"
"""The variable that Google's own clients heed."""


@contextlib.contextmanager
def connected(project: str, *, endpoint: str | None, location: str | None, where: str) -> Iterator[Any]:
    """Give a client, closed in the end; what fails inside is `Transient` or `Terminal`.

    Credentials are the application's default ones. An endpoint on this machine is an emulator, which has none.
    """
    try:
        from google.cloud import bigquery
    except ImportError as error:
        raise missing_extra("google-cloud-bigquery", "bigquery", where) from error
    address = endpoint_of(endpoint, where)
    with said(where):
        client: Any = bigquery.Client(project=project, location=location, **_access(address))
        try:
            yield client
        finally:
            client.close()


def endpoint_of(endpoint: str | None, where: str) -> str | None:
    """Return the endpoint's URL, None for Google's own. Raises `RecipeError` for http beyond this machine."""
    address = reveal(endpoint, where=f"{where}.endpoint") if endpoint else os.environ.get(EMULATOR)
    if not address:
        return None
    address = address if "://" in address else f"http://{address}"
    if urlsplit(address).scheme != "https" and not _is_here(address):
        raise RecipeError(
            "the endpoint is not https",
            where=f"{where}.endpoint",
            wanted="https, or an emulator on this machine",
        )
    return address


def patient() -> Any:
    """Return how Google's client tries a call again."""
    from google.cloud.bigquery.retry import DEFAULT_RETRY

    return DEFAULT_RETRY.with_timeout(PATIENCE)


@contextlib.contextmanager
def said(where: str) -> Iterator[None]:
    """Turn Google's errors into ours."""
    import requests
    from google.api_core import exceptions as api
    from google.auth import exceptions as auth

    try:
        yield
    except TilthError:
        raise
    except auth.DefaultCredentialsError as error:
        raise Terminal(
            "no credentials are found",
            where=where,
            do="Run: gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS.",
        ) from error
    except (requests.ConnectionError, requests.Timeout, auth.TransportError, api.RetryError) as error:
        raise Transient(f"BigQuery does not answer: {type(error).__name__}", where=where) from error
    except auth.GoogleAuthError as error:
        raise Terminal(f"the credentials are refused: {first_line(error)}", where=where) from error
    except api.GoogleAPICallError as error:
        raise _judged(error, where) from error


def _judged(error: Any, where: str) -> TilthError:
    from google.api_core import exceptions as api

    reasons = {str(each.get("reason")) for each in (error.errors or ()) if isinstance(each, dict)}
    busy = reasons & {"rateLimitExceeded", "backendError", "jobRateLimitExceeded", "jobInternalError"}
    clash = "aborted due to concurrent" in str(error) or "Could not serialize" in str(error)
    what = first_line(error)[:300]
    if busy or clash or isinstance(error, (api.ServerError, api.TooManyRequests)):
        return Transient(what, where=where)
    return Terminal(what, where=where, do="See the roles of the account." if isinstance(error, api.Forbidden) else None)


def _access(address: str | None) -> dict[str, Any]:
    if address is None:
        return {}
    from google.api_core.client_options import ClientOptions
    from google.auth.credentials import AnonymousCredentials

    options: dict[str, Any] = {"client_options": ClientOptions(api_endpoint=address)}
    return {**options, "credentials": AnonymousCredentials()} if _is_here(address) else options  # type: ignore[no-untyped-call]


def _is_here(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"
