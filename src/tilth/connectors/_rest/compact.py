"""Take out of a pull the records that came again in it, and write down which rows of finished pulls are no more."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

NAMES = "_names.json"


def without_twins(db: sqlite3.Connection, folder: Path, target: Path, name_of: Callable[[bytes], str | None]) -> None:
    """Write a pull anew to `target`, of each key's records the newest only; the pull itself stays as it is."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for path in sorted(folder.glob("*.jsonl")):
        places = db.execute("SELECT line FROM fresh WHERE segment = ? AND gone = 0", (int(path.stem),))
        keep = {line for (line,) in places}
        with path.open("rb") as file, (target / path.name).open("xb") as whole:
            for at, line in enumerate(file):
                # A record without a key stays: the reader says what is wrong with it.
                if at in keep or name_of(line) is None:
                    whole.write(line)
            whole.flush()
            os.fsync(whole.fileno())
    sync(target)


def stamped(folder: Path) -> None:
    """Give a pull's files a time that is made of their content.

    `files` knows a large file again by its size, its time and a sample of its bytes: so, equal files are equal.
    """
    for path in folder.glob("*.jsonl"):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
        stamp = int.from_bytes(digest[:4], "little") * 10**9
        os.utime(path, ns=(stamp, stamp))


def write_names(db: sqlite3.Connection, pulls: Path, done: Sequence[int]) -> None:
    """Write beside each finished pull's segments which of its rows are no more, where that is not what stands there."""
    for number in done:
        dead = [name for (name,) in db.execute("SELECT name FROM replaced WHERE pull = ? ORDER BY name", (number,))]
        query = "SELECT name FROM newest WHERE pull = ? AND gone = 1 ORDER BY name"
        gone = [name for (name,) in db.execute(query, (number,))]
        path = pulls / f"{number:06d}" / NAMES
        text = json.dumps({"dead": dead, "gone": gone})
        if (path.read_text() if path.exists() else '{"dead": [], "gone": []}') != text:
            unfinished = path.with_suffix(".tmp")
            unfinished.write_text(text)
            unfinished.replace(path)


def sync(folder: Path) -> None:
    """Make the names in a folder durable."""
    place = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)
