"""Fresh databases of every SQL system: MariaDB and PostgreSQL on their servers, SQLite and DuckDB in files."""

from __future__ import annotations

from pathlib import Path

from tests.servers import mariadb, postgres

SYSTEMS = ("postgresql", "mysql", "sqlite", "duckdb")
SERVED = ("postgresql", "mysql")


def fresh(system: str, folder: Path) -> str:
    """Make an empty database and return its URL."""
    if system == "postgresql":
        return postgres.database(postgres.start())
    if system == "mysql":
        return mariadb.database(mariadb.start())
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"db.{system}"
    run(f"{system}:///{path}", "CREATE TABLE scratch (n int)", "DROP TABLE scratch")
    return f"{system}:///{path}"


def run(url: str, *statements: str) -> list[tuple]:
    """Run statements; return the last one's rows where it is a SELECT."""
    from tilth.connectors._sql.address import address_of, dialect

    address = address_of(url, "test")
    session = dialect(address.scheme).connect(address, write=True)
    try:
        for statement in statements[:-1]:
            session.execute(statement)
        if statements[-1].lstrip().upper().startswith(("SELECT", "PRAGMA", "SHOW")):
            return session.rows(statements[-1])
        session.execute(statements[-1])
        return []
    finally:
        session.close()
