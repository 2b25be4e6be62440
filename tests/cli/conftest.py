"""A small project and a model that a real run made."""

from __future__ import annotations

from pathlib import Path

import pytest

TINY = "scratch: {layers: 1, hidden: 16, heads: 2, vocabulary: 100}, epochs: 1, threads: 1"
RECIPE = f"""\
name: bad
acquire:
  - files: {{path: data.csv, licence: own}}
split: {{test: 0.3, valid: 0.2}}
train: {{task: text_classification, text: text, label: label, {TINY}}}
evaluate: {{bootstrap: 50, baselines: false}}
"""


def rows(count: int) -> str:
    """A table of two labels."""
    lines = [f"message number {n} about {'ab'[n % 2]} thing,{'ab'[n % 2]}\n" for n in range(count)]
    return "text,label\n" + "".join(lines)


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project's folder after a run."""
    from tilth import api

    folder = tmp_path_factory.mktemp("project")
    (folder / "data.csv").write_text(rows(60))
    (folder / "recipe.yaml").write_text(RECIPE)
    assert api.run(folder / "recipe.yaml").bundle is not None
    return folder


@pytest.fixture(scope="session")
def model(project: Path) -> Path:
    """The bundle of that run."""
    return project / ".tilth" / "models" / "bad" / "1"
