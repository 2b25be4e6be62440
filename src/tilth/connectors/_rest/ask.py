"""Ask an API: credentials, a pace, retries that honour what the server asks for."""

from __future__ import annotations

import base64
import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from tilth.bytes.cache import current
from tilth.bytes.caches.answers import NEVER_KEPT, Answers
from tilth.bytes.caches.answers import Answer as Kept
from tilth.bytes.guard import Guard
from tilth.bytes.urls import origin
from tilth.bytes.web import Answer, Limits, Web
from tilth.core import secret
from tilth.core.errors import DataError, RecipeError, Stopped, Terminal, Transient
from tilth.core.retry import persistent
from tilth.core.secret import shown_url

AUTH = {
    frozenset({"bearer"}): "a token in the Authorization header",
    frozenset({"user", "password"}): "a user and a password",
    frozenset({"api_key", "header"}): "a key in a header",
    frozenset({"api_key", "param"}): "a key in the query",
    frozenset({"token_url", "client_id", "client_secret"}): "OAuth 2 client credentials",
}
"""The forms of `auth`, by their words."""
_SECRETS = ("bearer", "password", "api_key", "client_secret")


class Request(NamedTuple):
    """What to ask for, without credentials."""

    url: str
    params: Mapping[str, str]
    method: str = "GET"
    body: Any = None
    """JSON values, None for none."""


class Reply(NamedTuple):
    """What came back."""

    body: Any
    """JSON values."""
    headers: Mapping[str, str]
    """Names in lower case."""
    url: str


class Asks(Protocol):
    """Whoever answers requests: the API, or a store of its answers before it."""

    def __call__(self, request: Request) -> Reply: ...


def check_auth(auth: Mapping[str, str] | None, part: str) -> None:
    """Raise `RecipeError` for a form of `auth` that there is not, and for a secret that stands in the recipe."""
    if auth is None:
        return
    if frozenset(auth) - {"scope"} not in AUTH:
        forms = "; ".join(f"{{{', '.join(sorted(form))}}} ({what})" for form, what in AUTH.items())
        raise RecipeError(f"auth has {', '.join(auth) or 'nothing'}", where=f"{part}.auth", wanted=forms)
    for name in _SECRETS:
        if name in auth and not secret.REFERENCE.match(auth[name]):
            raise RecipeError(f"a secret stands in auth.{name}", where=f"{part}.auth", wanted="env:NAME")


