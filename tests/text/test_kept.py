"""Tables are kept beside compiled code: whatever happens to the file, what is read from it is what was built."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.text import _kept, _points

ONE = {"numbers": np.arange(6, dtype=np.int32), "flags": np.array([True, False])}


def built() -> _kept.Arrays:
    return {name: array.copy() for name, array in ONE.items()}


def never() -> _kept.Arrays:
    raise AssertionError("built again")


def same(found: _kept.Arrays) -> bool:
    return found.keys() == ONE.keys() and all(np.array_equal(found[name], ONE[name]) for name in ONE)


def test_a_second_process_loads_what_the_first_built(tmp_path: Path) -> None:
    path = tmp_path / "one.npz"
    assert same(_kept.arrays(path, built, same))
    assert same(_kept.arrays(path, never, same))
    assert list(tmp_path.iterdir()) == [path]


def test_where_nothing_can_be_written_arrays_are_built(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert same(_kept.arrays(None, built, same))
    assert same(_kept.arrays(tmp_path / "file" / "one.npz", built, same))
    assert same(_kept.arrays(tmp_path / "missing" / "one.npz", built, same))


@pytest.mark.slow
@given(st.data())
def test_a_damaged_file_is_built_again(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("kept") / "one.npz"
    _kept.arrays(path, built, same)
    held = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(held) - 1))
    if data.draw(st.booleans()):
        held = held[:at]
    else:
        held[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(held)
    assert same(_kept.arrays(path, built, same))
    assert same(_kept.arrays(path, never, same))


@pytest.mark.parametrize("name", ["other.npy", "other.npz", "other.txt"])
def test_another_files_content_is_replaced(tmp_path: Path, name: str) -> None:
    other, path = tmp_path / name, tmp_path / "one.npz"
    if name.endswith("npy"):
        np.save(other, np.arange(3))
    elif name.endswith("npz"):
        np.savez(other, np.arange(3))
    else:
        other.write_text("not an array")
    other.rename(path)
    assert same(_kept.arrays(path, built, same))
    assert same(_kept.arrays(path, never, same))


def test_unicode_tables_are_the_same_from_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILTH_KERNEL_CACHE", str(tmp_path))
    first, second = _points.tables.__wrapped__(), _points.tables.__wrapped__()
    assert len(list(tmp_path.rglob("points-*.npz"))) == 1
    for kept, again, fresh in zip(first, second, _points._build(), strict=True):
        assert kept.dtype == again.dtype == fresh.dtype
        assert np.array_equal(kept, again)
        assert np.array_equal(kept, fresh)
        assert not again.flags.writeable


@pytest.mark.parametrize("name", [*_points.Tables._fields])
def test_tables_that_point_beyond_each_other_do_not_fit(name: str) -> None:
    good = _points._build()._asdict()
    assert _points._fit(good)
    assert not _points._fit({key: array for key, array in good.items() if key != name})
    assert not _points._fit(good | {name: good[name].astype(np.float32)})
    assert not _points._fit(good | {name: good[name][:-1][: 1 if name in ("flags", "expansions") else None]})


def folder(base: Path, number: int, used: float) -> Path:
    made = base / f"kernel-{number:016x}"
    made.mkdir()
    (made / "code").touch()
    os.utime(made, (used, used))
    return made


def test_only_the_versions_used_last_stay(tmp_path: Path) -> None:
    folders = [folder(tmp_path, number, used) for number, used in enumerate((500.0, 100.0, 400.0, 200.0, 300.0))]
    other = tmp_path / "kernel-notes"
    other.mkdir()
    (tmp_path / f"kernel-{99:016x}").symlink_to(other, target_is_directory=True)
    _kept.prune(tmp_path)
    assert {each for each in folders if each.exists()} == {folders[0], folders[2], folders[4]}
    assert sorted(each.name for each in tmp_path.iterdir() if each not in folders) == [
        f"kernel-{99:016x}",
        "kernel-notes",
    ]


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    folder(tmp_path, 1, 1.0).rename(tmp_path / f"kernel-{1:016x}.gone")
    _kept.prune(tmp_path)
    _kept.prune(tmp_path / "missing")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_a_process_may_be_compiling_into_stays(tmp_path: Path) -> None:
    folders = [folder(tmp_path, number, time.time() - number) for number in range(_kept.KEPT + 2)]
    old = folder(tmp_path, 9, time.time() - 2 * _kept.IN_USE)
    _kept.prune(tmp_path)
    assert all(each.exists() for each in folders)
    assert not old.exists()
