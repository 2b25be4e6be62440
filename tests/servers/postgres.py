"""A PostgreSQL server: the real one."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import uuid
from functools import partial
from pathlib import Path

from tests import servers
from tests.servers.api import certificate

USER, PASSWORD = "tilth", "postgres-test-pw"
SETTINGS = ("listen_addresses=127.0.0.1", "fsync=off", "shared_buffers=128MB", "max_wal_size=2GB")


def start() -> servers.Server:
    """Start it; databases are made by who needs them (`database`)."""
    return servers.once("postgres", launch)


def start_encrypted() -> servers.Server:
    """Start one that takes encrypted connections only; `facts["ca"]` vouches for it."""
    return servers.once("postgres_tls", partial(launch, encrypted=True))


def launch(folder: Path, *, encrypted: bool = False) -> servers.Server:
    """Start one below a folder; as the user postgres where this is root, whom it refuses."""
    places = ("/usr/lib/postgresql/*/bin",)
    daemon = servers.debian("postgres", "postgresql", places=places)
    tools = daemon.parent
    user = "postgres" if os.getuid() == 0 else None
    home = folder / "home"
    home.mkdir()
    if user:
        _let_in(folder)
        shutil.chown(home, user)
    data, port = home / "data", servers.free_port()
    secret = home / "password"
    secret.write_text(PASSWORD)
    if user:
        shutil.chown(secret, user)
    made = subprocess.run(
        [tools / "initdb", "-D", data, "-A", "scram-sha-256", "-U", USER, f"--pwfile={secret}", "-E", "UTF8",
         "--locale=C.UTF-8", "--no-sync"],
        capture_output=True, text=True, check=False, user=user, cwd=home,
    )  # fmt: skip
    if made.returncode:
        raise RuntimeError(f"initdb: {made.stderr[-2000:]}")
    more = ()
    if encrypted:
        certificate(home)
        pem = home / "server.pem"
        pem.chmod(0o600)
        if user:
            shutil.chown(pem, user)
        (data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")
        more = ("ssl=on", f"ssl_cert_file={pem}", f"ssl_key_file={pem}")
    argv = [daemon, "-D", data, "-p", str(port), "-k", home]
    for setting in (*SETTINGS, *more):
        argv += ["-c", setting]
    servers.spawn(argv, folder, user=user, ready=lambda: _run(port, "SELECT 1"))
    return servers.Server("postgres", port, folder, facts={"ca": str(home / "ca.pem")} if encrypted else {})


def database(server: servers.Server) -> str:
    """Make a database and return its URL, with the password."""
    name = f"db_{uuid.uuid4().hex[:12]}"
    _run(server.port, f"CREATE DATABASE {name}")
    return _url(server.port, name)


def _url(port: int, name: str) -> str:
    return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{port}/{name}"


def _run(port: int, statement: str) -> bool:
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(_url(port, "postgres"), autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
    return True


def _let_in(folder: Path) -> None:
    """Let the server's user pass through the folders above its own; they are ours alone otherwise."""
    uid = pwd.getpwnam("postgres").pw_uid
    for above in (folder, *folder.parents):
        if above.stat().st_uid == os.getuid() != uid and str(above).startswith(str(servers.HOME)):
            above.chmod(above.stat().st_mode | 0o011)
