"""Keep what HTTP services answered, so that a question is not asked twice: for connectors that page through an API."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tilth.bytes.cache import Cache
from tilth.core.batch import keyed_hash

VERSION = "1"
LONGEST = 16 << 20
"""The longest body that is kept, in bytes."""
KEPT_HEADERS = frozenset({"content-type", "date", "etag", "last-modified", "link"})
"""Headers that are kept beside those a caller asks for; never a cookie."""
NEVER_KEPT = frozenset({"set-cookie", "set-cookie2", "authorization", "www-authenticate", "proxy-authenticate"})
"""Headers that are never kept, even where a caller asks for them."""


class Answer(NamedTuple):
    """What a service answered."""

    status: int
    headers: Mapping[str, str]
    """By name in lower case."""
    body: bytes


class Answers:
    """Answers of services by question: the URL, what it varies by, and who asked.

    `who` is what the questions are signed with (a key, a user): two that differ never see one another's answers. It
    is hashed into the cache's key under the project's secret, and stored nowhere.

    >>> from tilth.bytes.cache import open_cache
    >>> answers = Answers(open_cache("none", secret=b"0123456789abcdef"), who="ann", seconds=3600)
    >>> answers.get("https://api.example/items?page=1") is None
    True
    """

    def __init__(self, cache: Cache, *, seconds: float, who: str = "", keep: Iterable[str] = ()) -> None:
        self._cache = cache.space("answers", VERSION, seconds=seconds, codec="zstd")
        self._who = who
        self._keep = (KEPT_HEADERS | {name.lower() for name in keep}) - NEVER_KEPT

    def get(self, url: str, *, varies: Mapping[str, str] | None = None) -> Answer | None:
        """Return what was answered to this question, or None."""
        held = self._cache.get(self._key(url, varies))
        if held is None:
            return None
        head, _, body = held.partition(b"\n")
        said = json.loads(head)
        return Answer(said["status"], said["headers"], body)

    def put(
        self, url: str, answer: Answer, *, varies: Mapping[str, str] | None = None, seconds: float | None = None
    ) -> bool:
        """Keep an answer to a GET, if it is a success of a length to keep; tell whether it was kept.

        `seconds` shortens the time for this one, as its Cache-Control may say; 0 or less keeps nothing.
        """
        if not 200 <= answer.status < 300 or len(answer.body) > LONGEST or (seconds is not None and seconds <= 0):
            return False
        headers = {name.lower(): value for name, value in answer.headers.items() if name.lower() in self._keep}
        head = json.dumps({"status": answer.status, "headers": headers}).encode()
        return self._cache.put(self._key(url, varies), head + b"\n" + answer.body, seconds)

    def _key(self, url: str, varies: Mapping[str, str] | None) -> str:
        said = sorted((name.lower(), value) for name, value in (varies or {}).items())
        return json.dumps([url, said, keyed_hash(b"answers", self._who)])
