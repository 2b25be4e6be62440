"""Pull all pages that there are, or go on with a pull that was killed, and return a source over what landed."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from tilth.connectors._rest import since
from tilth.connectors._rest.ask import Asks, Reply
from tilth.connectors._rest.keep import Keep, Pull, digest, named
from tilth.connectors._rest.latest import Latest
from tilth.connectors._rest.paging import Paging
from tilth.connectors._rest.path import get
from tilth.connectors.files import Files
from tilth.core.connector import Landing, Source
from tilth.core.errors import DataError, Stopped

_TELL_SECONDS = 15.0


class Described(Protocol):
    """The options that say what rows are."""

    @property
    def source(self) -> str: ...
    @property
    def key(self) -> str | tuple[str, ...] | None: ...
    @property
    def types(self) -> Mapping[str, str] | None: ...
    @property
    def licence(self) -> str | None: ...
    @property
    def subject(self) -> str | None: ...
    @property
    def split(self) -> Literal["train", "valid", "test"] | None: ...


class Options(Described, Protocol):
    """The options that every source of pages has."""

    @property
    def deleted(self) -> str | None: ...
    @property
    def incremental(self) -> Mapping[str, Any] | None: ...
    @property
    def max_pages(self) -> int: ...
    @property
    def max_bytes(self) -> int: ...
    @property
    def fresh_for(self) -> float: ...


@dataclass(frozen=True, kw_only=True)
class Puller:
    """What a pull needs to know."""

    where: str
    options: Options
    asked: Any
    """JSON values that say what is asked for: another pull is needed where they differ."""
    paging: Paging
    records: Callable[[Reply], list[Any]]
    api: Callable[[], AbstractContextManager[Asks]]


def landed(puller: Puller, landing: Landing) -> Source:
    """Land what is due and return a source over it. Raises `Stopped` when asked to stop: what landed is kept."""
    options = puller.options
    named_by = key_of(options.key)
    told = digest([puller.asked, named_by, options.deleted, dict(options.incremental or {})])
    keep = Keep(landing.folder, told, key=named_by, growing=options.incremental is not None)
    with closing(keep):
        last = keep.finished()
        if landing.refresh and not (last and time.time() - (last.finished or 0) < options.fresh_for):
            pull = keep.at_work() or _begin(puller, keep, last)
            if pull.pages:
                landing.tell(f"going on after {pull.pages} pages that landed before")
            last = _pull(puller, keep, pull, landing)
        if last is None:
            raise DataError("nothing has landed yet", where=puller.where, do="Run `tilth run`, which asks for it.")
        return source_over(keep, last, options)


def key_of(key: str | tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the columns of a key."""
    return () if key is None else (key,) if isinstance(key, str) else tuple(key)


def _begin(puller: Puller, keep: Keep, last: Pull | None) -> Pull:
    incremental = puller.options.incremental
    start = since.start_of(last.mark if last else None, incremental) if incremental else None
    return keep.begin({"page": puller.paging.first(), "since": start}, mark=last.mark if last else None)


def _pull(puller: Puller, keep: Keep, pull: Pull, landing: Landing) -> Pull:
    began = time.monotonic()
    with puller.api() as ask:
        while pull.state is not None:
            if landing.stop():
                raise Stopped(f"stopped after {pull.pages} pages", where=puller.where, do="Run again: they are kept.")
            _page(puller, keep, pull, ask)
            if time.monotonic() - began > _TELL_SECONDS:
                began = time.monotonic()
                landing.tell(f"{pull.pages} pages, {pull.rows} records, {pull.bytes / 1e6:.1f} MB")
    if pull.rows == 0 and puller.options.incremental is None:
        keep.discard(pull)
        raise DataError("the API answers with no records", where=puller.where, do="Check the URL and its parameters.")
    keep.finish(pull, now=time.time())
    landing.tell(f"{pull.pages} pages, {pull.rows} records landed")
    return pull


def _page(puller: Puller, keep: Keep, pull: Pull, ask: Asks) -> None:
    """Ask for one page and keep it with what to ask next."""
    options, state = puller.options, pull.state or {}
    _check_limits(puller, pull)
    reply = ask(puller.paging.request(state["page"], state["since"]))
    records = puller.records(reply)
    print_of = digest(records)
    if records and print_of == state.get("before"):
        raise DataError(
            f"page {pull.pages + 1} says the same as the page before it",
            where=puller.where,
            do="The server takes no notice of how the next page is asked for: check the pagination.",
        )
    following = puller.paging.following(state["page"], reply, records)
    if following is not None and (keep.seen(pull, digest(following)) or following == state["page"]):
        raise DataError(
            f"page {pull.pages + 1} leads back to a page that was read before",
            where=puller.where,
            do="The pagination never ends: check its options.",
        )
    mark = pull.mark
    if options.incremental is not None:
        mark = since.greatest(records, options.incremental["field"], mark, puller.where)
    lines = [_line(record, options) for record in records]
    after = None if following is None else {"page": following, "since": state["since"], "before": print_of}
    keep.land(pull, lines, after, place=digest(state["page"]), mark=mark)


def _line(record: Any, options: Options) -> tuple[bytes, str | None, bool]:
    gone = bool(options.deleted and get(record, options.deleted))
    return written(record), named(record, key_of(options.key)), gone


def written(record: Any) -> bytes:
    """Write a record as one line of JSON, whatever is in it."""
    try:
        return json.dumps(record, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except (ValueError, UnicodeEncodeError):
        # Half a surrogate pair, or a number past what a float holds.
        return json.dumps(_finite(record), separators=(",", ":")).encode()


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _check_limits(puller: Puller, pull: Pull) -> None:
    options = puller.options
    if pull.pages >= options.max_pages:
        what = f"{pull.pages} pages landed and there are more"
        raise DataError(what, where=puller.where, do="Raise max_pages and run again: it goes on from there.")
    if pull.bytes > options.max_bytes:
        what = f"{pull.bytes} bytes landed and there are more"
        raise DataError(what, where=puller.where, do="Raise max_bytes and run again: it goes on from there.")


def source_over(keep: Keep, last: Pull, options: Described) -> Source:
    """Return the source over what landed: the last pull, or all of them where they build on one another."""
    files = Files(
        path=str((keep.pulls if keep.growing else keep.folder_of(last)).absolute()),
        format="jsonl",
        key=options.key,
        licence=options.licence,
        subject=options.subject,
        name=options.source,
        split=options.split,
        types=options.types,
    )
    return Latest(files=files, newest=last.number, epoch=keep.options) if keep.growing else files
