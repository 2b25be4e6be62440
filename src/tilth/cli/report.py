"""`tilth report`: show the last run of a recipe, and where its page lies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from tilth.cli._options import AsJson
from tilth.core.errors import DataError
from tilth.report import page
from tilth.report.summary import Summary
from tilth.report.text import terminal


def report(
    project: Annotated[Path, typer.Argument(help="The project's folder, or a recipe in it.")] = Path(),
    run: Annotated[str | None, typer.Option(help="Which run; by default the last one that ended well.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show a run's numbers and write its page again."""
    folder = project if project.is_dir() else project.parent
    runs = folder / ".tilth" / "runs"
    ended = sorted(path.parent for path in runs.glob("*/summary.json")) if runs.is_dir() else []
    chosen = [path for path in ended if path.name == run] if run else ended[-1:]
    if not chosen:
        names = ", ".join(path.name for path in ended[-5:])
        raise DataError(
            f"no run {run}" if run else "no run has ended well here",
            where=str(folder),
            wanted=names or None,
            do="Run: tilth run recipe.yaml",
        )
    summary = Summary.from_json(json.loads((chosen[0] / "summary.json").read_text(encoding="utf-8")))
    path = page.write(summary, chosen[0])
    if as_json:
        print(json.dumps(summary.to_json(), ensure_ascii=False))
    else:
        print(terminal(summary))
        print(f"\n  page    {path}")
