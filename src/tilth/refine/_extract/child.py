"""Read documents in a process of its own: frames come in, answers go out, in order.

Run by `pool.py`. The process may die at any document: of its limits on memory and time, or of a fault in a reader.
A frame is two lengths, a JSON object and the document's bytes; an answer is a length and a JSON object.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import struct
import sys
from dataclasses import asdict, dataclass, field
from typing import Any, BinaryIO

from tilth.core.errors import MissingExtra
from tilth.refine._extract import limits, reading
from tilth.refine._extract.found import Asked, Refused

FRAME = struct.Struct("<II")
ANSWER = struct.Struct("<I")
_DEEPEST = 20_000


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a child may take, and how it reads."""

    asked: Asked = field(default_factory=Asked)
    seconds: float = 10.0
    memory_mb: int = 1024
    max_text: int = 10_000_000

    def written(self) -> bytes:
        """Write the settings as JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def parsed(cls, written: bytes) -> Settings:
        """Read what `written` wrote."""
        said = json.loads(written)
        return cls(**{**said, "asked": Asked(**said["asked"])})


def main() -> int:
    """Read settings, then documents, until there are no more."""
    incoming, outgoing = sys.stdin.buffer, os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    settings = Settings.parsed(_frame(incoming)[1])
    _limited(settings)
    limits.set_most_text(settings.max_text)
    # A page is some thousand objects that refer to one another downwards only.
    gc.set_threshold(100_000, 20, 20)
    sys.setrecursionlimit(_DEEPEST)
    while True:
        said, raw = _frame(incoming)
        if not said:
            return 0
        signal.setitimer(signal.ITIMER_PROF, settings.seconds)
        answer = _answered(raw, json.loads(said), settings)
        signal.setitimer(signal.ITIMER_PROF, 0)
        written = json.dumps(answer, ensure_ascii=False).encode("utf-8", "ignore")
        outgoing.write(ANSWER.pack(len(written)) + written)
        if "memory" in answer:
            # What was allocated may lie in pieces; a new process begins afresh.
            return 0


def _answered(raw: bytes, said: dict[str, str], settings: Settings) -> dict[str, Any]:
    try:
        found = reading.read(raw, said["kind"], said["type"], settings.asked)
        limits.most_text(len(found.text))
    except Refused as refused:
        return {"reason": str(refused)}
    except limits.TooMuch:
        return {"reason": f"more than {settings.max_text:,} characters of text"}
    except MemoryError:
        return {"reason": f"out of memory ({settings.memory_mb:,} MB)", "memory": True}
    except RecursionError:
        return {"reason": "nested too deeply"}
    except MissingExtra as missing:
        return {"missing": [missing.what, missing.do]}
    except Exception as error:  # noqa: BLE001 - a reader's fault on a hostile document is a reason, not the run's end
        return {"reason": f"a document that its reader fails on ({type(error).__name__})"}
    return {"found": found}


def _frame(incoming: BinaryIO) -> tuple[bytes, bytes]:
    head = incoming.read(FRAME.size)
    if len(head) < FRAME.size:
        return b"", b""
    said, raw = FRAME.unpack(head)
    return incoming.read(said), incoming.read(raw)


def _limited(settings: Settings) -> None:
    most = settings.memory_mb << 20
    for what, limit in ((resource.RLIMIT_AS, most), (resource.RLIMIT_CORE, 0)):
        try:
            resource.setrlimit(what, (limit, limit))
        except (ValueError, OSError):
            # A system that does not count address space, or allows less already: time still ends it.
            continue


if __name__ == "__main__":
    sys.exit(main())
