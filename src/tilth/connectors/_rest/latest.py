"""Read what finished pulls hold, of each key the newest record, and only what is new since a cursor."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from tilth.connectors._finish import finish_for
from tilth.connectors._rest.compact import NAMES
from tilth.connectors._schema import bare, load
from tilth.connectors.files import Files
from tilth.core.connector import Record, Source
from tilth.core.errors import DataError
from tilth.core.shard import Cursor, Shard


@dataclass(frozen=True, kw_only=True)
class Latest:
    """Read pulls that build on one another: `files.path` is the folder that holds them, by number."""

    files: Files
    newest: int
    """The number of the last finished pull."""
    epoch: str
    """What the pulls were asked with; a cursor of another is worth nothing here."""
    incremental: ClassVar[bool] = True

    @property
    def name(self) -> str | None:
        """The source's name."""
        return self.files.name

    @staticmethod
    def fingerprint(cursor: Cursor) -> str:
        """Return a digest of what a cursor saw."""
        return (
            f"{Files.fingerprint(Cursor(position=cursor.position.get('files', {})))}-{cursor.position.get('pull', 0)}"
        )

    def plan(self, since: Cursor | None = None) -> tuple[Sequence[Shard], Cursor]:
        """Return the segments of pulls since the cursor, and a shard for each such pull's deleted rows."""
        before = since.position if since is not None and since.position.get("epoch") == self.epoch else {}
        seen = int(before.get("pull", 0))
        try:
            shards, cursor = self.files.plan(Cursor(position=before["files"]) if "files" in before else None)
        except DataError:
            # Pulls that brought nothing, or deletions only, leave no file.
            if any(Path(self.files.path).glob("*/*.jsonl")):
                raise
            shards, cursor = (), Cursor(position=before.get("files", {}))
        found = [replace(shard, where={**shard.where, "names": str(self._names(shard))}) for shard in shards]
        for number in range(seen + 1, self.newest + 1):
            path = Path(self.files.path) / f"{number:06d}" / NAMES
            if "schema" in cursor.position and path.is_file() and json.loads(path.read_bytes())["gone"]:
                where = {"gone": str(path), "schema": cursor.position["schema"]}
                found.append(Shard(id=f"gone-{number:06d}", where=where))
        position = {"files": dict(cursor.position), "pull": self.newest, "epoch": self.epoch}
        return found, Cursor(position=position)

    def read(self, shard: Shard) -> Iterator[Record]:
        """Read a segment's rows that are the newest of their key, or the names of rows that were deleted."""
        if "gone" in shard.where:
            yield self._gone(shard.where)
            return
        path = Path(shard.where["names"])
        dead = frozenset(json.loads(path.read_bytes())["dead"]) if path.is_file() else frozenset()
        for record in self.files.read(shard):
            yield _without(record, dead)

    def _names(self, shard: Shard) -> Path:
        return Path(shard.where["path"]).parent / NAMES

    def _gone(self, where: Any) -> Record:
        schema = load(where["schema"])
        key = self.files.key
        finish, _ = finish_for(
            bare(schema),
            rename={},
            columns=None,
            key=(key,) if isinstance(key, str) else tuple(key or ()),
            subject=self.files.subject,
            where=self.files.path,
        )
        names = json.loads(Path(where["gone"]).read_bytes())["gone"]
        return finish.nothing(schema, ())._replace(gone=tuple(names))


def _without(record: Record, dead: frozenset[str]) -> Record:
    keep = [at for at, name in enumerate(record.names) if name not in dead]
    if len(keep) == len(record.names):
        return record
    subjects = None if record.subjects is None else tuple(record.subjects[at] for at in keep)
    batch = record.batch.take(pa.array(keep, pa.int64()))
    return record._replace(batch=batch, names=tuple(record.names[at] for at in keep), subjects=subjects)


_: type[Source] = Latest
