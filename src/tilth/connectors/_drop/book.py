"""Remember deliveries: what was seen, taken, refused, and what has still to be told to the partner (SQLite)."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any, NamedTuple

_TABLES = """
CREATE TABLE IF NOT EXISTS seen (name TEXT PRIMARY KEY, state TEXT NOT NULL, since REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS deliveries (number INTEGER PRIMARY KEY, name TEXT NOT NULL, state TEXT NOT NULL,
    sha256 TEXT NOT NULL, status TEXT NOT NULL, rules TEXT NOT NULL, receipt TEXT NOT NULL, told INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS current (name TEXT PRIMARY KEY, sha256 TEXT NOT NULL) WITHOUT ROWID;
"""


class Delivery(NamedTuple):
    """One file, as it was judged."""

    number: int
    name: str
    state: str
    sha256: str
    status: str
    """accepted, refused or duplicate."""
    rules: str
    """A digest of the agreement it was judged by."""
    receipt: dict[str, Any]
    told: bool


class Book:
    """The deliveries of one source."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, timeout=60)
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_TABLES)

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def unchanged_since(self, name: str, state: str, now: float) -> float:
        """Note the state that a file is seen in now; return since when it has been in it."""
        row = self._db.execute("SELECT since FROM seen WHERE name = ? AND state = ?", (name, state)).fetchone()
        if row is not None:
            return float(row[0])
        self._db.execute("INSERT OR REPLACE INTO seen VALUES (?, ?, ?)", (name, state, now))
        return now

    def last(self, name: str) -> Delivery | None:
        """Return the last delivery under a name."""
        return self._one("WHERE name = ? ORDER BY number DESC LIMIT 1", (name,))

    def known(self, sha256: str) -> Delivery | None:
        """Return the last delivery of the same bytes, under whatever name."""
        return self._one("WHERE sha256 = ? AND status <> 'duplicate' ORDER BY number DESC LIMIT 1", (sha256,))

    def current(self, sha256: str) -> str | None:
        """Return the name under which these bytes are in use."""
        row = self._db.execute("SELECT name FROM current WHERE sha256 = ?", (sha256,)).fetchone()
        return None if row is None else str(row[0])

    def versions(self, name: str) -> int:
        """Return how often a file of this name was accepted."""
        query = "SELECT count(*) FROM deliveries WHERE name = ? AND status = 'accepted'"
        return int(self._db.execute(query, (name,)).fetchone()[0])

    def columns(self) -> frozenset[str]:
        """Return the columns of all files that were accepted."""
        rows = self._db.execute("SELECT receipt FROM deliveries WHERE status = 'accepted'")
        return frozenset(column for (receipt,) in rows for column in json.loads(receipt)["columns"])

    def keep(self, name: str, state: str, sha256: str, status: str, rules: str, receipt: dict[str, Any]) -> None:
        """Note what became of a delivery; the partner is still to be told."""
        self._db.execute("BEGIN IMMEDIATE")
        values = (name, state, sha256, status, rules, json.dumps(receipt))
        self._db.execute("INSERT INTO deliveries VALUES (NULL, ?, ?, ?, ?, ?, ?, 0)", values)
        if status == "accepted":
            self._db.execute("INSERT OR REPLACE INTO current VALUES (?, ?)", (name, sha256))
        self._db.execute("COMMIT")

    def untold(self) -> list[Delivery]:
        """Return the deliveries of which the partner was not told yet."""
        return [_delivery(row) for row in self._db.execute("SELECT * FROM deliveries WHERE told = 0 ORDER BY number")]

    def tell(self, delivery: Delivery) -> None:
        """Note that the partner was told."""
        self._db.execute("UPDATE deliveries SET told = 1 WHERE number = ?", (delivery.number,))

    def _one(self, where: str, values: tuple[str, ...]) -> Delivery | None:
        row = self._db.execute(f"SELECT * FROM deliveries {where}", values).fetchone()  # noqa: S608 (our own words)
        return None if row is None else _delivery(row)


def _delivery(row: tuple[Any, ...]) -> Delivery:
    number, name, state, sha256, status, rules, receipt, told = row
    return Delivery(number, name, state, sha256, status, rules, json.loads(receipt), bool(told))
