"""Start the outer systems that tests talk to: real ones, on private ports of this machine, in folders of their own.

A system is started once for all workers of a test run, by whichever needs it first, and stopped when the run ends; a
guard stops it too where the run is killed. What is not installed is installed (Debian packages as root, Python
packages in an environment of its own); where that can't be, the tests skip and say why.

    def test_rows_come_from_mariadb():
        server = mariadb.start()        # tests/servers/mariadb.py; a Server, the same for every caller
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

HOME = Path(tempfile.gettempdir()) / f"tilth-servers-{os.getuid()}"
"""One folder a test run below it."""
ENVIRONMENTS = Path(__file__).resolve().parents[2] / ".make" / "servers"
GUARD = Path(__file__).with_name("_guard.py")
READY_SECONDS = 120.0


@dataclass(frozen=True)
class Server:
    """A system that answers."""

    name: str
    port: int
    folder: Path
    """Its data, its log (`log`), and whatever else it was given."""
    host: str = "127.0.0.1"
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What else a test needs to know: JSON values."""

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"{self.host}:{self.port}"


def run_folder() -> Path:
    """Return the folder of this test run, the same for all its workers."""
    run = os.environ.get("TILTH_SERVERS_RUN")
    if run is None:
        # Not under pytest's controller (see tests/conftest.py): a script that starts servers for itself.
        run = os.environ["TILTH_SERVERS_RUN"] = str(os.getpid())
    folder = HOME / run
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def once(name: str, launch: Callable[[Path], Server]) -> Server:
    """Return the server that this test run started under a name, started by the first who asks.

    `launch(folder)` starts it (with `spawn`) and returns when it answers. A launch that skips or fails does so for
    every later caller, without being tried again.
    """
    folder = run_folder()
    told = folder / f"{name}.json"
    with locked(folder / f"{name}.lock"):
        if not told.is_file():
            place = folder / name
            place.mkdir()
            try:
                server = launch(place)
                answer: dict[str, Any] = {
                    "port": server.port, "host": server.host, "folder": str(server.folder), "facts": dict(server.facts)
                }  # fmt: skip
            except pytest.skip.Exception as error:
                answer = {"skip": str(error)}
            except BaseException as error:  # noqa: BLE001 (whoever asks next is told too)
                answer = {"error": f"{type(error).__name__}: {error}"}
            told.write_text(json.dumps(answer))
    answer = json.loads(told.read_text())
    if "skip" in answer:
        pytest.skip(answer["skip"])
    if "error" in answer:
        raise RuntimeError(f"{name} does not start: {answer['error']}")
    return Server(name, answer["port"], Path(answer["folder"]), answer["host"], answer["facts"])


def spawn(
    argv: Sequence[str | Path],
    folder: Path,
    *,
    env: Mapping[str, str] | None = None,
    user: str | None = None,
    ready: Callable[[], bool],
    seconds: float = READY_SECONDS,
) -> int:
    """Start a program that lives as long as the test run; return its guard's process id when `ready()` is true.

    What it says goes to `folder/log`. Raises `RuntimeError` with the end of that log when it ends or isn't ready.
    """
    log = folder / "log"
    owner = os.environ.get("TILTH_SERVERS_OWNER", str(os.getpid()))
    command = [sys.executable, str(GUARD), owner, user or "-", *map(str, argv)]
    with log.open("ab") as said:
        guard = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd=folder, start_new_session=True,
            env={**os.environ, **(env or {})},
        )  # fmt: skip
    with (run_folder() / "pids").open("a") as pids:
        pids.write(f"{guard.pid}\n")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if guard.poll() is not None:
            break
        with contextlib.suppress(Exception):
            if ready():
                pid = guard.pid
                # It lives on, on purpose: Python would warn of a child that nobody waits for.
                guard.returncode = 0
                return pid
        time.sleep(0.05)
    end_of_log = log.read_text(errors="replace")[-2000:]
    how = f"ended with {guard.poll()}" if guard.poll() is not None else f"is not ready after {seconds:.0f} s"
    with contextlib.suppress(ProcessLookupError):
        os.kill(guard.pid, signal.SIGTERM)
    raise RuntimeError(f"{argv[0]} {how}: {end_of_log}")


def stop_all(folder: Path) -> None:
    """Stop every server of a test run and remove its folder."""
    pids = folder / "pids"
    found = [int(line) for line in pids.read_text().split()] if pids.is_file() else []
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + 20
    while time.monotonic() < end and any(map(_alive, found)):
        time.sleep(0.05)
    shutil.rmtree(folder, ignore_errors=True)


def _alive(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def free_port() -> int:
    """Return a port that nothing listens on now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def answers(port: int, host: str = "127.0.0.1") -> bool:
    """Tell whether something listens on a port."""
    with socket.socket() as sock:
        sock.settimeout(1)
        return sock.connect_ex((host, port)) == 0


def debian(program: str, *packages: str, places: Sequence[str] = ("/usr/sbin", "/usr/bin")) -> Path:
    """Return a program's path, installing its Debian packages where it is missing; skips where that can't be.

    `places` may hold patterns, such as /usr/lib/postgresql/*/bin.
    """
    HOME.mkdir(parents=True, exist_ok=True)
    with locked(HOME / "apt.lock"):
        found = _program(program, places)
        if found is None and os.getuid() == 0 and shutil.which("apt-get"):
            quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
            for command in (install, ["apt-get", "update", "-q"], install):
                done = subprocess.run(command, capture_output=True, env=quiet, timeout=600, check=False)
                if command is install and done.returncode == 0:
                    break
            found = _program(program, places)
    if found is None:
        pytest.skip(f"NOT TESTED: {program} is missing and cannot be installed here (Debian: {' '.join(packages)})")
    return found


def _program(program: str, places: Sequence[str]) -> Path | None:
    known = shutil.which(program)
    if known:
        return Path(known)
    root = Path("/")
    return next((path for place in places for path in root.glob(f"{place.strip('/')}/{program}")), None)


def environment(name: str, requirements: Sequence[str], *, options: Sequence[str] = ()) -> Path:
    """Return the Python of an environment that holds these packages, made on first use; skips where that can't be."""
    home = ENVIRONMENTS / name
    ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
    wanted = "\n".join([*requirements, *options])
    with locked(ENVIRONMENTS / f"{name}.lock"):
        ready = home / "ready"
        if not ready.is_file() or ready.read_text() != wanted:
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True, capture_output=True)
            pip = [str(home / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
            done = subprocess.run([*pip, *options, *requirements], capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"NOT TESTED: {' '.join(requirements)} cannot be installed: {done.stderr.strip()[-300:]}")
            ready.write_text(wanted)
    return home / "bin" / "python"


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a file's lock; it goes when the process does."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
