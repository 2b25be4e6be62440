"""Compiled code is found again by later processes, wherever it could be written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tilth.text import _compile

MEASURE = """
import gc, json, sys, pyarrow as pa
from tilth.text import _compile, _kernel, kernel, statistics
column = pa.array(["one two three", None])
found = statistics.measure(column).to_pylist()[0]["words"], kernel.shingles(column).offsets.tolist()
kinds = [_kernel.read, _kernel.hard]
print(json.dumps({
    "found": found, "folder": str(_compile.cache_folder()),
    "compiled": sum(sum(kind.stats.cache_misses.values()) for kind in kinds),
    "loaded": sum(sum(kind.stats.cache_hits.values()) for kind in kinds),
    "kinds": [len(kind.signatures) for kind in kinds],
    "prepared": "numba.np.linalg" in sys.modules, "collects": gc.isenabled(),
}))
"""


def run(**environment: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE], env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)  # type: ignore[no-any-return]


@pytest.mark.slow
def test_a_second_process_compiles_nothing(tmp_path: Path) -> None:
    first, second = run(TILTH_KERNEL_CACHE=str(tmp_path)), run(TILTH_KERNEL_CACHE=str(tmp_path))
    assert (first["compiled"], first["loaded"]) == (2, 0)
    assert (second["compiled"], second["loaded"]) == (0, 2)
    assert first["found"] == second["found"] == [3, [0, 2, 2]]
    assert first["kinds"] == [1, 1]
    assert str(second["folder"]).startswith(str(tmp_path))
    # Loading spares what Numba prepares for compiling; compiling leaves the garbage collector as it was.
    assert (first["prepared"], second["prepared"]) == (True, False)
    assert first["collects"] is second["collects"] is True


@pytest.mark.slow
def test_where_nothing_can_be_written_each_process_compiles_for_itself(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    alone = run(TILTH_KERNEL_CACHE=str(blocked / "under"))
    assert alone["found"] == [3, [0, 2, 2]]
    assert alone["folder"] == "None"


def test_a_read_only_install_keeps_its_code_in_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install = tmp_path / "install"
    shutil.copytree(_compile._HERE, install, ignore=shutil.ignore_patterns("__pycache__"))
    # A file where the folder would be: the user may be root, whom permissions do not stop.
    (install / "__pycache__").touch()
    monkeypatch.setattr(_compile, "_HERE", install)
    monkeypatch.delenv(_compile.CACHE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = _compile.cache_folder()
    assert folder is not None
    assert folder.parent == tmp_path / "cache" / "tilth" / "kernel"


def homeless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Leave nothing to write to but temporary files, as on a cluster's worker."""
    monkeypatch.delenv(_compile.CACHE, raising=False)
    install, temporary = tmp_path / "install", tmp_path / "temporary"
    shutil.copytree(_compile._HERE, install, ignore=shutil.ignore_patterns("__pycache__"))
    (install / "__pycache__").touch()
    monkeypatch.setattr(_compile, "_HERE", install)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "expanduser", lambda self: (_ for _ in ()).throw(RuntimeError("no home")))
    temporary.mkdir()
    temporary.chmod(0o1777)
    monkeypatch.setattr(_compile.tempfile, "gettempdir", lambda: str(temporary))
    return temporary


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="needs users")
def test_a_worker_without_a_home_keeps_its_code_among_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = homeless(tmp_path, monkeypatch)
    folder = _compile.cache_folder()
    assert folder is not None
    assert folder.parent == temporary / f"tilth-{os.getuid()}"
    assert folder.parent.stat().st_mode & 0o777 == 0o700
    assert _compile.cache_folder() == folder


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="needs users")
@pytest.mark.parametrize("trap", ["open", "link", "file", "shared"])
def test_a_temporary_folder_that_others_may_write_to_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trap: str
) -> None:
    temporary = homeless(tmp_path, monkeypatch)
    own = temporary / f"tilth-{os.getuid()}"
    if trap == "open":
        own.mkdir()
        own.chmod(0o770)
    elif trap == "link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        own.symlink_to(tmp_path / "elsewhere")
    elif trap == "file":
        own.touch()
    else:
        # Without the sticky bit anybody could put another folder in its place.
        temporary.chmod(0o777)
    assert _compile.cache_folder() is None


def test_another_version_of_the_sources_has_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(_compile.CACHE, str(tmp_path))
    monkeypatch.setattr(_compile, "_HERE", tmp_path)
    folders = []
    for text in ("one", "two"):
        (tmp_path / "source.py").write_text(text)
        _compile._version.cache_clear()
        folders.append(_compile.cache_folder())
    _compile._version.cache_clear()
    assert len(set(folders)) == 2


def test_folders_of_versions_that_are_no_longer_used_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(_compile.CACHE, str(tmp_path))
    for number in range(5):
        old = tmp_path / f"kernel-{number:016x}"
        old.mkdir()
        os.utime(old, (number, number))
    now = _compile.cache_folder()
    assert now is not None
    assert {each.name for each in tmp_path.iterdir()} == {now.name, f"kernel-{4:016x}", f"kernel-{3:016x}"}


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="needs users")
def test_code_in_another_users_folder_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(_compile.CACHE, str(tmp_path))
    assert _compile.cache_folder() is not None
    uid = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: uid + 1)
    assert _compile.cache_folder() is None
