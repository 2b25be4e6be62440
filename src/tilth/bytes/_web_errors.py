"""Say what an HTTP answer or a broken connection means: whether trying again helps, and when."""

from __future__ import annotations

import email.utils
import http.client
import ssl
import time
from collections.abc import Mapping

import urllib3
from urllib3.util.ssl_match_hostname import CertificateError

from tilth.core.errors import ConnectorError, Terminal, Transient
from tilth.core.secret import shown_url

LONGEST_WAIT = 900.0
"""Seconds: a server that asks for a longer wait than this is not waited for."""
BROKEN = (urllib3.exceptions.HTTPError, http.client.HTTPException, CertificateError, OSError)
"""What a connection may raise."""
_WHAT_TO_DO = {
    400: "Check the parameters.",
    401: "Check the credentials: `auth` and the environment variable that it names.",
    403: "The server knows who asks and says no: check what the account may see.",
    404: "Check the address.",
    405: "Check the method.",
    410: "It is gone for good: take it out of the recipe.",
    413: "Send less at a time.",
    422: "Check the parameters.",
}
_AGAIN = frozenset({408, 425, 429})


def refusal(status: int, headers: Mapping[str, str], url: str, *, now: float | None = None) -> ConnectorError:
    """Return the error that an answer's status stands for; its `after` is what the server asked for, in seconds.

    >>> refusal(429, {"retry-after": "7"}, "https://api.test/items?key=1").after
    7.0
    """
    where = shown_url(url)
    spent = status == 403 and headers.get("x-ratelimit-remaining") == "0"
    if status not in _AGAIN and status < 500 and not spent:
        do = _WHAT_TO_DO.get(status)
        return Terminal(f"the server answers {status}", where=where, do=do)
    after = wait_asked(headers, now=now)
    if after is not None and after > LONGEST_WAIT:
        return Terminal(
            f"the server answers {status} and asks to wait {after / 60:.0f} minutes",
            where=where,
            do="Run again then: what has landed is kept.",
        )
    error = Transient(f"the server answers {status}", where=where)
    error.after = after
    return error


def wait_asked(headers: Mapping[str, str], *, now: float | None = None) -> float | None:
    """Return the seconds that the headers ask to wait: Retry-After (RFC 9110, 10.2.3), else a spent rate limit's reset.

    `X-RateLimit-Reset` is a time (seconds since 1970) at some servers and a number of seconds at others.
    """
    now = time.time() if now is None else now
    said = headers.get("retry-after", "").strip()
    if said:
        seconds = _number(said)
        if seconds is None:
            try:
                seconds = email.utils.parsedate_to_datetime(said).timestamp() - now
            except (ValueError, OverflowError):
                return None
        return max(0.0, seconds)
    for prefix in ("x-ratelimit-", "x-rate-limit-", "ratelimit-"):
        reset = _number(headers.get(f"{prefix}reset", ""))
        if reset is not None and headers.get(f"{prefix}remaining", "0").strip() in ("0", ""):
            return max(0.0, reset - now) if reset > 1e9 else max(0.0, reset)
    return None


def broken(error: Exception, url: str) -> ConnectorError:
    """Return the error that a broken connection stands for; a certificate that does not fit is not tried again."""
    where = shown_url(url)
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, (ssl.SSLCertVerificationError, CertificateError)):
            why = getattr(cause, "verify_message", None) or "it was issued to another name"
            return Terminal(
                f"the server's certificate is not trusted: {why}",
                where=where,
                do="For a certificate authority of your own give its file as `ca`.",
            )
        cause = cause.__cause__ or (cause.args[0] if cause.args and isinstance(cause.args[0], Exception) else None)
    return Transient(f"the connection broke ({type(error).__name__})", where=where)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < 1e12 else None
