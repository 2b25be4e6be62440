"""Begin and end visits: what is asked for again, what still belongs to the crawl, what a visit has changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tilth.connectors._crawl import twins
from tilth.connectors._crawl.queue import Queue, Transaction
from tilth.connectors._crawl.said import NO_AI
from tilth.connectors._crawl.warc import Place

OUT = "out of scope"


def any_page(queue: Queue) -> bool:
    """Tell whether any page is stored."""
    return queue.db.execute("SELECT 1 FROM page WHERE file IS NOT NULL LIMIT 1").fetchone() is not None


def reasons(queue: Queue) -> dict[str, int]:
    """Count the pages that were not kept, by why."""
    rows = queue.db.execute("SELECT why, count(*) FROM page WHERE state > 1 AND why IS NOT NULL GROUP BY why")
    return {str(why): int(count) for why, count in rows}


def again(queue: Queue, before: float, state: dict[str, Any]) -> int:
    """Queue what was fetched before a time once more; returns how many. The rows stay until they are replaced."""
    with Transaction(queue.db):
        done = queue.db.execute(
            "UPDATE page SET state = 0, tries = 0, due = 0, hops = 0 WHERE state > 0 AND coalesce(fetched, 0) <= ? "
            "AND coalesce(why, '') != ?",
            (before, OUT),
        )
        queue.db.executemany("INSERT OR REPLACE INTO state VALUES (?, ?)", list(state.items()))
        return done.rowcount


def rescope(
    queue: Queue,
    accepts: Callable[[str, str, int], bool],
    visit: int,
    *,
    refused: frozenset[str],
    released: frozenset[str],
) -> list[Place]:
    """Take out what is no longer wanted, and in what is again; return where the pages that stay lie.

    `refused` are directives of pages that are obeyed now, `released` reasons for which a page was left out and is not
    now.
    """
    with Transaction(queue.db):
        out, said, back = [], [], []
        pages = queue.db.execute("SELECT id, url, host, depth, why, facts FROM page WHERE kind = 0")
        for ident, url, host, depth, why, facts in pages:
            if not accepts(url, host, depth):
                out.append((ident,))
            elif facts and (directives := refused & set(json.loads(facts).get("robots", ()))):
                said.append(("noai" if directives & NO_AI else "noindex", ident))
            elif why == OUT or why in released or (why or "").startswith("content type"):
                back.append((ident,))
        left = [(visit, each[-1]) for each in (*out, *said)]
        queue.db.executemany("UPDATE page SET gone = ? WHERE id = ? AND file IS NOT NULL AND gone = 0", left)
        queue.db.executemany("DELETE FROM page WHERE id = ? AND file IS NULL AND gone = 0", out)
        queue.db.executemany("UPDATE page SET state = 2, why = 'out of scope' WHERE id = ?", out)
        queue.db.executemany("UPDATE page SET state = 2, why = ? WHERE id = ?", said)
        queue.db.executemany("UPDATE page SET state = 0, why = NULL WHERE id = ?", back)
    rows = queue.db.execute("SELECT file, place, length FROM page WHERE file IS NOT NULL AND gone = 0")
    return [Place(*row) for row in rows]


def end(queue: Queue, visit: int, *, drop_twins: bool) -> None:
    """Choose between pages that say the same, and note what the visit changed."""
    with Transaction(queue.db):
        twins.choose(queue.db, visit, drop=drop_twins)
        changed = queue.db.execute(
            "SELECT EXISTS (SELECT 1 FROM page WHERE changed = ?1 AND file IS NOT NULL AND gone = 0 AND twin = 0) "
            "OR EXISTS (SELECT 1 FROM page WHERE (gone > 0 OR twin > 0) AND max(gone, twin) = ?1)",
            (visit,),
        ).fetchone()[0]
        state = {"open": 0} | ({"newest": visit} if changed else {})
        queue.db.executemany("INSERT OR REPLACE INTO state VALUES (?, ?)", list(state.items()))
