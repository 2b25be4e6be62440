"""Delta tables keep a sink's contract; a sink that breaks a promise is named."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import secrets
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pytest

from tilth.core.batch import Batch
from tilth.core.errors import CommitConflict
from tilth.core.shard import Cursor, Part, Receipt, RunKey, Shard, Version
from tilth.tables.table import Table
from tilth.testing import check_sink


class Replaced(Table):
    """A table whose commits take the place of what was there."""

    def commit(
        self,
        receipts: Sequence[Receipt],
        key: RunKey,
        cursor: Cursor | None,
        expected: Version | None,
        **options: Any,
    ) -> Version:
        return super().commit(receipts, key, cursor, expected, **{"mode": "overwrite", "schema": COLUMNS, **options})


COLUMNS = pa.schema([("_id", pa.string()), ("text", pa.string()), ("n", pa.int64())])


def rows_of(table: Table) -> list[dict[str, Any]]:
    return [row for part in table.scan().batches() for row in part.to_pylist()] if table.exists() else []


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "then"), [(Table, "append"), (Replaced, "replace")])
def test_a_delta_table_keeps_the_contract(
    tmp_path: Path, kind: type[Table], then: Literal["append", "replace"]
) -> None:
    check_sink(lambda: kind(tempfile.mkdtemp(dir=tmp_path)), rows_of, Table.newest, then=then)


@dataclass(frozen=True, kw_only=True)
class Folder:
    """Keep parts in a folder, and a log whose entries list the parts of a version."""

    root: str

    def write(self, shard: Shard, batches: Iterable[Batch]) -> Receipt:
        held = [part for part in batches if part.num_rows]
        if not held:
            return Receipt(shard=shard.id)
        table = pa.Table.from_batches(held)
        draft = Path(self.root) / f"{secrets.token_hex(8)}.tmp"
        with pa.ipc.new_file(draft, table.schema) as writer:
            writer.write_table(table)
        raw = draft.read_bytes()
        digest = hashlib.blake2b(raw, digest_size=16).hexdigest()
        path = self.name(shard.id, digest)
        draft.replace(Path(self.root) / path)
        part = Part(path=path, rows=len(table), bytes=len(raw), digest=digest)
        return Receipt(shard=shard.id, parts=(part,), rows=self.counted(len(table)))

    def commit(
        self, receipts: Sequence[Receipt], key: RunKey, cursor: Cursor | None, expected: Version | None
    ) -> Version:
        log = self.log()
        for number, entry in enumerate(log):
            if self.same(entry["key"], key):
                return self.version(number)
        self.expect(expected, len(log) - 1 if log else None)
        parts = [part.path for receipt in receipts for part in receipt.parts]
        entry = {"key": key, "cursor": cursor and dict(cursor.position), "parts": self.joined(log, parts)}
        self.append(len(log), entry)
        return self.version(len(log))

    def rows(self) -> list[dict[str, Any]]:
        log = self.log()
        return [row for name in (log[-1]["parts"] if log else []) for row in self.part(name)]

    def newest(self) -> Version | None:
        return self.version(len(self.log()) - 1) if self.log() else None

    # What the broken ones break.

    def name(self, shard: str, digest: str) -> str:
        return f"part-{shard}-{digest}.arrow"

    def counted(self, rows: int) -> int:
        return rows

    def same(self, committed: str, key: str) -> bool:
        return committed == key

    def expect(self, expected: Version | None, newest: int | None) -> None:
        if (expected.number if expected else None) != newest:
            raise CommitConflict("another was first")

    def joined(self, log: list[dict[str, Any]], parts: list[str]) -> list[str]:
        return list(dict.fromkeys([*(log[-1]["parts"] if log else []), *parts]))

    def append(self, number: int, entry: dict[str, Any]) -> None:
        with (Path(self.root) / f"{number}.json").open("x") as out:
            json.dump(entry, out)

    def log(self) -> list[dict[str, Any]]:
        entries = sorted(Path(self.root).glob("*.json"), key=lambda path: int(path.stem))
        return [json.loads(path.read_text()) for path in entries]

    def part(self, name: str) -> list[dict[str, Any]]:
        with pa.OSFile(str(Path(self.root) / name)) as raw:
            found: list[dict[str, Any]] = pa.ipc.open_file(raw).read_all().to_pylist()
            return found

    def version(self, number: int) -> Version:
        entry = self.log()[number]
        cursor = None if entry["cursor"] is None else Cursor(position=entry["cursor"])
        return Version(table="t", number=number, key=entry["key"], cursor=cursor)


def check(tmp_path: Path, kind: type[Folder], *, processes: bool = False) -> None:
    check_sink(
        lambda: kind(root=tempfile.mkdtemp(dir=tmp_path)), lambda sink: sink.rows(), kind.newest, processes=processes
    )


@pytest.mark.slow
def test_a_sound_sink_passes(tmp_path: Path) -> None:
    check(tmp_path, Folder, processes=True)


class Renaming(Folder):
    def name(self, shard: str, digest: str) -> str:
        return f"part-{shard}-{secrets.token_hex(4)}.arrow"


class Miscounting(Folder):
    def counted(self, rows: int) -> int:
        return rows + 1


class Showing(Folder):
    """Shows whatever lies in the folder."""

    def rows(self) -> list[dict[str, Any]]:
        return [row for path in sorted(Path(self.root).glob("*.arrow")) for row in self.part(path.name)]


class Repeating(Folder):
    def same(self, committed: str, key: str) -> bool:
        return False

    def expect(self, expected: Version | None, newest: int | None) -> None:
        pass


class Forgetting(Folder):
    """Knows the newest key alone."""

    def same(self, committed: str, key: str) -> bool:
        return committed == key and self.log()[-1]["key"] == key


class Doubling(Folder):
    def joined(self, log: list[dict[str, Any]], parts: list[str]) -> list[str]:
        return [*parts, *parts[:1]]


class Replacing(Folder):
    def joined(self, log: list[dict[str, Any]], parts: list[str]) -> list[str]:
        return parts


class Careless(Folder):
    def expect(self, expected: Version | None, newest: int | None) -> None:
        pass


class Careful(Folder):
    """Lets a first commit through that expects nothing, whatever is there."""

    def expect(self, expected: Version | None, newest: int | None) -> None:
        if expected is not None:
            super().expect(expected, newest)


class Cursorless(Folder):
    """Keeps the cursor in a file of its own, and writes it first."""

    def version(self, number: int) -> Version:
        return dataclasses.replace(super().version(number), cursor=None)


class Apart(Folder):
    """Keeps the cursor apart, and moves it before it looks whether the commit may go through."""

    def commit(
        self, receipts: Sequence[Receipt], key: RunKey, cursor: Cursor | None, expected: Version | None
    ) -> Version:
        (Path(self.root) / "cursor").write_text(json.dumps(cursor and dict(cursor.position)))
        return super().commit(receipts, key, cursor, expected)

    def newest(self) -> Version | None:
        found = super().newest()
        apart = Path(self.root) / "cursor"
        if found is None or not apart.exists():
            return found
        position = json.loads(apart.read_text())
        return dataclasses.replace(found, cursor=None if position is None else Cursor(position=position))


class Lazy(Folder):
    """Makes no version where there is nothing to add."""

    def commit(
        self, receipts: Sequence[Receipt], key: RunKey, cursor: Cursor | None, expected: Version | None
    ) -> Version:
        if not receipts and expected is not None:
            return expected
        return super().commit(receipts, key, cursor, expected)


class Swallowing(Folder):
    def write(self, shard: Shard, batches: Iterable[Batch]) -> Receipt:
        held: list[Batch] = []
        try:
            held.extend(iter(batches))
        except LookupError:
            held.clear()
        return super().write(shard, held)


class Pathful(Folder):
    """Puts what JSON does not hold into the receipt."""

    def write(self, shard: Shard, batches: Iterable[Batch]) -> Receipt:
        return dataclasses.replace(super().write(shard, batches), notes={"root": Path(self.root)})


class Streaming(Folder):
    """Shows each batch as it comes."""

    def write(self, shard: Shard, batches: Iterable[Batch]) -> Receipt:
        held = []
        for number, part in enumerate(batches):
            held.append(part)
            if part.num_rows:
                with pa.ipc.new_file(Path(self.root) / f"shown-{shard.id}-{number}.arrow", part.schema) as writer:
                    writer.write_batch(part)
        for path in Path(self.root).glob(f"shown-{shard.id}-*"):
            path.unlink()
        return super().write(shard, held)

    def rows(self) -> list[dict[str, Any]]:
        shown = sorted(Path(self.root).glob("shown-*.arrow"))
        return [*super().rows(), *(row for path in shown for row in self.part(path.name))]


@pytest.mark.parametrize(
    ("kind", "promise"),
    [
        (Renaming, "write: twice gives another receipt"),
        (Miscounting, "write: the receipt counts other rows"),
        (Pathful, "write: the receipt holds what JSON does not"),
        (Showing, "write: rows show before the commit"),
        (Repeating, "commit: the same key makes another version"),
        (Doubling, "commit: other rows than were written: 0 missing, 12 too many"),
        (Cursorless, "commit: the version has another cursor"),
        (Replacing, "second commit: it does not append"),
        (Forgetting, "second commit: the first key is forgotten"),
        (Careless, "conflict: a commit that builds on an old version goes through"),
        (Careful, "conflict: a commit that builds on no version goes through"),
        (Apart, "commit: the same key moves the cursor"),
        (Lazy, "nothing: a commit without receipts makes no version"),
        (Swallowing, "failing: the error of the rows is swallowed"),
        (Streaming, "failing: rows of a writer that failed show"),
    ],
)
def test_a_sink_that_breaks_a_promise_is_named(tmp_path: Path, kind: type[Folder], promise: str) -> None:
    with pytest.raises(AssertionError, match=promise):
        check(tmp_path, kind)


class Sheltered(Streaming):
    """Takes back what it showed when the rows fail, which a killed process cannot."""

    def write(self, shard: Shard, batches: Iterable[Batch]) -> Receipt:
        try:
            return super().write(shard, batches)
        except LookupError:
            for path in Path(self.root).glob(f"shown-{shard.id}-*"):
                path.unlink()
            raise


@pytest.mark.slow
def test_what_a_killed_writer_leaves_to_see_is_found(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="killed: rows of a writer that was killed show"):
        check(tmp_path, Sheltered, processes=True)


def test_a_sink_must_begin_without_rows(tmp_path: Path) -> None:
    one = Folder(root=str(tmp_path))
    one.commit([], RunKey("k"), None, None)
    with pytest.raises(AssertionError, match="must return a sink without rows"):
        check_sink(lambda: one, Folder.rows, Folder.newest)


def test_what_is_no_sink_is_refused() -> None:
    with pytest.raises(AssertionError, match="int is no Sink"):
        check_sink(lambda: os.getpid(), lambda sink: [], lambda sink: None)  # type: ignore[arg-type,return-value]
