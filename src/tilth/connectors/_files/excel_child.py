"""Read a sheet in a process of its own, which may die: of its limits, or of a fault in the reader. Run by `excel.py`.

One JSON line comes in: the file, and the sheet's name or number. Lines of JSON go out: which sheets there are and which
is read, then each row, then a null; or, at any place, a word that says why not.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sys
from datetime import date, datetime, time, timedelta
from typing import Any

MEMORY_MB = 4096
"""So much memory the reader may take: it holds the sheet whole."""
SECONDS = 900
"""So much processor time; and the process that asked waits no longer."""


def main() -> int:
    """Answer one question; the exit code is 0 where an answer was found, also that the file is broken."""
    # What the reader itself may print is no answer.
    outgoing = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    asked = json.loads(sys.stdin.readline())
    for what, limit, hard in (
        (resource.RLIMIT_AS, asked["memory_mb"] << 20, asked["memory_mb"] << 20),
        # At the first a process is told, at the second it is killed.
        (resource.RLIMIT_CPU, asked["seconds"], asked["seconds"] + 10),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        # A system that does not count this, or allows less already.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (limit, hard))
    import python_calamine as calamine

    fault: str | None = None
    rows: list[list[Any]] = []
    try:
        with calamine.CalamineWorkbook.from_path(asked["path"]) as book:
            names = list(book.sheet_names)
            chosen = choose(names, asked["sheet"])
            outgoing.write(json.dumps({"sheets": names, "chosen": chosen}) + "\n")
            if chosen is not None:
                rows = book.get_sheet_by_name(chosen).to_python(skip_empty_area=True)
    except calamine.PasswordError:
        fault = "password"
    except (calamine.CalamineError, OSError, ValueError):
        fault = "broken"
    except MemoryError:
        fault = "memory"
    except BaseException as error:
        # The reader is written in Rust; where it gives up it raises a `PanicException`, also for want of memory.
        if type(error).__name__ != "PanicException":
            raise
        fault = "memory" if "null" in str(error) else "broken"
    for row in rows:
        outgoing.write(json.dumps([_plain(cell) for cell in row], default=_dated) + "\n")
    outgoing.write(json.dumps(fault) + "\n")
    outgoing.flush()
    return 0


def choose(names: list[str], sheet: str | int | None) -> str | None:
    """Return the name of the sheet asked for, by default the first; None where there is none such."""
    if isinstance(sheet, int):
        return names[sheet] if 0 <= sheet < len(names) else None
    if sheet is None:
        return names[0] if names else None
    return sheet if sheet in names else None


def _plain(cell: Any) -> Any:
    if cell == "" or cell is None:
        return None
    if isinstance(cell, float) and cell.is_integer() and abs(cell) <= 1 << 53:
        return int(cell)
    return str(cell) if isinstance(cell, (time, timedelta)) else cell


def _dated(cell: Any) -> dict[str, str]:
    # A datetime is a date, too.
    return {"datetime" if isinstance(cell, datetime) else "date": cell.isoformat()}


def understood(said: dict[str, Any]) -> Any:
    """Turn back what `_dated` wrote; other objects stay.

    >>> understood({"date": "2024-05-01"})
    datetime.date(2024, 5, 1)
    """
    if "datetime" in said:
        return datetime.fromisoformat(said["datetime"])
    return date.fromisoformat(said["date"]) if "date" in said else said


if __name__ == "__main__":
    sys.exit(main())
