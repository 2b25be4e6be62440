"""Hand out secrets where they are used, and keep them out of everything that is said or written.

A recipe holds `env:NAME`. Whoever needs the value calls `reveal`; from then on `hide` takes it, and every part and
spelling of it that could be quoted, out of any text. Errors, events and logs pass through `hide`.
"""

from __future__ import annotations

import os
import re
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit

from tilth.core.errors import RecipeError, hidden, known_secrets

REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*\Z")
_SHORTEST = 4
"""Characters from which a secret is looked for in texts; a shorter one would be found in every word."""


def reveal(reference: str, *, where: str) -> str:
    """Return the value that `env:NAME` refers to, or the text itself. Raises `RecipeError` when it is not set.

    >>> reveal("plain", where="serve")
    'plain'
    """
    if not REFERENCE.match(reference):
        return reference
    name = reference.removeprefix("env:")
    value = os.environ.get(name)
    if not value:
        raise RecipeError(f"the environment variable {name} is not set", where=where, do=f"Run: export {name}=…")
    if _is_url(value):
        learn(*_of_url(value))
    else:
        learn(value)
    return value


def learn(*secrets: str | None) -> None:
    """Take these out of whatever is said from now on, as they are and as a URL would write them."""
    for secret in secrets:
        if secret and len(secret) >= _SHORTEST:
            known_secrets.update({secret, quote(secret, safe=""), quote_plus(secret), unquote(secret)})


def hide(text: str) -> str:
    """Return a text without the secrets that this process knows.

    >>> learn("hunter2-x"); hide("login failed for hunter2-x")
    'login failed for ***'
    """
    return hidden(text)


def shown_url(url: str) -> str:
    """Return a URL as it may be shown: without what is before the @, and without its query.

    >>> shown_url("mysql://ann:pw@db:3306/crm?ssl=1")
    'mysql://db:3306/crm'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _is_url(value: str) -> bool:
    return re.match(r"[a-z][a-z0-9+.-]*://", value, re.I) is not None


def _of_url(value: str) -> list[str | None]:
    """List a URL's secrets: the password, and what stands behind telling names in its query; the rest may be shown."""
    parts = urlsplit(value)
    userinfo = parts.netloc.rpartition("@")[0]
    password = userinfo.partition(":")[2] or None
    told = [text for name, text in parse_qsl(parts.query) if re.search("pass|pwd|secret|token|key|sig", name, re.I)]
    # Without a colon the user is a token, as in https://TOKEN@host.
    return [password, unquote(password) if password else None, None if password else userinfo, *told]
