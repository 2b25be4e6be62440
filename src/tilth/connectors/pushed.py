"""Read what others push: the inbox that `tilth receive` keeps."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

from tilth.connectors._inbox.inbox import Inbox
from tilth.connectors._rest.keep import Keep, digest, named
from tilth.connectors._rest.path import get, valid
from tilth.connectors._rest.pull import key_of, source_over
from tilth.core.connector import Finding, Lander, Landing, Source
from tilth.core.errors import DataError, RecipeError, Stopped

_LINES = 20_000
"""Records that are landed in one act."""


@dataclass(frozen=True, kw_only=True)
class Pushed:
    """Read webhooks and other pushes from the inbox that `tilth receive` keeps; each run reads what is new.

    With a key the newest push of it counts; without, each push is a row of its own.

    >>> Pushed(inbox="inbox", key="id").source
    'inbox'
    """

    inbox: str
    """The folder that `tilth receive` writes, on this machine; relative to the recipe."""
    key: str | tuple[str, ...] | None = None
    """The field or fields that say which record is which; the newest push of it counts."""
    deleted: str | None = None
    """A field that says that a record was deleted outside, such as deleted; needs a key."""
    types: Mapping[str, str] | None = None
    """Types of columns: {column: string, int, float, bool or timestamp}."""
    licence: str | None = None
    """The licence that the rows come under."""
    subject: str | None = None
    """The field that names the person a row is about."""
    name: str | None = None
    """What to call the source; by default the folder as written. Row ids depend on it."""
    split: Literal["train", "valid", "test"] | None = None
    """Put all rows of this source into one split."""

    def __post_init__(self) -> None:
        if not self.inbox or "\0" in self.inbox:
            raise RecipeError("no inbox", where="pushed.inbox", wanted="the folder that `tilth receive` writes")
        if self.deleted is not None and not valid(self.deleted):
            raise RecipeError("deleted is no path", where="pushed.deleted", wanted="such as meta.deleted")
        if self.deleted is not None and self.key is None:
            raise RecipeError("deleted needs a key", where="pushed.key", wanted="the field that tells records apart")

    @property
    def source(self) -> str:
        """The source's name: the one that is given, else the folder as written."""
        return self.name or self.inbox

    def anchored(self, base: Path) -> Self:
        """Return a copy that finds its inbox beside the recipe."""
        return replace(self, inbox=str(base.absolute() / self.inbox), name=self.source)

    def land(self, landing: Landing) -> Source:
        """Land what came since the last run. Raises `DataError` before the first push."""
        told = digest([self.source, key_of(self.key), self.deleted])
        with closing(Keep(landing.folder, told, key=key_of(self.key), growing=True)) as keep:
            last = keep.finished()
            if landing.refresh:
                last = self._land(keep, landing)
            if last is None:
                raise DataError("nothing was pushed yet", where=self.source, do=f"Run: tilth receive {self.inbox}")
            return source_over(keep, last, self)

    def probe(self) -> Iterator[Finding]:
        """Open the inbox."""
        if not (Path(self.inbox) / "inbox.db").is_file():
            yield Finding(False, f"no inbox at {self.inbox}", f"Run: tilth receive {self.inbox}")
            return
        with closing(Inbox(Path(self.inbox))) as inbox:
            yield Finding(True, f"{len(inbox.sealed())} sealed segments in the inbox")

    def _land(self, keep: Keep, landing: Landing) -> Any:
        if not (Path(self.inbox) / "inbox.db").is_file():
            raise DataError("no inbox there", where=self.source, do=f"Run: tilth receive {self.inbox}")
        with closing(Inbox(Path(self.inbox))) as inbox:
            segments = inbox.seal()
        last = keep.finished()
        done = int(last.mark) if last else 0
        pull = keep.at_work()
        if pull is None:
            if not any(int(path.stem) > done for path in segments):
                return last
            pull = keep.begin({"segment": done, "line": 0}, mark=done)
        for path in segments:
            self._segment(keep, pull, path, landing)
        keep.finish(pull, now=time.time())
        landing.tell(f"{pull.rows} pushed records landed")
        return pull

    def _segment(self, keep: Keep, pull: Any, path: Path, landing: Landing) -> None:
        """Land a sealed segment from the line on that is noted."""
        number, state = int(path.stem), pull.state
        if number <= pull.mark:
            return
        start = state["line"] if state["segment"] == number else 0
        with path.open("rb") as file:
            held: list[tuple[bytes, str | None, bool]] = []
            at = 0
            for at, line in enumerate(file, 1):
                if at > start:
                    held.append(self._line(line.rstrip(b"\n")))
                if len(held) == _LINES:
                    if landing.stop():
                        raise Stopped("stopped between two pieces", do="Run again: what landed is kept.")
                    keep.land(pull, held, {"segment": number, "line": at}, place=f"{number}-{at}", mark=pull.mark)
                    held = []
        keep.land(pull, held, {"segment": number, "line": at}, place=f"{number}-end", mark=number)

    def _line(self, line: bytes) -> tuple[bytes, str | None, bool]:
        record = json.loads(line)
        return line, named(record, key_of(self.key)), bool(self.deleted and get(record, self.deleted))


_: type[Lander] = Pushed
