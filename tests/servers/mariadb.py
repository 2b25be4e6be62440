"""A MariaDB server, in place of MySQL: the same protocol and, for what is used here, the same SQL."""

from __future__ import annotations

import os
import pwd
import socket
import subprocess
import uuid
from pathlib import Path

from tests import servers

USER, PASSWORD = "tilth", "mariadb-test-pw"
FLAGS = (
    "--no-defaults",
    "--bind-address=127.0.0.1",
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-file-size=128M",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-flush-method=nosync",
    "--innodb-doublewrite=0",
    "--skip-log-bin",
    "--local-infile=1",
    "--max-allowed-packet=64M",
)


def start() -> servers.Server:
    """Start it; databases are made by who needs them (`database`)."""
    return servers.once("mariadb", launch)


def launch(folder: Path) -> servers.Server:
    """Start one below a folder."""
    daemon = servers.debian("mariadbd", "mariadb-server")
    install = servers.debian("mariadb-install-db", "mariadb-server")
    user = pwd.getpwuid(os.getuid()).pw_name
    data, place, port = folder / "data", folder / "sock", servers.free_port()
    made = subprocess.run(
        [install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal", f"--user={user}",
         "--skip-test-db"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if made.returncode:
        raise RuntimeError(f"mariadb-install-db: {made.stdout[-1000:]} {made.stderr[-1000:]}")
    argv = [daemon, *FLAGS, f"--datadir={data}", f"--socket={place}", f"--port={port}", f"--user={user}",
            f"--pid-file={folder / 'pid'}"]  # fmt: skip
    servers.spawn(argv, folder, ready=lambda: _answers(place))
    with _root(place) as root, root.cursor() as cursor:
        cursor.execute(f"CREATE USER {USER}@'%' IDENTIFIED BY '{PASSWORD}'")
        cursor.execute(f"GRANT ALL ON *.* TO {USER}@'%'")
    return servers.Server("mariadb", port, folder, facts={"socket": str(place)})


def database(server: servers.Server) -> str:
    """Make a database and return its URL, with the password."""
    name = f"db_{uuid.uuid4().hex[:12]}"
    with _root(server.facts["socket"]) as root, root.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    return f"mysql://{USER}:{PASSWORD}@{server.address}/{name}"


def _root(socket: str | Path):
    import pymysql

    return pymysql.connect(unix_socket=str(socket), user="root", autocommit=True)


def _answers(path: Path) -> bool:
    # PyMySQL leaves the socket open where it can't connect.
    with socket.socket(socket.AF_UNIX) as knock:
        if knock.connect_ex(str(path)):
            return False
    with _root(path) as root:
        return root.ping() is None
