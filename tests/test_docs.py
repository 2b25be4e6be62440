"""The pages say what the code says: made pages are current, recipes in examples and pages pass the check."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tilth.recipe import check
from tilth.recipe.source import parse

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_pages_made_from_code_are_current() -> None:
    run = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda path: path.name)
def test_every_example_passes_the_check(path: Path) -> None:
    assert check.load(path).acquire


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_recipes_in_pages_pass_the_check(path: Path) -> None:
    for text in re.findall(r"```yaml\n(.*?)```", path.read_text(encoding="utf-8"), re.S):
        if "acquire:" in text:
            _, errors = check.check(parse(text), folder=ROOT)
            assert not errors, errors[0]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_between_pages_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


def test_no_file_names_this_machine_or_a_registry() -> None:
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    words = re.compile(
        "|".join(
            ["py" + r"pi\.org", "pythonhosted" + r"\.org", "registry" + r"\.npmjs", "/wo" + "rk/main", "/far" + "m/"]
        )
    )
    for name in files:
        path = ROOT / name
        if path.is_file() and path.suffix in (".py", ".md", ".toml", ".txt", ".yaml", ".sh", ".html", ""):
            assert not words.search(path.read_text(encoding="utf-8", errors="replace")), name
