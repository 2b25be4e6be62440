"""Show one of several pages that say the same: the same bytes, or one that names another as its canonical URL.

A page that was shown before stays; of new ones the nearest to the start is shown, then the first by its URL. A page's
`twin` is the visit since which another stands for it, 0 where none does.
"""

from __future__ import annotations

import sqlite3

_HERE = "file IS NOT NULL AND gone = 0"


def choose(db: sqlite3.Connection, visit: int, *, drop: bool) -> None:
    """Note which pages are another's twin, as of a visit; with `drop` false, that none is."""
    if not drop:
        db.execute(f"UPDATE page SET twin = 0, changed = ? WHERE {_HERE} AND twin > 0", (visit,))  # noqa: S608 (constants)
        return
    named = _named(db)
    same = db.execute(
        f"SELECT digest FROM page INDEXED BY content WHERE {_HERE} GROUP BY digest HAVING count(*) > 1 OR max(twin) > 0"  # noqa: S608 (constants)
    )
    for (digest,) in same.fetchall():
        pages = db.execute(
            f"SELECT id, twin FROM page INDEXED BY content WHERE {_HERE} AND digest = ? "  # noqa: S608 (constants)
            "ORDER BY twin > 0 OR changed = ?, depth, url",
            (digest, visit),
        ).fetchall()
        shown = next((ident for ident, _ in pages if ident not in named), None)
        for ident, twin in pages:
            if ident == shown and twin:
                db.execute("UPDATE page SET twin = 0, changed = ? WHERE id = ?", (visit, ident))
            elif ident != shown and not twin:
                db.execute("UPDATE page SET twin = ? WHERE id = ?", (visit, ident))
    db.executemany("UPDATE page SET twin = ? WHERE id = ? AND twin = 0", [(visit, ident) for ident in sorted(named)])


def _named(db: sqlite3.Connection) -> set[int]:
    """Return pages whose canonical page is here too; of two that name each other, the later by its URL."""
    rows = db.execute(
        "SELECT page.id FROM page JOIN page AS other ON other.url = page.canonical "
        "WHERE page.canonical IS NOT NULL AND page.file IS NOT NULL AND page.gone = 0 "
        "AND other.file IS NOT NULL AND other.gone = 0 AND other.id != page.id "
        "AND (other.canonical IS NULL OR other.canonical != page.url OR other.url < page.url)"
    )
    return {ident for (ident,) in rows}
