"""Files keep a source's contract in every format; a source that breaks a promise is named."""

from __future__ import annotations

import dataclasses
import gzip
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest

from tilth.connectors.files import Files
from tilth.core.connector import Record, Reject
from tilth.core.shard import Cursor, Shard
from tilth.testing import check_source, small_files


@dataclass(frozen=True, kw_only=True)
class Lines:
    """Read the lines of files; a line that begins with ! cannot be read."""

    folder: str
    token: str = dataclasses.field(default="", repr=False)

    def plan(self, since: Cursor | None) -> tuple[Sequence[Shard], Cursor]:
        known = since.position if since else {}
        sizes = {path.name: path.stat().st_size for path in sorted(Path(self.folder).iterdir())}
        due = [name for name, size in sizes.items() if known.get(name) != size]
        return [Shard(id=f"file-{name}", where={"file": name}, bytes=sizes[name]) for name in due], Cursor(
            position=sizes
        )

    def read(self, shard: Shard) -> Iterator[Record]:
        file = shard.where["file"]
        lines = (Path(self.folder) / file).read_text(encoding="utf-8").splitlines()
        good = [at for at, line in enumerate(lines) if not line.startswith("!")]
        yield self.record(
            pa.RecordBatch.from_pydict({"text": pa.array([lines[at] for at in good], pa.string())}),
            tuple(f"{file}:{at}" for at in good),
            tuple(Reject(file, at, "a line that begins with !") for at in range(len(lines)) if at not in good),
        )

    def record(self, batch: pa.RecordBatch, names: tuple[str, ...], rejects: tuple[Reject, ...]) -> Record:
        return Record(batch=batch, names=names, rejects=rejects)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "in"
    found.mkdir()
    (found / "a.txt").write_text("first\n!hidden words\nsecond\n")
    (found / "b.txt").write_text("dritte Zeile\n四\n", encoding="utf-8")
    return found


def growing(folder: Path) -> Callable[[], None]:
    return lambda: (folder / "c.txt").write_text("new\nnewer\n") and None


def test_a_sound_source_passes(folder: Path) -> None:
    moved = Path(shutil.copytree(folder, folder.parent / "elsewhere"))
    check_source(
        Lines(folder=str(folder), token="s3cret"),
        moved=Lines(folder=str(moved)),
        grow=growing(folder),
        unsaid=("s3cret", "hidden words"),
    )


# Files.


@pytest.mark.slow
@pytest.mark.parametrize("name", small_files())
def test_files_keep_the_contract_in_every_format(tmp_path: Path, name: str) -> None:
    ending, content = name.partition(".")[2], small_files()[name]
    folder = tmp_path / "in"
    folder.mkdir()
    for stem in "ab":
        (folder / f"{stem}.{ending}").write_bytes(content)
    moved = shutil.copytree(folder, tmp_path / "elsewhere" / "deep")
    check_source(
        Files(path=f"{folder}/*.{ending}", name="in"),
        moved=Files(path=f"{moved}/*.{ending}", name="in"),
        grow=lambda: (folder / f"c.{ending}").write_bytes(content),
    )


BROKEN = {
    "csv": "text,n\nfirst,1\nhidden words\nsecond,2\n四,\n",
    "tsv": "text\tn\nfirst\t1\nhidden words\n",
    "jsonl": '{"text": "first", "n": 1}\n{"text": "hidden words", "n": \n{"text": "second", "n": 2}\n',
}


