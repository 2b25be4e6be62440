"""Install the peers that a benchmark measures, each in an environment of its own."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

HOME = Path(__file__).resolve().parents[1] / ".make" / "peers"


def python_of(name: str, requirements: Sequence[str]) -> Path:
    """Return the Python of an environment that holds these packages; made on first use (minutes).

    Raises `SystemExit` with what pip said when the packages cannot be installed.
    """
    folder = HOME / f"{name}-{hashlib.blake2b(' '.join(requirements).encode(), digest_size=4).hexdigest()}"
    python = folder / "bin" / "python"
    if not (folder / "ready").is_file():
        print(f"bench: installing {name} ({', '.join(requirements)}) …", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        done = subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            sys.exit(f"bench: {name} cannot be installed: {done.stderr.strip()[-800:]}")
        (folder / "ready").write_text("\n".join(requirements))
    return python


def version_in(python: Path, package: str) -> str:
    """Return a package's version in an environment."""
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    return subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True).stdout.strip()
