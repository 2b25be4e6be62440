"""Check the signature of a push, as GitHub and Stripe make it: an HMAC-SHA256 of the body under a shared secret."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping

SCHEMES = ("github", "stripe")
TOLERANCE = 300.0
"""Seconds for which a Stripe signature counts: its time is part of it, so that an old push cannot be sent again."""


def signed(scheme: str, secret: str, headers: Mapping[str, str], body: bytes, *, now: float | None = None) -> bool:
    """Tell whether a body was signed with the secret; headers' names are in lower case.

    >>> mac = hmac.new(b"s3cret", b"{}", hashlib.sha256).hexdigest()
    >>> signed("github", "s3cret", {"x-hub-signature-256": f"sha256={mac}"}, b"{}")
    True
    """
    if scheme == "github":
        return _fits(headers.get("x-hub-signature-256", "").removeprefix("sha256="), secret, body)
    said = [part.partition("=")[::2] for part in headers.get("stripe-signature", "").split(",")]
    moment = next((value for name, value in said if name.strip() == "t"), "")
    now = time.time() if now is None else now
    if not moment.isascii() or not moment.isdigit() or len(moment) > 12 or abs(now - int(moment)) > TOLERANCE:
        return False
    payload = moment.encode() + b"." + body
    return any(_fits(value, secret, payload) for name, value in said if name.strip() == "v1")


def _fits(given: str, secret: str, payload: bytes) -> bool:
    wanted = hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest()
    return hmac.compare_digest(given.strip().lower().encode("utf-8", "replace"), wanted.encode())
