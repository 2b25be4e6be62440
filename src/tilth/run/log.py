"""Write a run's events as numbered, immutable segments of JSON lines."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tilth.core.events import Event

SEGMENT = 200
"""Events a segment; the last segment of a killed run may be shorter."""


class EventLog:
    """Collect events and write them in segments; a reader of the folder sees whole segments only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._next = max((_number(path) for path in folder.glob("*.jsonl")), default=0) + 1
        self._held: list[str] = []

    def __call__(self, event: Event) -> None:
        self._held.append(_line({"at": round(time.time(), 3), **event.to_json()}))
        if len(self._held) >= SEGMENT:
            self.flush()

    def flush(self) -> None:
        """Write what is held as one more segment; one that is there is never written over."""
        if not self._held:
            return
        while (self._folder / f"{self._next:06d}.jsonl").exists():
            self._next += 1
        draft = self._folder / f".{self._next:06d}.{os.getpid()}.tmp"
        draft.write_text("\n".join(self._held) + "\n", encoding="utf-8")
        draft.replace(self._folder / f"{self._next:06d}.jsonl")
        self._held, self._next = [], self._next + 1


def read(folder: Path) -> Iterator[dict[str, Any]]:
    """Read a run's events in order."""
    for path in sorted(folder.glob("*.jsonl"), key=_number):
        # Not splitlines: a text may hold line ends of Unicode's own, such as U+2028.
        for line in path.read_text(encoding="utf-8").split("\n"):
            if line:
                yield json.loads(line)


def _line(value: dict[str, Any]) -> str:
    line = json.dumps(value, ensure_ascii=False)
    # A file's name need not be Unicode.
    return line if line.encode("utf-8", "replace").decode("utf-8") == line else json.dumps(value)


def _number(path: Path) -> int:
    return int(path.stem) if path.stem.isdigit() else 0
