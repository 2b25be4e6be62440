"""Read what a dlt resource or source of yours yields: any of dlt's sources, with its own incremental state."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

from tilth.connectors._dlt.made import made, quiet, said
from tilth.connectors._dlt.sink import Sink, pipeline, tidied
from tilth.connectors._rest.keep import Keep, Pull, digest
from tilth.connectors._rest.pull import key_of, source_over
from tilth.core.connector import Finding, Lander, Landing, Source
from tilth.core.errors import DataError, RecipeError, Stopped, TilthError


@dataclass(frozen=True, kw_only=True)
class DltSource:
    """Run a dlt resource or source of yours and read what it yields; dlt's state is kept in the project.

    Extraction is all or nothing, as dlt does it; what is extracted lands page by page, and a landing that is killed
    goes on. dlt's telemetry is switched off.

    >>> DltSource(resource="shop.py:orders", args={"since": "2024-01-01"}, key="id", incremental=True).source
    'shop.py:orders'
    """

    resource: str
    """What makes it: file.py:function (beside the recipe) or package.module:function; a resource itself works too."""
    args: Mapping[str, Any] | None = None
    """What to call it with; a value may be env:NAME."""
    table: str | None = None
    """Which table to read, where it yields several."""
    incremental: bool = False
    """Whether it yields only what is new since its last run (dlt.sources.incremental); needs a key."""
    key: str | tuple[str, ...] | None = None
    """The field or fields that say which record is which."""
    deleted: str | None = None
    """A field that says that a record was deleted outside; its row leaves."""
    types: Mapping[str, str] | None = None
    """Types of columns: {column: string, int, float, bool or timestamp}."""
    licence: str | None = None
    """The licence that the rows come under."""
    subject: str | None = None
    """The field that names the person a row is about."""
    name: str | None = None
    """What to call the source; by default the resource as written. Row ids depend on it."""
    split: Literal["train", "valid", "test"] | None = None
    """Put all rows of this source into one split."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"(?:.+\.py|[A-Za-z_][\w.]*):[A-Za-z_]\w*", self.resource):
            raise RecipeError(
                "not a resource", where="dlt_source.resource", wanted="file.py:function, or package.module:function"
            )
        if self.incremental and not self.key:
            raise RecipeError("incremental needs a key", where="dlt_source.key", wanted="what tells records apart")

    @property
    def source(self) -> str:
        """The source's name: the one that is given, else the resource as written."""
        return self.name or self.resource

    def anchored(self, base: Path) -> Self:
        """Return a copy that finds its file beside the recipe."""
        place, _, function = self.resource.rpartition(":")
        path = f"{base.absolute() / place}:{function}" if place.endswith(".py") else self.resource
        return replace(self, resource=path, name=self.source)

    def land(self, landing: Landing) -> Source:
        """Run the resource and land what it yields. Raises `DataError` where it fails."""
        told = digest(
            [self.source, dict(self.args or {}), self.table, self.incremental, key_of(self.key), self.deleted]
        )
        with closing(Keep(landing.folder, told, key=key_of(self.key), growing=self.incremental)) as keep:
            last = keep.finished()
            if landing.refresh:
                last = self._land(keep, told, landing)
            if last is None:
                raise DataError("nothing has landed yet", where=self.source, do="Run `tilth run`, which runs it.")
            return source_over(keep, last, self)

    def probe(self) -> Iterator[Finding]:
        """Import the resource; it is not run."""
        try:
            with quiet():
                made(self.resource, self.args or {}, self.source)
        except TilthError as error:
            yield Finding(False, f"{self.resource}: {error.what}", error.do or "")
            return
        yield Finding(True, f"{self.resource} can be called")

    def _land(self, keep: Keep, told: str, landing: Landing) -> Pull:
        pull = keep.at_work() or keep.begin({"phase": "extract"})
        # dlt's state goes on from run to run only where the resource asks for what is new.
        home = landing.folder / "dlt" / (told if self.incremental else f"{told}-{pull.number}")
        for other in (landing.folder / "dlt").glob("*"):
            if other != home:
                shutil.rmtree(other, ignore_errors=True)
        with quiet():
            sink = Sink(keep, pull, table=self.table, deleted=self.deleted, where=self.source)
            tidied(home)
            work = pipeline(home, sink)
            if pull.state == {"phase": "extract"}:
                if not work.has_pending_data:
                    self._step(lambda: work.extract(made(self.resource, self.args or {}, self.source)))
                keep.land(pull, [], {"phase": "load"}, place="extracted", mark=None)
            if landing.stop():
                raise Stopped("stopped after the extraction", where=self.source, do="Run again: it is kept.")
            self._step(work.normalize)
            self._step(work.load)
            tidied(home)
        if sink.others and not pull.rows:
            raise DataError(
                f"nothing came for {self.table or 'one table'}",
                where=self.source,
                wanted=f"table: one of {', '.join(sorted(sink.others))}",
            )
        if not pull.rows and not self.incremental:
            keep.discard(pull)
            raise DataError("the resource yields nothing", where=self.source, do="Check its arguments.")
        keep.finish(pull, now=time.time())
        landing.tell(f"{pull.rows} records landed")
        return pull

    def _step(self, step: Callable[[], object]) -> None:
        try:
            step()
        except Exception as error:
            cause: BaseException = error
            while cause.__cause__ is not None:
                cause = cause.__cause__
            if isinstance(cause, TilthError):
                raise cause from error
            raise DataError(f"the resource fails: {said(cause)}", where=self.source) from error


_: type[Lander] = DltSource
