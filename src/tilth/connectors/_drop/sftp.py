"""Reach a partner's SFTP server through OpenSSH's own `sftp`: strict host keys, keys only, one batch a call.

Names are those that a batch file can hold without quoting rules: letters, digits and ` ._@+=,()-`; others are passed
over. Only the folder itself is listed, not what is below it.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tilth.connectors._drop.place import Fetched, There, too_large
from tilth.core.errors import DataError, RecipeError, Terminal, TilthError, Transient
from tilth.core.secret import shown_url

_SAFE = re.compile(r"[\w.@+=,()][\w .@+=,()-]*\Z")
_LINE = re.compile(r"-\S{9}.?\s+\S+\s+\S+\s+\S+\s+(\d+)\s+([A-Z][a-z]{2}\s+\d+\s+[\d:]+)\s(.+)\Z")
_HOPELESS = {
    "Permission denied": "Check the user and the key (identity).",
    "Host key verification failed": "Get the server's host key from the partner and put it into known_hosts.",
    "No such file": "Check the path.",
    "Could not resolve": "Check the host.",
    "not accessible": "Check the key file (identity).",
    "bad permissions": "Let only yourself read the key file: chmod 600.",
}


def check_url(url: str, where: str) -> None:
    """Raise `RecipeError` for a URL that names no user, host and folder."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise RecipeError("not a URL", where=where, wanted="sftp://user@host/folder") from error
    if parts.password is not None:
        raise RecipeError("a password stands in the URL", where=where, do="Use a key: identity.")
    fine = re.fullmatch(r"[A-Za-z0-9_][\w.-]*", parts.username or "") and re.fullmatch(
        r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9a-f:]+", parts.hostname or ""
    )
    if not fine or port == 0 or parts.query or parts.fragment or any(mark in parts.path for mark in '"\\*?[]\n'):
        raise RecipeError("not an SFTP folder", where=where, wanted="sftp://user@host:port/folder")


@dataclass(frozen=True, kw_only=True)
class SftpPlace:
    """A folder on an SFTP server."""

    url: str
    """`sftp://user@host:port/folder`."""
    identity: str | None
    """The file with the private key; by default the user's own keys."""
    known_hosts: str | None
    """The file with host keys; by default the user's own."""
    seconds: float = 3600.0
    """For one batch at most."""

    def list(self) -> list[There]:
        """Return the files in the folder, by name."""
        return sorted(there for line in self._batch(["ls -lan"]).splitlines() for there in _listed(line))

    def look(self, name: str) -> There | None:
        """Return how a file lies there now."""
        return next((there for there in self.list() if there.name == name), None)

    def fetch(self, name: str, path: Path, *, most: int) -> Fetched:
        """Bring a file here."""
        # The size was listed before; what has grown since is found by its state afterwards.
        self._batch([f'get "{_safe(name)}" "{_local(path)}"'])
        size = path.stat().st_size
        if size > most:
            path.unlink()
            raise too_large(name, most)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
        return Fetched(size, digest)

    def put(self, name: str, path: Path) -> None:
        """Write a file there, under another name first."""
        folder, _, last = name.rpartition("/")
        unfinished = f"{folder}/.{last}.part" if folder else f".{last}.part"
        steps = [f'-mkdir "{_safe(folder)}"'] if folder else []
        _safe(name)
        # `rename` replaces what is there (posix-rename@openssh.com); where the server has no such thing, `rm` did.
        self._batch([*steps, f'put "{_local(path)}" "{unfinished}"', f'rename "{unfinished}" "{name}"'])

    def delete(self, name: str) -> None:
        """Remove a file."""
        self._batch([f'-rm "{_safe(name)}"'])

    def tidy(self, folders: Iterable[str]) -> None:
        """Do nothing: the next `put` of a file writes over what one that was killed left."""

    def _batch(self, commands: Sequence[str]) -> str:
        """Run commands in the folder; returns what they say. Raises `Terminal` or `Transient`."""
        program = shutil.which("sftp")
        if program is None:
            raise Terminal("the program sftp is missing", where=shown_url(self.url), do="Install OpenSSH's client.")
        parts = urlsplit(self.url)
        options = {
            "BatchMode": "yes", "StrictHostKeyChecking": "yes", "PreferredAuthentications": "publickey",
            "ConnectTimeout": "15", "ServerAliveInterval": "15", "ServerAliveCountMax": "3", "LogLevel": "ERROR",
            "ControlMaster": "no", "ControlPath": "none", "ForwardAgent": "no", "ClearAllForwardings": "yes",
            "PermitLocalCommand": "no",
        }  # fmt: skip
        if self.known_hosts:
            options |= {"UserKnownHostsFile": f'"{self.known_hosts}"', "GlobalKnownHostsFile": "none"}
        if self.identity:
            options |= {"IdentityFile": f'"{self.identity}"', "IdentitiesOnly": "yes", "IdentityAgent": "none"}
        argv = [program, "-b", "-", *(f"-o{name}={value}" for name, value in options.items())]
        argv += ["-P", str(parts.port or 22), "--", f"{parts.username}@{_bracketed(parts.hostname or '')}"]
        folder = unquote(parts.path) or "."
        text = "\n".join([f'cd "{folder}"', *commands]) + "\n"
        with tempfile.TemporaryDirectory() as empty:
            try:
                done = subprocess.run(  # noqa: S603 (no shell; every argument is ours or checked)
                    argv, input=text, capture_output=True, text=True, timeout=self.seconds, check=False, cwd=empty,
                    env={**os.environ, "LC_ALL": "C.UTF-8"},
                )  # fmt: skip
            except subprocess.TimeoutExpired as error:
                raise Transient(f"no end after {self.seconds:.0f} s", where=shown_url(self.url)) from error
        if done.returncode:
            raise self._failed(done.stderr)
        return done.stdout

    def _failed(self, said: str) -> TilthError:
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        where = f"{shown_url(self.url)}"
        for words, do in _HOPELESS.items():
            if words in said:
                return Terminal(next(line for line in lines if words in line)[:200], where=where, do=do)
        return Transient((lines[-1] if lines else "the connection broke")[:200], where=where)


def _listed(line: str) -> list[There]:
    matched = _LINE.match(line)
    if not matched or not _SAFE.match(matched[3]) or matched[3].startswith("."):
        return []
    return [There(matched[3], int(matched[1]), f"{matched[1]} {matched[2]}", None)]


def _safe(name: str) -> str:
    if not all(_SAFE.match(step) and step != ".." for step in name.split("/")):
        raise DataError("a name that a batch file cannot hold", where=name.encode("ascii", "replace").decode()[:80])
    return name


def _local(path: Path) -> str:
    text = str(path.absolute())
    if any(mark in text for mark in '"\\*?[\n'):
        raise DataError("the project's path holds a quotation mark or a pattern", where=text, do="Move the project.")
    return text


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