@pytest.mark.slow
@pytest.mark.parametrize("ending", BROKEN)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_files_do_not_say_what_broken_records_hold(tmp_path: Path, ending: str, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / f"a.{ending}"
    path.write_bytes(pack(BROKEN[ending].encode()))
    files = Files(path=str(path))
    assert [record.rejects for shard in files.plan(None)[0] for record in files.read(shard)] != [()]
    check_source(files, unsaid=("hidden words",), processes=False)


@pytest.mark.slow
def test_files_with_a_key_keep_the_contract(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,text\n1,first\n2,second\n,hidden words\n1,again\n")

    def grow() -> None:
        (tmp_path / "b.csv").write_text("id,text\n3,third\n")

    check_source(Files(path=f"{tmp_path}/*.csv", key="id"), grow=grow, unsaid=("hidden words",), unique=False)


# Broken ones.


class ReadsAhead(Lines):
    def plan(self, since: Cursor | None) -> tuple[Sequence[Shard], Cursor]:
        shards, cursor = super().plan(since)
        return [dataclasses.replace(shard, rows=sum(1 for _ in self.read(shard))) for shard in shards], cursor


class Fickle(Lines):
    def plan(self, since: Cursor | None) -> tuple[Sequence[Shard], Cursor]:
        shards, cursor = super().plan(since)
        mark = os.urandom(4).hex()
        return [dataclasses.replace(shard, id=f"{shard.id}-{mark}") for shard in shards], cursor


class OneId(Lines):
    def plan(self, since: Cursor | None) -> tuple[Sequence[Shard], Cursor]:
        shards, cursor = super().plan(since)
        return [dataclasses.replace(shard, id="Shard" if at else "shard") for at, shard in enumerate(shards)], cursor


class Unsafe(Lines):
    def plan(self, since: Cursor | None) -> tuple[Sequence[Shard], Cursor]:
        shards, cursor = super().plan(since)
        return [dataclasses.replace(shard, id=f"../{shard.id}") for shard in shards], cursor


class HoldsAPath(Lines):
    def plan(self, since: Cursor | None) -> tuple[Sequence[Shard], Cursor]:
        shards, cursor = super().plan(since)
        return shards, Cursor(position={**cursor.position, "root": Path(self.folder)})


class Miscounts(Lines):
    def plan(self, since: Cursor | None) -> tuple[Sequence[Shard], Cursor]:
        shards, cursor = super().plan(since)
        return [dataclasses.replace(shard, rows=99) for shard in shards], cursor


class Forgets(Lines):
    """Gives everything again whatever it read."""

    def plan(self, since: Cursor | None) -> tuple[Sequence[Shard], Cursor]:
        return super().plan(None)


class Restless(Lines):
    def plan(self, since: Cursor | None) -> tuple[Sequence[Shard], Cursor]:
        shards, cursor = super().plan(since)
        return shards, Cursor(position={**cursor.position, "turn": cursor_turn(since) + 1})


def cursor_turn(since: Cursor | None) -> int:
    return int(since.position.get("turn", 0)) if since else 0


class Blind(Lines):
    """Sees nothing new."""

    def plan(self, since: Cursor | None) -> tuple[Sequence[Shard], Cursor]:
        shards, cursor = super().plan(since)
        return ([], since) if since else (shards, cursor)


class Named(Lines):
    """Names rows by where they lie."""

    def record(self, batch: pa.RecordBatch, names: tuple[str, ...], rejects: tuple[Reject, ...]) -> Record:
        return Record(batch=batch, names=tuple(f"{self.folder}/{name}" for name in names), rejects=rejects)


class Counts(Lines):
    """Names rows by their number in the shard alone."""

    def record(self, batch: pa.RecordBatch, names: tuple[str, ...], rejects: tuple[Reject, ...]) -> Record:
        return Record(batch=batch, names=tuple(map(str, range(len(names)))), rejects=rejects)


class Random(Lines):
    def record(self, batch: pa.RecordBatch, names: tuple[str, ...], rejects: tuple[Reject, ...]) -> Record:
        return Record(batch=batch, names=tuple(f"{name}-{os.urandom(4).hex()}" for name in names), rejects=rejects)


class Process(Lines):
    """Gives what depends on the process."""

    def record(self, batch: pa.RecordBatch, names: tuple[str, ...], rejects: tuple[Reject, ...]) -> Record:
        return Record(batch=batch, names=tuple(f"{name}-{os.getpid()}" for name in names), rejects=rejects)


class Short(Lines):
    def record(self, batch: pa.RecordBatch, names: tuple[str, ...], rejects: tuple[Reject, ...]) -> Record:
        return Record(batch=batch, names=names[1:], rejects=rejects)


class Ready(Lines):
    def record(self, batch: pa.RecordBatch, names: tuple[str, ...], rejects: tuple[Reject, ...]) -> Record:
        return Record(batch=batch.append_column("_id", pa.array(names, pa.string())), names=names, rejects=rejects)


class Rejecting(Lines):
    def rejected(self, reject: Reject) -> Reject:
        raise NotImplementedError

    def record(self, batch: pa.RecordBatch, names: tuple[str, ...], rejects: tuple[Reject, ...]) -> Record:
        return Record(batch=batch, names=names, rejects=tuple(map(self.rejected, rejects)))


class Nowhere(Rejecting):
    def rejected(self, reject: Reject) -> Reject:
        return reject._replace(path=f"{self.folder}/{reject.path}")


class Wordless(Rejecting):
    def rejected(self, reject: Reject) -> Reject:
        return reject._replace(reason="")


class Unnumbered(Rejecting):
    def rejected(self, reject: Reject) -> Reject:
        return reject._replace(ordinal=-1)


class Quoting(Rejecting):
    def rejected(self, reject: Reject) -> Reject:
        return reject._replace(reason="cannot read: hidden words")


@dataclass(frozen=True, kw_only=True)
class Open(Lines):
    """Shows its secret."""

    password: str = "s3cret"


class Logged(Lines):
    """Carries a secret into the plan."""

    def plan(self, since: Cursor | None) -> tuple[Sequence[Shard], Cursor]:
        shards, cursor = super().plan(since)
        return [dataclasses.replace(one, where={**one.where, "key": "s3cret"}) for one in shards], cursor


@pytest.mark.parametrize(
    ("kind", "promise"),
    [
        (ReadsAhead, "plan: rows are read"),
        (Fickle, "plan: a second plan differs"),
        (OneId, "plan: two shards have one id"),
        (Unsafe, 'plan: "../file-a.txt" is no safe name for a file'),
        (HoldsAPath, "plan: the cursor holds what JSON does not"),
        (Miscounts, "read: file-b.txt has 2 records, not 99"),
        (Forgets, "since: rows come again though nothing changed"),
        (Restless, "since: the cursor moves though nothing changed"),
        (Blind, "grown: the new rows do not come"),
        (Named, "moved: rows have other names"),
        (Counts, "read: two rows have one name"),
        (Random, "reads differently again"),
        (Short, "read: 1 names of 2 rows"),
        (Ready, "read: a batch has columns that Tilth adds"),
        (Nowhere, "read: a reject's path is not relative"),
        (Wordless, "read: a reject has no reason"),
        (Unnumbered, "read: a reject has no ordinal"),
        (Quoting, "silence: a reason or a note says what it must not"),
        (Open, "silence: the source says what it must not"),
        (Logged, "silence: the plan says what it must not"),
    ],
)
def test_a_source_that_breaks_a_promise_is_named(folder: Path, kind: type[Lines], promise: str) -> None:
    moved = shutil.copytree(folder, folder.parent / "elsewhere")
    with pytest.raises(AssertionError, match=promise):
        check_source(
            kind(folder=str(folder)),
            moved=kind(folder=str(moved)),
            grow=growing(folder),
            unsaid=("s3cret", "hidden words"),
            processes=False,
        )


@pytest.mark.slow
def test_a_source_that_depends_on_its_process_is_named(folder: Path) -> None:
    with pytest.raises(AssertionError, match="reads differently in another process"):
        check_source(Process(folder=str(folder)))


def test_what_is_no_source_is_refused() -> None:
    with pytest.raises(AssertionError, match="int is no Source"):
        check_source(3)  # type: ignore[arg-type]  # on purpose
