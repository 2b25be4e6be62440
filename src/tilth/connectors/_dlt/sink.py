"""Land what dlt loads: dlt's own custom destination hands the rows over, batch by batch."""

from __future__ import annotations

import base64
import json
import shutil
import threading
from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from tilth.connectors._rest.keep import Keep, Pull, digest, named
from tilth.connectors._rest.path import get
from tilth.connectors._rest.pull import written
from tilth.core.errors import DataError

_PAGE = 5000
"""Rows that are landed in one act."""


class Sink:
    """Land batches. dlt hands one over again where it was killed before it noted it: that one is known."""

    def __init__(self, keep: Keep, pull: Pull, *, table: str | None, deleted: str | None, where: str) -> None:
        self.others: set[str] = set()
        self._keep, self._pull, self._wanted, self._deleted, self._where = keep, pull, table, deleted, where
        self._first, self._lock = True, threading.Lock()

    def __call__(self, items: Any, table: Mapping[str, Any]) -> None:
        """Land one batch of one table's rows."""
        name, state = str(table["name"]), self._pull.state or {}
        with self._lock:
            chosen = self._wanted or state.get("table", name)
            if name != chosen:
                self.others.add(name)
                if self._wanted is None:
                    raise DataError(f"several tables: {chosen}, {name}", where=self._where, do="Name one: table.")
                return
            lines = [self._line(item) for item in items]
            content = digest([line.decode() for line, _, _ in lines])
            again = self._first and state.get("batch") == content
            self._first = False
            if not again:
                after = {"phase": "load", "table": name, "batch": content}
                self._keep.land(self._pull, lines, after, place=f"batch-{self._pull.pages}", mark=None)

    def _line(self, item: Any) -> tuple[bytes, str | None, bool]:
        record = json.loads(json.dumps(item, default=_plain))
        return written(record), named(record, self._keep.key), bool(self._deleted and get(record, self._deleted))


def pipeline(home: Path, sink: Sink) -> Any:
    """Return a dlt pipeline that keeps its state in `home` and loads into the sink."""
    import dlt

    destination = dlt.destination(
        lambda items, table: sink(items, table),
        name="tilth",
        batch_size=_PAGE,
        loader_file_format="typed-jsonl",
        # Names as the resource gives them, nested values as they are, none of dlt's own columns.
        naming_convention="direct",
        max_table_nesting=0,
        skip_dlt_columns_and_tables=True,
        max_parallel_load_jobs=1,
        loader_parallelism_strategy="sequential",
    )
    return dlt.pipeline("tilth", pipelines_dir=str(home), destination=destination())


def tidied(home: Path) -> None:
    """Remove what dlt keeps of finished loads; its trace is a pickle, which is never to be read."""
    for path in home.glob("*/trace.pickle"):
        path.unlink()
    for folder in home.glob("*/load/loaded/*"):
        shutil.rmtree(folder, ignore_errors=True)


def _plain(value: Any) -> Any:
    """Write what JSON has no word for."""
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return str(value)
