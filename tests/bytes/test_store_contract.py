"""The contract of stores catches stores that break it."""

import io
import time
from collections.abc import Iterator, Sequence
from typing import IO

import pytest

from tilth.bytes.store import Entry
from tilth.bytes.stores._paths import checked, checked_prefix
from tilth.testing.stores import check_store


class MemoryWriter:
    def __init__(self, store: "MemoryStore", path: str) -> None:
        self.store, self.path, self.data, self.ended = store, path, b"", False

    def write(self, data: bytes) -> int:
        self.data += data
        return len(data)

    def close(self) -> None:
        self.store.put(self.path, self.data)
        self.ended = True

    def abandon(self) -> None:
        self.ended = True


class MemoryStore:
    """A store that keeps the contract, in a dictionary."""

    writer = MemoryWriter

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    @property
    def url(self) -> str:
        return "memory"

    def list(self, prefix: str = "") -> Iterator[Entry]:
        checked_prefix(prefix)
        for path in sorted(self.objects, key=str.encode):
            if path.startswith(prefix):
                yield self.entry(path)

    def unfinished(self, prefix: str = "") -> Iterator[Entry]:
        return iter(())

    def entry(self, path: str) -> Entry:
        return Entry(path, len(self.objects[path]), 0.0, str(hash(self.objects[path])))

    def stat(self, path: str) -> Entry | None:
        return self.entry(path) if checked(path) in self.objects else None

    def read(self, path: str, start: int = 0, length: int | None = None) -> bytes:
        if checked(path) not in self.objects:
            raise FileNotFoundError(path)
        return self.objects[path][start : None if length is None else start + length]

    def read_many(self, paths: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        return ((path, self.read(path)) for path in paths)

    def open(self, path: str) -> IO[bytes]:
        return io.BytesIO(self.read(path))

    def put(self, path: str, data: bytes) -> None:
        self.objects[checked(path)] = data

    def create(self, path: str, data: bytes) -> bool:
        return self.objects.setdefault(checked(path), data) is data

    def write(self, path: str) -> MemoryWriter:
        return self.writer(self, checked(path))

    def copy(self, path: str, other: str) -> None:
        checked(other)
        self.put(other, self.read(path))

    def delete(self, path: str) -> None:
        self.objects.pop(checked(path), None)


class OutOfOrder(MemoryStore):
    def list(self, prefix: str = "") -> Iterator[Entry]:
        return iter(sorted(super().list(prefix), key=lambda one: one.path.split("/")))


class WholeSteps(MemoryStore):
    def list(self, prefix: str = "") -> Iterator[Entry]:
        return (one for one in super().list(prefix) if prefix in ("", one.path) or one.path.startswith(f"{prefix}/"))


class Decoded(MemoryStore):
    def put(self, path: str, data: bytes) -> None:
        super().put(path.replace("%20", " "), data)


class ShortRanges(MemoryStore):
    def read(self, path: str, start: int = 0, length: int | None = None) -> bytes:
        found = super().read(path, start, length)
        if length and len(found) < length:
            raise ValueError("beyond the end")
        return found


class SameTag(MemoryStore):
    def entry(self, path: str) -> Entry:
        return Entry(path, 1, 0.0, "tag")


class Looks(MemoryStore):
    def create(self, path: str, data: bytes) -> bool:
        if checked(path) in self.objects:
            return False
        time.sleep(0.001)
        self.put(path, data)
        return True


class InTwo(MemoryStore):
    def put(self, path: str, data: bytes) -> None:
        super().put(path, data[: len(data) // 2])
        time.sleep(0.001)
        super().put(path, data)


class ShowsAtOnce(MemoryWriter):
    def write(self, data: bytes) -> int:
        self.data += data
        self.store.put(self.path, self.data)
        return len(data)


class Keeps(MemoryWriter):
    def abandon(self) -> None:
        if not self.ended:
            self.close()


class Hasty(MemoryStore):
    writer = ShowsAtOnce


class Stubborn(MemoryStore):
    writer = Keeps


class AsTheyCome(MemoryStore):
    def read_many(self, paths: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        return iter(sorted(super().read_many(paths)))


class Empty(MemoryStore):
    def read(self, path: str, start: int = 0, length: int | None = None) -> bytes:
        return super().read(path, start, length) if checked(path) in self.objects else b""


class Anywhere(MemoryStore):
    def delete(self, path: str) -> None:
        self.objects.pop(path, None)


class Forgetful(MemoryStore):
    def copy(self, path: str, other: str) -> None:
        super().copy(path, other)
        if path == other:
            self.delete(path)


def test_a_store_that_keeps_the_contract_passes() -> None:
    check_store(MemoryStore, processes=False)


@pytest.mark.parametrize(
    ("broken", "promise"),
    [
        (OutOfOrder, "names: "), (WholeSteps, "names: "), (Decoded, "names: "), (SameTag, "names: "),
        (Empty, "absent: "), (Anywhere, "outside: "), (Looks, "creates: "), (InTwo, "replaces: "), (Hasty, "writer: "),
        (Stubborn, "writer: "), (AsTheyCome, "many: "), (Forgetful, "copies: "),
    ],
)  # fmt: skip
def test_a_breach_is_named(broken: type[MemoryStore], promise: str) -> None:
    with pytest.raises(AssertionError, match=f"^{promise}"):
        check_store(broken, processes=False)


def test_a_range_that_raises_is_a_breach() -> None:
    with pytest.raises(ValueError, match="beyond the end"):
        check_store(ShortRanges, processes=False)
