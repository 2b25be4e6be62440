"""Turn what an object store's client raises into `FileNotFoundError`, `Transient` or `Terminal`, with what to do."""

from __future__ import annotations

import errno
import re
from typing import NamedTuple

from tilth.core.errors import ConnectorError, DataError, Terminal, Transient

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>(\w+)</Code>")
_MESSAGE = re.compile(r"<Message>([^<]{1,200})|\"message\": ?\"([^\"]{1,200})")

_ACCOUNT = ("/latest/api/token", "/latest/meta-data", "169.254.", "metadata.google", "computeMetadata")
"""Where AWS and Google answer a machine that asks for its own account's keys."""


class Kind(NamedTuple):
    """What differs from one kind of bucket to another in what a person should do."""

    what: str
    keys: str
    """The variables that hold the key."""
    endpoint: str
    """The variable that holds the endpoint."""
    plain: str
    """The variable that allows http."""


class _Said(NamedTuple):
    status: int | None
    code: str
    text: str
    short: str


def refusal(error: Exception, kind: Kind, url: str, doing: str, path: str | None = None) -> Exception:
    """Return the error to raise for one that the client raised while `doing` (a verb and its object)."""
    said = _said(error)
    name = type(error).__name__
    if name == "InvalidPathError":
        return DataError(
            f"an object's name has an empty step, or one of dots, found while {doing}", where=url,
            do="Rename or remove it (such as a//b): it cannot be read by name",
        )  # fmt: skip
    if isinstance(error, ValueError):
        return DataError(f"{path!r} cannot be an object's name: {said.short}", where=url)
    if any(word in said.text for word in _ACCOUNT):
        # Without a key the machine's own account is asked for one.
        return Terminal(f"there is no key, found while {doing}", where=url, do=f"Set {kind.keys}")
    if said.status == 404 or isinstance(error, FileNotFoundError):
        if said.code == "NoSuchBucket" or (path is None and said.status == 404):
            return Terminal(f"there is no such {kind.what}, found while {doing}", where=url, do="Check its name")
        return FileNotFoundError(errno.ENOENT, "no such object", f"{url}/{path}")
    if name == "PreconditionError":
        return Transient(f"{path} was replaced while it was read", where=url, do="Read it again from its start")
    sort, what, do = _verdict(said, kind)
    return sort(f"{what} while {doing}{f' ({said.short})' if said.short else ''}", where=url, do=do)


def _verdict(said: _Said, kind: Kind) -> tuple[type[ConnectorError], str, str]:
    """Say of what sort an error is, what went wrong, and what to do."""
    text = said.text
    if said.code in ("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"):
        return Terminal, "the key was refused", f"Check {kind.keys}"
    if said.code == "RequestTimeTooSkewed":
        return Terminal, "this machine's clock is wrong", "Set the clock"
    if said.status == 401:
        return Terminal, "the key was refused", f"Check {kind.keys}"
    if said.status == 403:
        return Terminal, "no right", f"Give the key's owner the right, or check {kind.keys}"
    if said.status == 501:
        return Terminal, "this store cannot do that", "Use one that knows conditional puts and multipart uploads"
    if said.status in (408, 409, 425, 429) or (said.status or 0) >= 500:
        return Transient, "the other side is busy or broken", "Try again later"
    if said.status is not None and 300 <= said.status < 400:
        return Terminal, "the bucket is elsewhere", f"Check the region and {kind.endpoint}"
    if said.status is not None:
        return Terminal, "the request was refused", f"Check the region, {kind.endpoint} and {kind.keys}"
    return _unanswered(text, kind)


def _unanswered(text: str, kind: Kind) -> tuple[type[ConnectorError], str, str]:
    """The same where no status came."""
    if "BadScheme" in text or "scheme is not" in text.lower():
        return Terminal, "the endpoint is plain http, which is not allowed", f"Use https, or set {kind.plain}=true"
    if "Received redirect" in text:
        return Terminal, "the bucket is elsewhere", f"Check the region and {kind.endpoint}"
    if any(word in text for word in ("dns error", "failed to lookup address", "Name or service not known")):
        return Transient, "the endpoint's name is not known", f"Check {kind.endpoint} and the network"
    if any(word in text for word in ("certificate", "InvalidCertificate")):
        return Terminal, "the endpoint's certificate is not trusted", "Have it signed by an authority known here"
    if "timed out" in text or "TimedOut" in text:
        return Transient, "no answer in time", f"Check {kind.endpoint} and the network, or try again"
    if "Connection refused" in text or "ConnectError" in text or "kind: Connect" in text:
        return Transient, "nothing answers at the endpoint", f"Check {kind.endpoint} and the network"
    if any(
        word in text for word in ("HttpError", "reqwest", "hyper", "HTTP error", "error sending", "Invalid response")
    ):
        return Transient, "the connection broke", "Try again"
    return Terminal, "the store failed", "See what it said"


def _said(error: Exception) -> _Said:
    text = str(error)
    status, code, message = _STATUS.search(text), _CODE.search(text), _MESSAGE.search(text)
    parts = [status[1] if status else None, code[1] if code else None]
    parts.append((message[1] or message[2]) if message else None)
    if not any(parts):
        # The first line only: what follows is the client's own look at itself.
        parts.append(text.partition("\n")[0][:300])
    return _Said(int(status[1]) if status else None, code[1] if code else "", text, " ".join(filter(None, parts)))
