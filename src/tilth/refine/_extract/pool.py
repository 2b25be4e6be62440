"""Keep a child process that reads documents; one that dies costs the one document it was at."""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tilth.core.errors import MissingExtra
from tilth.refine._extract.child import ANSWER, FRAME, Settings
from tilth.refine._extract.found import Found

_CHUNK = 256 << 10
_MOST_CHILDREN = 2
_SLACK = 5.0
"""Seconds of waiting beyond three times the limit; the limit itself counts the child's own work."""


class Document(NamedTuple):
    """A document's bytes, and what is known of its kind."""

    raw: bytes
    kind: str = "auto"
    type: str = ""


class Child:
    """A process that reads documents one after another."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.owner = os.getpid()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def read(self, documents: Sequence[Document]) -> list[Found | str]:
        """Return what each document holds, or why it cannot be read."""
        answers: list[Found | str] = []
        with self._lock:
            try:
                while len(answers) < len(documents):
                    # Where the child died, the first without an answer was its end; the rest go to a new one.
                    answers.extend(self._answers(documents[len(answers) :]))
            except BaseException:
                # Answers that nobody took must not be taken for the next documents'.
                self.close()
                raise
        return answers

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
            process.wait()

    def _answers(self, documents: Sequence[Document]) -> Iterator[Found | str]:
        process = self._started()
        assert process.stdin is not None and process.stdout is not None
        into, out = process.stdin.fileno(), process.stdout.fileno()
        frames = _Frames(documents)
        held = bytearray()
        answered, since = 0, time.monotonic()
        while answered < len(documents):
            waited = time.monotonic() - since
            ready = _ready(out, into if frames.left else None, self._most_wait() - waited)
            if not ready:
                self.close()
                yield self._late()
                return
            if into in ready and not frames.send(into):
                frames.stop()
            if out in ready:
                said = os.read(out, _CHUNK)
                if not said:
                    yield self._death()
                    return
                held += said
                while (answer := _cut(held)) is not None:
                    answered, since = answered + 1, time.monotonic()
                    yield self._understood(answer)
                    if "memory" in answer:
                        self.close()
                        return

    def _understood(self, answer: dict[str, object]) -> Found | str:
        missing, found = answer.get("missing"), answer.get("found")
        if isinstance(missing, list):
            self.close()
            raise MissingExtra(str(missing[0]), do=str(missing[1]))
        if isinstance(found, list):
            *said, attachments = found
            return Found(*said)._replace(attachments=tuple(attachments))
        return str(answer["reason"])

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            process = subprocess.Popen(
                # -P: a file called email.py in the folder that a run was started in is not the library's.
                [sys.executable, "-P", "-m", "tilth.refine._extract.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
            )
            self._process = process
            assert process.stdin is not None
            settings = self.settings.written()
            os.write(process.stdin.fileno(), FRAME.pack(0, len(settings)) + settings)
            os.set_blocking(process.stdin.fileno(), False)
        return self._process

    def _death(self) -> str:
        process = self._process
        code = process.wait() if process is not None else 0
        self.close()
        if code == -signal.SIGPROF:
            return self._late()
        if code == -signal.SIGKILL:
            return "its reader was killed, most likely for want of memory"
        return f"its reader died (signal {-code})" if code < 0 else f"its reader ended (exit {code})"

    def _late(self) -> str:
        return f"out of time ({self.settings.seconds:g} s)"

    def _most_wait(self) -> float:
        return 3 * self.settings.seconds + _SLACK


class _Frames:
    """Documents on their way into a pipe that takes some bytes at a time."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._waiting = deque(documents)
        self._now: deque[memoryview] = deque()

    @property
    def left(self) -> bool:
        return bool(self._waiting or self._now)

    def stop(self) -> None:
        self._waiting.clear()
        self._now.clear()

    def send(self, into: int) -> bool:
        """Write what the pipe takes; false where nobody reads it any more."""
        if not self._now:
            document = self._waiting.popleft()
            said = json.dumps({"kind": document.kind, "type": document.type}).encode()
            head = FRAME.pack(len(said), len(document.raw)) + said
            # A short document goes with its head, in one write.
            whole = [head + document.raw] if len(document.raw) < _CHUNK else [head, document.raw]
            self._now.extend(map(memoryview, whole))
        piece = self._now.popleft()
        try:
            sent = os.write(into, piece[:_CHUNK])
        except BlockingIOError:
            sent = 0
        except BrokenPipeError:
            return False
        if sent < len(piece):
            self._now.appendleft(piece[sent:])
        return True


def _ready(out: int, into: int | None, seconds: float) -> set[int]:
    """Wait until one of the pipes can be read from or written to; return which."""
    waiting = select.poll()
    waiting.register(out, select.POLLIN)
    if into is not None:
        waiting.register(into, select.POLLOUT)
    return {pipe for pipe, _ in waiting.poll(max(0.0, 1000 * seconds))}


def _cut(held: bytearray) -> dict[str, object] | None:
    """Take one whole answer off the bytes that came."""
    if len(held) < ANSWER.size:
        return None
    (size,) = ANSWER.unpack_from(held)
    end = ANSWER.size + size
    if len(held) < end:
        return None
    answer: dict[str, object] = json.loads(bytes(held[ANSWER.size : end]))
    del held[:end]
    return answer


_children: dict[Settings, Child] = {}
_guard = threading.Lock()


def child(settings: Settings) -> Child:
    """Return this process's child with these settings; it is made at first use and ends with the process."""
    with _guard:
        found = _children.pop(settings, None)
        if found is None or found.owner != os.getpid():
            found = Child(settings)
        _children[settings] = found
        while len(_children) > _MOST_CHILDREN:
            _children.pop(next(iter(_children))).close()
        return found


@atexit.register
def _close_all() -> None:
    for each in _children.values():
        if each.owner == os.getpid():
            each.close()
    _children.clear()
