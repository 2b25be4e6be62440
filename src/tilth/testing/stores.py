"""Check stores: an object is whole or not there, exactly one creates it, and lists are in the order of bytes."""

from __future__ import annotations

import dataclasses
import hashlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.parquet as pq

from tilth.bytes.store import Entry, Store
from tilth.core.errors import DataError
from tilth.testing._compared import pickled

NAMES = (
    *(
        "a b",
        "a%20b",
        "a+b",
        "a#b",
        "a&b=c;d",
        "a.txt",
        "a/b",
        "a/b c/d",
        "a-b",
        "a?b",
        "A",
        "~x",
        "x..y",
        "..z",
        "q'q",
    ),
    *('"', "[1]{2}", "back\\slash", "é", "e\u0301", "日本/語", "😀", "\uffee", "-", "_", "$", "@", "ö/%2F", "a<b>|c*"),
)
"""Names that are easily written wrong in a URL, told apart wrongly, or sorted wrongly."""
OUTSIDE = ("", "/a", "../a", "a/../b", "a/./b", "a//b", "a/", "..", ".", "a\0b")
"""What names no object below the root."""
_RACERS = 8
_ROUNDS = 4
_LARGE = 21 << 20


def check_store(make: Callable[[], Store], *, processes: bool = True) -> None:
    """Check a store: `check_store(lambda: open_store(new_folder()))`.

    `make` returns a store that holds nothing yet, another one every time. `processes` also races and kills processes,
    started by "spawn" (a fork server would keep the environment that it began with). Raises AssertionError, naming the
    promise that is broken.
    """
    check = _Check(make)
    check.names()
    check.ranges()
    check.absent()
    check.outside()
    check.replaces()
    check.creates()
    check.many()
    check.writer()
    check.copies()
    if processes:
        check.racing_processes()
        check.killed_writer()