@dataclass(kw_only=True)
class Api:
    """An API that is asked for JSON; use it in a `with`."""

    where: str
    """The part of the recipe, for messages."""
    home: str
    """The URL of the API: credentials go nowhere else."""
    headers: Mapping[str, str] = field(default_factory=dict)
    auth: Mapping[str, str] | None = None
    rate: float | None = None
    """Requests a second at most."""
    timeout: float = 60.0
    most_bytes: int = 64 << 20
    guard: Guard = field(default_factory=Guard)
    ca: str | None = None
    tell: Callable[[str], None] = lambda said: None
    stop: Callable[[], bool] = lambda: False
    tries: int = 6
    _token: tuple[str, float] | None = field(default=None, repr=False)
    _last: float = field(default=-math.inf, repr=False)

    def __enter__(self) -> Api:
        limits = Limits(total_seconds=self.timeout, read_seconds=self.timeout, most_bytes=self.most_bytes)
        self._web = Web(guard=self.guard, limits=limits, ca=self.ca)
        return self

    def __exit__(self, *error: object) -> None:
        self._web.close()

    def __call__(self, request: Request) -> Reply:
        """Return the answer, as often tried as helps. Raises `Terminal`, the last `Transient`, `DataError`."""
        return persistent(lambda: self._try(request), tries=self.tries, stop=self.stop, tell=self.tell)

    def who(self) -> str:
        """Say whose answers these are: credentials and headers, which a cache hashes and never keeps."""
        told = {**self.headers, **{f"auth.{name}": value for name, value in (self.auth or {}).items()}}
        return json.dumps(
            {name: secret.reveal(value, where=self.where) for name, value in told.items()}, sort_keys=True
        )

    def _try(self, request: Request) -> Reply:
        if origin(request.url) != origin(self.home) and (self.auth or self.headers):
            raise Terminal(
                f"the next page is on another host: {shown_url(request.url)}",
                where=self.where,
                do="Credentials are not sent there. Check the pagination, or give that host as the URL.",
            )
        try:
            answer = self._ask(request)
        except Terminal as error:
            if self._token is None or "answers 401" not in error.what:
                raise
            # A token may end before its time: once more with a new one.
            self._token = None
            answer = self._ask(request)
        return Reply(parsed(answer, self.where), answer.headers, answer.url)

    def _ask(self, request: Request) -> Answer:
        headers = {"Accept": "application/json"}
        headers |= {name: secret.reveal(value, where=f"{self.where}.headers") for name, value in self.headers.items()}
        params = {name: secret.reveal(value, where=f"{self.where}.params") for name, value in request.params.items()}
        more_headers, more_params = self._credentials()
        body = None if request.body is None else json.dumps(request.body).encode()
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        self._pace()
        return self._web.request(
            request.url, method=request.method, params=params | more_params, headers=headers | more_headers, body=body
        )

    def _pace(self) -> None:
        """Wait for the next request's turn."""
        if self.rate:
            due = self._last + 1 / self.rate
            while (left := due - time.monotonic()) > 0:
                if self.stop():
                    raise Stopped("stopped before the next page", do="Run again: what landed is kept")
                time.sleep(min(left, 0.2))
        self._last = time.monotonic()

    def _credentials(self) -> tuple[dict[str, str], dict[str, str]]:
        """Return headers and parameters that say who asks."""
        auth = self.auth or {}
        told = {name: secret.reveal(value, where=f"{self.where}.auth.{name}") for name, value in auth.items()}
        if "bearer" in told:
            return {"Authorization": f"Bearer {told['bearer']}"}, {}
        if "password" in told:
            pair = base64.b64encode(f"{told['user']}:{told['password']}".encode()).decode()
            secret.learn(pair)
            return {"Authorization": f"Basic {pair}"}, {}
        if "api_key" in told:
            header = told.get("header")
            return ({header: told["api_key"]}, {}) if header else ({}, {told["param"]: told["api_key"]})
        if "token_url" in told:
            return {"Authorization": f"Bearer {self._bearer(told)}"}, {}
        return {}, {}

    def _bearer(self, told: Mapping[str, str]) -> str:
        """Return a token by OAuth 2 client credentials (RFC 6749, 4.4), a new one a minute before the old one ends."""
        if self._token is None or time.monotonic() > self._token[1]:
            from urllib.parse import urlencode

            form = {"grant_type": "client_credentials", "client_id": told["client_id"]}
            form |= {"client_secret": told["client_secret"], **({"scope": told["scope"]} if "scope" in told else {})}
            answer = self._web.request(
                told["token_url"],
                method="POST",
                headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
                body=urlencode(form).encode(),
            )
            found = parsed(answer, self.where)
            token = found.get("access_token") if isinstance(found, dict) else None
            if not isinstance(token, str):
                raise Terminal("no access_token in the answer", where=shown_url(told["token_url"]))
            secret.learn(token)
            seconds = found.get("expires_in")
            self._token = (token, time.monotonic() + (seconds - 60 if isinstance(seconds, (int, float)) else 600))
        return self._token[0]


class Remembering:
    """The run's cache before an API: what it answered within `seconds` is not asked again; use it in a `with`."""

    def __init__(self, api: Api, seconds: float) -> None:
        self.api, self._seconds = api, seconds
        self._answers: Answers | None = None

    def __enter__(self) -> Remembering:
        self.api.__enter__()
        cache = current()
        if cache is not None:
            self._answers = Answers(cache, seconds=self._seconds, who=self.api.who())
        return self

    def __exit__(self, *error: object) -> None:
        self.api.__exit__(*error)

    def __call__(self, request: Request) -> Reply:
        """Return what the API answered, now or before."""
        if self._answers is None:
            return self.api(request)
        asked = {"method": request.method, "params": json.dumps(dict(request.params), sort_keys=True),
                 "body": json.dumps(request.body, sort_keys=True)}  # fmt: skip
        held = self._answers.get(request.url, varies=asked)
        if held is not None:
            return Reply(*json.loads(held.body))
        reply = self.api(request)
        headers = {name: value for name, value in reply.headers.items() if name not in NEVER_KEPT}
        body = json.dumps([reply.body, headers, reply.url]).encode()
        self._answers.put(request.url, Kept(200, {}, body), varies=asked)
        return reply


def api_of(
    options: Any, *, where: str, home: str, tell: Callable[[str], None], stop: Callable[[], bool]
) -> Api | Remembering:
    """Return the API of a source's options, behind the run's cache where they say that answers are to be kept."""
    api = Api(
        where=where,
        home=home,
        headers=options.headers or {},
        auth=options.auth,
        rate=options.rate,
        timeout=options.timeout,
        guard=Guard(allow_private=options.allow_private),
        ca=options.ca,
        tell=tell,
        stop=stop,
    )
    return Remembering(api, options.cached_for) if options.cached_for > 0 else api


def parsed(answer: Answer, where: str) -> Any:
    """Return an answer's JSON. Raises `DataError`; `Transient` where it breaks off."""
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        kind = answer.headers.get("content-type", "nothing")[:60]
        if "json" in kind or not answer.body:
            raise Transient("the answer's JSON is broken", where=shown_url(answer.url)) from error
        raise DataError(
            f"the answer is no JSON: the server calls it {kind}", where=where, do="Check the URL."
        ) from error
