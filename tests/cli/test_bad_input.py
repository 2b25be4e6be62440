"""Bad input ends with one clear error: what, where, what was wanted, what to do; a non-zero exit; nothing lost."""

from __future__ import annotations

import json
import os
import resource
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tilth.cli import main
from tilth.tables.project import Project

from .conftest import RECIPE, rows


class Failed:
    """What a failed command said."""

    def __init__(self, code: int, said: str) -> None:
        self.code, self.said = code, said


@pytest.fixture
def tilth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run a command in an empty folder; returns its exit code and what it said on the error stream."""
    monkeypatch.chdir(tmp_path)

    def run(*args: str, recipe: str = RECIPE, data: str | bytes | None = None) -> Failed:
        (tmp_path / "recipe.yaml").write_text(recipe)
        if data is not None:
            (tmp_path / "data.csv").write_bytes(data if isinstance(data, bytes) else data.encode())
        with pytest.raises(SystemExit) as ended:
            main(list(args) or ["run", "recipe.yaml", "-q"])
        said = capsys.readouterr().err
        assert "Traceback" not in said
        return Failed(int(ended.value.code or 0), said)

    return run


def test_a_missing_file_names_its_neighbour(tilth, tmp_path: Path) -> None:
    (tmp_path / "dat.csv").write_text(rows(9))
    found = tilth()
    assert found.code == 1
    assert "recipe.yaml:3  acquire[0] files" in found.said
    assert "dat.csv" in found.said


def test_an_empty_file(tilth) -> None:
    found = tilth(data="")
    assert found.code == 1
    assert "empty" in found.said


def test_a_file_with_a_header_only(tilth) -> None:
    found = tilth(data="text,label\n")
    assert found.code == 1
    assert "no readable row" in found.said


def test_an_unknown_column_names_the_likely_one(tilth) -> None:
    found = tilth(recipe=RECIPE.replace("label: label", "label: lable"), data=rows(30))
    assert found.code == 1
    assert 'recipe.yaml:5  train.label: no column "lable"' in found.said
    assert 'Did you mean "label"?' in found.said


def test_an_operator_on_an_unknown_column(tilth) -> None:
    found = tilth(recipe=RECIPE + "refine: [{length: {column: txt, min: 3}}]\n", data=rows(30))
    assert found.code == 1
    assert "refine[0] length" in found.said
    assert 'no column "txt"' in found.said
    assert 'Did you mean "text"?' in found.said


@pytest.mark.parametrize("option", ["group", "time"])
def test_a_split_by_an_unknown_column(tilth, option: str) -> None:
    by = ", by: time" if option == "time" else ""
    found = tilth(recipe=RECIPE.replace("valid: 0.2", f"valid: 0.2, {option}: customr{by}"), data=rows(30))
    assert found.code == 1
    assert f"split.{option}" in found.said


def test_an_unknown_operator_names_the_likely_one(tilth) -> None:
    found = tilth(recipe=RECIPE + "refine: [near_duplicate]\n", data=rows(9))
    assert found.code == 2
    assert 'recipe.yaml:7  refine[0] near_duplicate: no refine part called "near_duplicate"' in found.said
    assert 'Did you mean "near_duplicates"?' in found.said


def test_a_wrong_type(tilth) -> None:
    found = tilth(recipe=RECIPE.replace("valid: 0.2", "valid: a fifth"), data=rows(9))
    assert found.code == 2
    assert 'recipe.yaml:4  split: option "valid" is "a fifth". Wanted: a number' in found.said


def test_broken_yaml(tilth) -> None:
    found = tilth(recipe="name: [bad\n", data=rows(9))
    assert found.code == 2
    assert "recipe.yaml:2: broken YAML" in found.said


def test_a_missing_recipe(tilth) -> None:
    found = tilth("run", "recipie.yaml")
    assert found.code == 2
    assert 'Did you mean "recipe.yaml"?' in found.said


def test_a_label_seen_once_only_is_trained_on(tilth, tmp_path: Path) -> None:
    found = tilth(data=rows(40) + "a message like no other,rare\n")
    assert found.code == 0, found.said
    lines = [line for batch in Project(str(tmp_path)).table("bad").scan().batches() for line in batch.to_pylist()]
    assert [line["_split"] for line in lines if line["label"] == "rare"] == ["train"]


def test_one_label_only_cannot_be_learned(tilth) -> None:
    found = tilth(data="text,label\n" + "".join(f"message {n} of one kind {n * 7},a\n" for n in range(40)))
    assert found.code == 1
    assert "recipe.yaml:5" in found.said


def test_a_column_of_nulls(tilth) -> None:
    found = tilth(data="text,label\n" + "".join(f"message {n} of some kind {n * 7},\n" for n in range(40)))
    assert found.code == 1
    assert "label" in found.said


def test_everything_dropped_says_by_what(tilth) -> None:
    found = tilth(recipe=RECIPE + "refine: [{length: {min: 5000}}]\n", data=rows(30))
    assert found.code == 1
    assert "no row is left" in found.said
    assert "refine[0] length drops 30" in found.said


def test_too_many_broken_rows_commit_nothing(tilth, tmp_path: Path) -> None:
    found = tilth(data=rows(20) + "one,two,three,four\n" * 5)
    assert found.code == 1
    assert "5 of 25 records cannot be read" in found.said
    assert "bad_rows" in found.said
    assert not Project(str(tmp_path)).table("bad.acquired").exists()


def test_a_file_that_is_not_utf8_is_read_and_said(tilth, capsys: pytest.CaptureFixture[str]) -> None:
    text = "text,label\n" + "".join(f"une réponse très détaillée numéro {n} à côté,{'ab'[n % 2]}\n" for n in range(40))
    found = tilth("run", "recipe.yaml", data=text.encode("cp1252"))
    assert found.code == 0, found.said
    assert "not UTF-8 from byte" in found.said


@pytest.mark.slow
def test_200_mb_on_one_line_is_a_reject_and_memory_stays_bounded(tmp_path: Path) -> None:
    with (tmp_path / "data.csv").open("wb") as file:
        file.write(rows(200).encode())
        for _ in range(200):
            file.write(b"x" * (1 << 20))
        file.write(b"\n")
    recipe = RECIPE.partition("train:")[0]
    (tmp_path / "recipe.yaml").write_text(recipe)

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))

    code = "from tilth.cli import main; main(['run', 'recipe.yaml', '--json', '--workers', '1'])"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, preexec_fn=limited, check=False
    )
    assert run.returncode == 0, run.stdout[-600:] + run.stderr[-600:]
    summary = json.loads(run.stdout.splitlines()[-1])
    assert summary["accounts"]["failed"] == 1
    assert summary["accounts"]["kept"] + summary["accounts"]["dropped"] == 200


@pytest.mark.slow
def test_a_full_disk_is_one_clear_error_and_the_run_goes_on_later(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(small)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small tmpfs needs root")
    try:
        words = "alpha beta gamma delta epsilon zeta eta theta iota kappa".split()
        lines = [
            f"{' '.join(words[(n * k) % 10] + str(n * k) for k in range(1, 30))},{'ab'[n % 2]}\n" for n in range(6000)
        ]
        (tmp_path / "data.csv").write_text("text,label\n" + "".join(lines))
        (tmp_path / "recipe.yaml").write_text(RECIPE.partition("train:")[0] + "\n".replace("\n", ""))
        args = [sys.executable, "-c", "from tilth.cli import main; main()", "run", "recipe.yaml", "-q", "--root"]
        run = subprocess.run([*args, str(small)], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert run.returncode == 1
        assert "Traceback" not in run.stderr
        assert "No space left" in run.stderr or "full" in run.stderr
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_port_in_use(tilth, model: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        found = tilth("serve", str(model), "--port", str(port), "-q")
    assert found.code == 1
    assert str(port) in found.said


def test_a_model_folder_that_is_cut_short(tilth, model: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(model, broken)
    weights = broken / "model" / "model.safetensors"
    os.truncate(weights, weights.stat().st_size // 2)
    found = tilth("predict", str(broken), "hello")
    assert found.code == 1
    assert "model.safetensors" in found.said


def test_an_unknown_model_names_the_known(tilth) -> None:
    found = tilth("predict", "suport", "hello")
    assert found.code == 1
    assert 'no model "suport"' in found.said


def test_a_key_on_the_command_line_is_refused_and_not_repeated(tilth, model: Path) -> None:
    found = tilth("serve", str(model), "--keys", "my-very-secret-key-123")
    assert found.code == 2
    assert "my-very-secret" not in found.said