@dataclasses.dataclass(frozen=True)
class _Check:
    make: Callable[[], Store]

    def names(self) -> None:
        """Any name comes back as it was, once, in the order of bytes, with what a look at it says."""
        store = self._new()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda name: store.put(name, name.encode()), NAMES))
        found = list(store.list())
        assert [one.path for one in found] == sorted(NAMES, key=str.encode), "names: other names, or another order"
        assert found == list(pickled(store).list()), "names: a store from a pickle lists something else"
        for one in found:
            assert store.read(one.path) == one.path.encode(), f"names: {one.path} holds what is another's"
            assert one.size == len(one.path.encode()), f"names: {one.path} has another size"
            assert store.stat(one.path) == one, f"names: a list and a look at {one.path} differ"
        for prefix in ("a", "a/", "a/b", "a/b c/", "a/b c", "日", "日本/", "z", "é", "a%20b", "a%20bc", "..", "😀"):
            wanted = [one for one in found if one.path.startswith(prefix)]
            if prefix != "..":
                assert list(store.list(prefix)) == wanted, f"names: the list of {prefix!r} differs"

    def ranges(self) -> None:
        """A range that leaves the object holds what there is of it."""
        store = self._new()
        store.put("ten", b"0123456789")
        store.put("none", b"")
        for start, length in (
            (0, None),
            (0, 4),
            (3, 4),
            (3, None),
            (9, 9),
            (10, 1),
            (10, None),
            (99, 1),
            (0, 0),
            (5, 0),
        ):
            wanted = b"0123456789"[start : None if length is None else start + length]
            assert store.read("ten", start, length) == wanted, f"ranges: from {start}, {length} bytes: others"
            assert store.read("none", start, length) == b"", "ranges: an empty object has bytes"
        with store.open("ten") as file:
            assert file.read(2) == b"01" and file.tell() == 2, "ranges: a file reads something else"
            assert file.seek(-3, os.SEEK_END) == 7 and file.read() == b"789", "ranges: a file seeks elsewhere"
            assert file.seek(20) == 20 and file.read(1) == b"", "ranges: a file has bytes after its end"
        table = pa.table({"n": list(range(5000)), "text": [f"row {n}" for n in range(5000)]})
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, row_group_size=1000)
        store.put("rows.parquet", sink.getvalue().to_pybytes())
        with store.open("rows.parquet") as file, pq.ParquetFile(file) as rows:
            assert rows.read_row_group(3).equals(table.slice(3000, 1000)), "ranges: parquet reads other rows"

    def absent(self) -> None:
        """What is not there is `FileNotFoundError`, but for looks and deletes; a prefix of a name is no object."""
        store = self._new()
        store.put("folder/one", b"1")
        for path in ("no", "folder", "no/way", "folder/on"):
            assert store.stat(path) is None, f"absent: {path} is there"
            store.delete(path)
            for what, call in (
                ("read", store.read), ("range", lambda path: store.read(path, 1, 1)), ("open", store.open),
                ("many", lambda path: list(store.read_many(["folder/one", path]))),
                ("none", lambda path: store.read(path, 0, 0)), ("copy", lambda path: store.copy(path, "other")),
            ):  # fmt: skip
                try:
                    call(path)
                except FileNotFoundError:
                    pass
                else:
                    raise AssertionError(f"absent: {what} of {path} raises no FileNotFoundError")
        store.delete("folder/one")
        store.delete("folder/one")
        assert list(store.list()) == [], "absent: something is left"

    def outside(self) -> None:
        """No path leaves the root."""
        store = self._new()
        for path in OUTSIDE:
            for call in (
                store.read, store.stat, store.open, store.write, store.delete, lambda path: store.put(path, b"x"),
                lambda path: store.create(path, b"x"), lambda path: store.copy("a", path),
                lambda path: store.copy(path, "a"), lambda path: list(store.read_many([path])),
                lambda path: list(store.list(f"{path}/")),
            ):  # fmt: skip
                try:
                    call(path)
                except DataError:
                    continue
                except FileNotFoundError:
                    raise AssertionError(f"outside: {path!r} is looked for") from None
                raise AssertionError(f"outside: {path!r} is taken for an object")
        assert list(store.list()) == [], "outside: something was written"

    def replaces(self) -> None:
        """Who reads while an object is replaced sees one whole content or another."""
        store = self._new()
        whole = [bytes([at]) * (70_000 + at) for at in range(12)]
        store.put("a", whole[0])
        tag = store.stat("a")
        stop = threading.Event()
        seen: list[bytes] = []

        def look() -> None:
            while not stop.is_set():
                seen.append(store.read("a"))

        reader = threading.Thread(target=look)
        reader.start()
        try:
            for content in whole[1:]:
                store.put("a", content)
                assert store.read("a") == content, "replaces: a read after a put finds something else"
        finally:
            stop.set()
            reader.join()
        assert seen and set(seen) <= set(whole), "replaces: a reader saw a part, or a mix"
        assert store.stat("a") != tag, "replaces: a look says nothing of another content"
        assert len(list(store.list())) == 1, "replaces: there is more than one object"

    def creates(self) -> None:
        """Of those that create an object at once, exactly one is told that it did, and the object is its own."""
        store = self._new()
        with ThreadPoolExecutor(_RACERS) as pool:
            for turn in range(_ROUNDS):
                path, gate = f"turns/{turn}", threading.Barrier(_RACERS)
                contents = [f"{turn} by {racer}".encode() * 50 for racer in range(_RACERS)]
                racing = [pool.submit(_create_at, store, gate, path, content) for content in contents]
                won = [content for content, done in zip(contents, racing, strict=True) if done.result()]
                assert len(won) == 1, f"creates: {len(won)} of {_RACERS} threads were told that they did"
                assert store.read(path) == won[0], "creates: the object is not the winner's"
        assert not store.create("turns/0", b""), "creates: one that is there is created again"
        assert len(list(store.list())) == _ROUNDS, "creates: losers leave something behind"

    def racing_processes(self) -> None:
        """The same from processes."""
        store = self._new()
        context = multiprocessing.get_context("spawn")
        with context.Pool(4) as pool:
            for turn in range(2):
                tries = [(store, f"turns/{turn}", f"{turn} by {racer}".encode()) for racer in range(_RACERS)]
                won = pool.starmap(_create, tries, chunksize=1)
                assert won.count(True) == 1, f"racing: {won.count(True)} of {_RACERS} were told that they did"
                assert store.read(f"turns/{turn}") == tries[won.index(True)][2], (
                    "racing: the object is not the winner's"
                )

    def many(self) -> None:
        """Many objects come in the order asked for, one of them twice if asked for twice."""
        store = self._new()
        sizes = [*range(0, 3000, 100), 1 << 20, (1 << 20) + 1, 3 << 20, 1, 0]
        paths = [f"many/{at:03d}" for at in range(len(sizes))]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda at: store.put(paths[at], _noise(at, sizes[at])), range(len(sizes))))
        asked = [*reversed(paths), paths[0], paths[-1]]
        found = list(store.read_many(asked))
        assert [path for path, _ in found] == asked, "many: another order"
        assert all(content == _noise(paths.index(path), sizes[paths.index(path)]) for path, content in found), (
            "many: an object holds what is another's"
        )
        assert list(store.read_many([])) == [], "many: something comes of nothing"
        begun = store.read_many(paths * 3)
        assert next(iter(begun))[0] == paths[0], "many: another order"
        del begun

    def writer(self) -> None:
        """A large object shows when it is closed, and not before; an abandoned one leaves nothing."""
        store = self._new()
        content = _noise(7, _LARGE)
        for path in ("deep/large", "deep/large"):
            writer = store.write(path)
            before = store.stat(path)
            for start in range(0, _LARGE, 3_000_001):
                assert writer.write(content[start : start + 3_000_001]) == len(content[start : start + 3_000_001])
            assert store.stat(path) == before, "writer: it shows before it is closed"
            assert [one.path for one in store.list()] in ([], [path]), "writer: something unfinished is listed"
            writer.close()
            assert store.read(path) == content, "writer: the object is another"
            content = content[::-1][:-5]
        store.put("put", content)
        assert store.read("put", 5 << 20, 1 << 20) == content[5 << 20 : 6 << 20], "writer: a large put is another"
        empty = store.write("empty")
        empty.close()
        assert store.read("empty") == b"", "writer: nothing was written, and something is there"
        before_all = list(store.list())
        for size in (0, 10, 20 << 20):
            for path in ("gone", "put"):
                writer = store.write(path)
                writer.write(b"x" * size)
                writer.abandon()
                writer.abandon()
        assert list(store.list()) == before_all, "writer: an abandoned one leaves or changes something"

    def copies(self) -> None:
        """A copy is a whole object of its own."""
        store = self._new()
        store.put("a b+%", b"first")
        store.put("deep/é", b"other")
        store.copy("a b+%", "deep/é")
        store.put("a b+%", b"second")
        assert store.read("deep/é") == b"first", "copies: the copy changes with its source"
        store.copy("deep/é", "deep/é")
        store.delete("a b+%")
        assert [(one.path, store.read(one.path)) for one in store.list()] == [("deep/é", b"first")], "copies: others"

    def killed_writer(self) -> None:
        """A writer that is killed leaves nothing that shows, and the object can be written again."""
        store = self._new()
        store.put("there", b"before")
        for path in ("there", "new"):
            process = multiprocessing.get_context("spawn").Process(target=_killed, args=(store, path))
            process.start()
            process.join(120)
            assert process.exitcode == -signal.SIGKILL, f"killed: the writer ended with {process.exitcode}"
        assert [one.path for one in store.list()] == ["there"], "killed: what a killed writer left shows"
        assert store.read("there") == b"before", "killed: a killed writer changed an object"
        for one in list(store.unfinished()):
            store.delete(one.path)
        assert list(store.unfinished()) == [], "killed: what is unfinished stays when it is deleted"
        store.put("new", b"after")
        assert store.read("new") == b"after", "killed: the object cannot be written again"

    def _new(self) -> Store:
        store = self.make()
        assert isinstance(store, Store), f"{type(store).__name__} is no Store"
        assert pickled(store).url == store.url, "a store from a pickle is another"
        found: list[Entry] = list(store.list())
        assert found == [], "`make` must return a store without objects"
        return store


def _noise(seed: int, size: int) -> bytes:
    return hashlib.shake_128(seed.to_bytes(4, "big")).digest(size)


def _create_at(store: Store, gate: threading.Barrier, path: str, content: bytes) -> bool:
    gate.wait()
    return store.create(path, content)


def _create(store: Store, path: str, content: bytes) -> bool:
    return store.create(path, content)


def _killed(store: Store, path: str) -> None:
    writer = store.write(path)
    writer.write(b"x" * (18 << 20))
    os.kill(os.getpid(), signal.SIGKILL)
