"""Read a sheet of a workbook (.xlsx, .xlsm, .xlsb, .xls, .ods) through python-calamine.

The reader holds the sheet whole, so it is a process of its own, with limits on memory and time (`excel_child.py`).
A row's number counts the sheet's rows after the header from 0, blank ones included. Empty cells and error cells (#N/A)
are null; a whole number is an int; identifiers stay text, by the rule for CSV.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from tilth.connectors._cells import STAY_TEXT, words_of
from tilth.connectors._files.dialect import cleaned
from tilth.connectors._files.excel_bounds import broken, refuse_bombs
from tilth.connectors._files.excel_child import MEMORY_MB, SECONDS, understood
from tilth.connectors._files.json import Numbered, chunk_of
from tilth.connectors._reading import ROWS, SAMPLE, Chunk, Reading
from tilth.connectors._values import Seen, inferred
from tilth.core.errors import DataError, did_you_mean, missing_extra

_KILLED = (-signal.SIGABRT, -signal.SIGKILL, -signal.SIGSEGV)
"""How a reader ends that gets no memory: by itself, or by the system."""
_LONGEST = 256 << 20
"""A row of more characters, as the reader writes it, is too much."""


class _Sheet(NamedTuple):
    names: tuple[str, ...]
    rows: Iterator[list[Any]]
    notes: list[str]


def peek(reading: Reading, limit: int = SAMPLE) -> pa.Schema:
    """Infer the columns' types from the first `limit` rows."""
    with _sheet(reading) as sheet:
        rows = list(itertools.islice(sheet.rows, limit))
        columns = zip(*rows, strict=True) if rows else [()] * len(sheet.names)
        fields = []
        for name, cells in zip(sheet.names, columns, strict=True):
            field = inferred(name, cells)
            text = (words_of(name) or [""])[-1] in STAY_TEXT and not pa.types.is_null(field.type)
            fields.append(pa.field(name, pa.string()) if text else field)
        return pa.schema(fields)


def read(reading: Reading, schema: pa.Schema) -> Iterator[Chunk]:
    """Yield the sheet's rows in the source's schema."""
    seen = Seen()
    with _sheet(reading) as sheet:
        notes = tuple(f"{reading.file}: {note}" for note in sheet.notes)
        start = 0
        while rows := list(itertools.islice(sheet.rows, ROWS)):
            records = [
                Numbered(number, dict(zip(sheet.names, cells, strict=True)))
                for number, cells in enumerate(rows, start)
                if any(cell is not None for cell in cells)
            ]
            start += len(rows)
            yield chunk_of(records, schema, seen)._replace(notes=notes)
            notes = ()
    notes = (*notes, *([] if start else [f"{reading.file}: holds no row"]), *seen.notes(reading.file))
    if notes:
        yield chunk_of([], schema, seen)._replace(notes=notes)


@contextlib.contextmanager
def _sheet(reading: Reading) -> Iterator[_Sheet]:
    if importlib.util.find_spec("python_calamine") is None:
        raise missing_extra("python-calamine", "excel", "reading a workbook")
    refuse_bombs(reading)
    process = subprocess.Popen(
        # -P: a file called json.py in the folder that a run was started in is not the library's.
        [sys.executable, "-P", "-m", "tilth.connectors._files.excel_child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
        # A reader out of memory may wait for ever for room to say where.
        env={**os.environ, "RUST_BACKTRACE": "0"},
    )
    watch = threading.Timer(SECONDS, process.send_signal, [signal.SIGXCPU])
    watch.daemon = True
    watch.start()
    try:
        assert process.stdin is not None
        asked = {"path": str(reading.path), "sheet": reading.sheet, "memory_mb": MEMORY_MB, "seconds": SECONDS}
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.close()
        lines = _lines(process, reading)
        found = next(lines, None)
        sheets = found["sheets"] if found else []
        if not found or found["chosen"] is None:
            raise _no_sheet(sheets, reading)
        others = [name for name in sheets if name != found["chosen"]]
        notes = [f'sheet "{found["chosen"]}" is read, not: {", ".join(others)}'] if others else []
        first = next(lines, None)
        # The sheet is read; how long the rest takes is up to who asks for its rows.
        watch.cancel()
        names, renamed = cleaned(_names(first, reading))
        rows = lines if reading.header or first is None else itertools.chain([first], lines)
        yield _Sheet(names, rows, notes + renamed)
    finally:
        watch.cancel()
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def _lines(process: subprocess.Popen[str], reading: Reading) -> Iterator[Any]:
    """Yield what the reader says, until it says that this is all; raise for what else it says, or when it dies."""
    assert process.stdout is not None
    while line := process.stdout.readline(_LONGEST):
        if not line.endswith("\n"):
            break
        said = json.loads(line, object_hook=understood)
        if said is None:
            return
        if isinstance(said, str):
            raise _fault(said, reading)
        yield said
    if len(line) == _LONGEST:
        raise _fault("memory", reading)
    code = process.wait()
    raise _fault("time" if code == -signal.SIGXCPU else "memory" if code in _KILLED else "broken", reading)


def _fault(what: str, reading: Reading) -> DataError:
    if what == "broken":
        return broken(reading)
    said = {
        "password": ("the workbook has a password", None, "Save it without one."),
        "memory": ("the workbook takes too much memory to read", f"at most {MEMORY_MB:,} MB", "Save the sheet as CSV."),
        "time": ("the workbook takes too long to read", f"at most {SECONDS:,} s", "Save the sheet as CSV."),
    }[what]
    return DataError(said[0], where=reading.file, wanted=said[1], do=said[2])


def _no_sheet(names: Sequence[str], reading: Reading) -> DataError:
    sheet = reading.sheet
    return DataError(
        f'no sheet "{sheet}"' if names else "no sheet",
        where=reading.file,
        wanted=f"one of {', '.join(names)}, or a number from 0" if names else "a workbook with a sheet",
        do=did_you_mean(str(sheet), names) if names else None,
    )


def _names(first: list[Any] | None, reading: Reading) -> list[str]:
    width = len(first) if first else 0
    if reading.names is not None and first:
        if len(reading.names) != width:
            raise DataError(
                f"`names` gives {len(reading.names)} columns, the sheet has {width}",
                where=reading.file,
                wanted="one name for each column, in order",
            )
        return list(reading.names)
    if reading.header and first:
        return ["" if cell is None else str(cell) for cell in first]
    return [f"column_{number + 1}" for number in range(width)]
