"""Read acquired rows as an operator in the middle of a recipe sees them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import AT, ID, SPLIT, Batch, with_column
from tilth.core.engine import Reader
from tilth.core.errors import DataError
from tilth.core.shard import Shard
from tilth.run import edits
from tilth.run.ledger import Ledger
from tilth.run.measures import Measured, Measures
from tilth.run.pipe import Link, flow
from tilth.run.sidecar import Sidecar

BATCH_ROWS = 8192


@dataclass(frozen=True, kw_only=True)
class Beside:
    """Read a shard's rows together with their notes, batch by batch, both in the same order."""

    read: Reader
    sidecar: Sidecar

    def pairs(self, shard: Shard) -> Iterator[tuple[Batch, Batch]]:
        """Yield (rows, notes) of equal length."""
        stream: _Stream | None = None
        for batch in self.read(shard):
            for part in _by_file(batch):
                file = part.column(AT)[0].as_py().rpartition(":")[0]
                if stream is None or stream.file != file:
                    stream = _Stream(file, self.sidecar)
                yield part, stream.take(part.column(AT))


@dataclass(frozen=True, kw_only=True)
class Prefixed:
    """Run a recipe's first operators over acquired rows that have not left, without writing fates."""

    links: tuple[Link, ...]
    read: Reader
    sidecar: Sidecar | None = None
    split: str | None = None
    """Only rows of this split."""
    drop_at: bool = True
    measures: Measures | None = None
    """What earlier passes measured; without it, each pass measures anew."""

    def __post_init__(self) -> None:
        """Refuse to let all rows pass where one split's are wanted."""
        if self.split is not None and self.sidecar is None:
            raise ValueError(f"rows of {self.split} are told by their notes, and there are none")

    def __call__(self, shard: Shard) -> Iterator[Batch]:
        ledger = Ledger(keep=False)
        with measuring(self.measures, self.links, shard) as measured:
            for batch in self._alive(shard):
                found = edits.without(flow(batch, self.links, ledger, measured))
                ledger.batches()
                if found.num_rows:
                    yield found.drop_columns([AT]) if self.drop_at and AT in found.schema.names else found

    def _alive(self, shard: Shard) -> Iterator[Batch]:
        if self.sidecar is None:
            yield from self.read(shard)
            return
        for batch, note in Beside(read=self.read, sidecar=self.sidecar).pairs(shard):
            batch = edits.beside(with_column(batch, SPLIT, note.column("split")), note, self.links)
            stays = note.column("rule").is_null()
            if self.split is not None:
                stays = pc.and_(stays, pc.fill_null(pc.equal(note.column("split"), self.split), False))
            yield batch.filter(stays)


@contextmanager
def measuring(measures: Measures | None, links: Sequence[Link], shard: Shard) -> Iterator[Measured]:
    """Open what is known of a shard's texts, where an operator decides by it, and of what operators answered."""
    if measures is None or not any(getattr(link.operator, "measured", ()) for link in links):
        yield Measured(memory=None if measures is None else measures.memory())
        return
    with measures.of(shard) as measured:
        yield measured


class _Stream:
    """The notes of one file's rows, in order."""

    def __init__(self, file: str, sidecar: Sidecar) -> None:
        self.file = file
        self._notes = sidecar.beside(file)
        self._block: Batch | None = None

    def take(self, at: pa.Array) -> Batch:
        """Return the notes of these rows; a shard that begins in mid-file skips what lies before."""
        parts: list[Batch] = []
        wanted, held = len(at), 0
        astray = DataError("the notes are not about these rows", where=self.file, wanted="notes of the same version")
        first = at[0].as_py()
        while held < wanted:
            if self._block is None or self._block.num_rows == 0:
                self._block = next(self._notes, None)
            if self._block is None:
                raise astray
            if not held:
                self._block = self._block.filter(pc.greater_equal(self._block.column(AT), first))
            part = self._block.slice(0, wanted - held)
            self._block = self._block.slice(part.num_rows)
            if part.num_rows:
                parts.append(part)
                held += part.num_rows
        found = parts[0] if len(parts) == 1 else pa.concat_batches(parts)
        if not found.column(AT).equals(at.cast(pa.string())):
            raise astray
        return found


def _by_file(batch: Batch) -> Iterator[Batch]:
    """Cut a batch where one file's rows end and the next one's begin."""
    if batch.num_rows == 0:
        return
    places = batch.column(AT)
    if places[0].as_py().rpartition(":")[0] == places[-1].as_py().rpartition(":")[0]:
        # Files follow one another, so this is all of one.
        yield batch
        return
    files = [at.rpartition(":")[0] for at in places.to_pylist()]
    start = 0
    for row in range(1, len(files) + 1):
        if row == len(files) or files[row] != files[start]:
            yield batch.slice(start, row - start)
            start = row


LIGHT = (ID, AT, SPLIT)
