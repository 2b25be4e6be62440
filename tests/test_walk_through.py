"""The page that shows how to add an operator is executed as written."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "adding-an-operator.md"


@pytest.mark.slow
def test_adding_an_operator_takes_one_file_and_one_test(tmp_path: Path) -> None:
    files = re.findall(r"<!-- file: (\S+) -->\n```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    assert [name for name, _ in files] == ["src/tilth/refine/shouting.py", "tests/refine/test_shouting.py"]
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name, text in files:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / "r.yaml").write_text("acquire: [{files: {path: a.csv}}]\nrefine: [{shouting: {most: 0.5}}]\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "src")}
    here = {"cwd": tmp_path, "env": environment, "capture_output": True, "text": True}
    tests = [str(tmp_path / "tests"), str(tmp_path / "src/tilth/refine/shouting.py")]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--doctest-modules", "--import-mode=importlib", *tests], **here
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "3 passed" in run.stdout
    checked = subprocess.run([sys.executable, "-c", "from tilth.cli import main; main(['check', 'r.yaml'])"], **here)
    assert checked.returncode == 0, checked.stderr
