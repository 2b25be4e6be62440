"""Get sources ready to plan: bring into the project what can't be read in shards, find files beside the recipe."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tilth.core.connector import Lander, Landing
from tilth.core.errors import Stopped, TilthError, Transient
from tilth.core.events import Noticed
from tilth.core.secret import shown_url
from tilth.core.shard import Cursor, Shard
from tilth.core.spec import spec_of
from tilth.recipe.model import Entry
from tilth.run.fingerprint import digest
from tilth.run.stages import Book, Work, cursor_json

STAGE = "acquire"


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A source that is ready to be read."""

    entry: Entry
    source: Any
    name: str
    shards: tuple[Shard, ...]
    cursor: Cursor
    since: Cursor | None = None
    """How far it was read before, where only what is new, changed or gone since is planned."""


def name_of(entry: Entry) -> str:
    """Return what a source is called: rows' ids depend on it."""
    part = entry.part
    told = getattr(part, "name", None) or getattr(part, "source", None) or getattr(part, "path", None)
    return str(told or entry.name)


def where_of(part: Any) -> str:
    """Say where a part reads or writes, without secrets: its URL as the recipe has it, its table, its path."""
    told = (
        getattr(part, name, None) for name in ("url", "path", "project", "database", "dataset", "table", "collection")
    )
    return " ".join(shown_url(one) if "://" in one else one for one in told if isinstance(one, str))


def anchored(entry: Entry, folder: Path) -> Any:
    """Return a part that finds its files beside the recipe in `folder`."""
    return entry.part.anchored(folder) if hasattr(entry.part, "anchored") else entry.part


def landed(entry: Entry, work: Work) -> Any:
    """Return the source to plan, after what it reads has landed where that is how it works."""
    source = anchored(entry, Path(work.recipe.path).resolve().parent)
    if not isinstance(source, Lander) or not getattr(source, "lands", True):
        return source
    name = name_of(entry)
    folder = folder_of(work, name)
    folder.mkdir(parents=True, exist_ok=True)
    tell = _teller(work, name)
    with pointing_to(entry):
        return source.land(Landing(folder=folder, tell=tell, stop=work.stop, refresh=work.refresh))


def folder_of(work: Work, name: str) -> Path:
    """Return the folder in which a source's things land; a sample shares it with the whole."""
    digest = hashlib.blake2b(name.encode(), digest_size=6).hexdigest()
    stem = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[-40:].strip("-") or "source"
    return work.project.folder / "landed" / f"{work.recipe.name}-{stem}-{digest}"


class Plans:
    """List what there is to read; of a source that grows all the while, once for a run that is stopped and goes on.

    As a context, it forgets these lists when the run has read them, or can't.
    """

    def __init__(self, work: Work) -> None:
        self._book = Book(work.project.stages / f"plans-{work.data}")

    def of(self, entry: Entry, source: Any, since: Cursor | None) -> Planned:
        """Plan a source since its cursor where it is incremental. Errors point to its line in the recipe."""
        grows = bool(getattr(source, "incremental", False))
        since = since if grows else None
        name = name_of(entry)
        key = digest(name, spec_of(entry.part), cursor_json(since) if since else None)
        held = self._book.get(key) if grows else None
        if held is not None:
            shards: Sequence[Shard] = [Shard(**shard) for shard in held["shards"]]
            cursor = Cursor(position=held["cursor"])
        else:
            with pointing_to(entry):
                shards, cursor = source.plan(since)
            if grows:
                told = [dataclasses.asdict(shard) for shard in shards]
                self._book.keep(key, {"shards": told, "cursor": cursor_json(cursor)})
        return Planned(entry=entry, source=source, name=name, shards=tuple(shards), cursor=cursor, since=since)

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        # An outer system that is away, or a user who stops, is no reason to plan anew; anything else may be.
        if error is None or (isinstance(error, TilthError) and not isinstance(error, (Stopped, Transient))):
            shutil.rmtree(self._book.folder, ignore_errors=True)


def _teller(work: Work, name: str) -> Any:
    def tell(said: str) -> None:
        work.tell(Noticed(stage=STAGE, what=f"{name}: {said}"))

    return tell


class pointing_to:  # noqa: N801 (used as a function)
    """Let errors point to the line in the recipe that they come of."""

    def __init__(self, entry: Entry) -> None:
        self._entry = entry

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, TilthError) and error.where != self._entry.at:
            # A part names its option as `rest.url`, or its path: the line says that better.
            said = {name_of(self._entry), getattr(self._entry.part, "path", None), None}
            plain = error.where in said or str(error.where).startswith(f"{self._entry.name}.")
            inner = error.what if plain else f"{error.where}: {error.what}"
            raise type(error)(inner, where=self._entry.at, wanted=error.wanted, do=error.do) from error
