"""`tilth run`: carry a recipe out."""

from __future__ import annotations

import json
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from tilth import api
from tilth.cli import _progress
from tilth.cli._options import AsJson, Device, Overrides, Quiet, RecipeFile
from tilth.cli.doctor import shown
from tilth.recipe.model import Recipe


def run(
    recipe: RecipeFile,
    overrides: Overrides = None,
    sample: Annotated[int | None, typer.Option(help="Run the whole way on about so many rows.", min=1)] = None,
    workers: Annotated[int, typer.Option(help="Worker processes; 0 means one a core.", min=0)] = 0,
    device: Device = "auto",
    root: Annotated[Path | None, typer.Option(help="The project's folder; by default the recipe's.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only try every connection for real: reach it, log in, check the rights.")
    ] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Read what crawls, APIs, archives and buckets gave before; fetch nothing.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Run a recipe: what is unchanged is skipped, what an earlier run began goes on."""
    checked = api.check(recipe, overrides or ())
    if dry_run:
        _try(checked, root, as_json)
        return
    asked = threading.Event()
    with _progress_for(as_json, quiet) as listen, _StopOnCtrlC(asked, recipe):
        ran = api.run(
            checked,
            root=root,
            sample=sample,
            workers=workers,
            device=device,
            refresh=not offline,
            listen=listen,
            stop=asked.is_set,
        )
    if as_json:
        print(json.dumps({"kind": "summary", **ran.summary.to_json()}, ensure_ascii=False))
    elif not quiet:
        from tilth.report.text import terminal

        print(terminal(ran.summary))


def _try(recipe: Recipe, root: Path | None, as_json: bool) -> None:
    """Print what each connection says. Exit code 3 when one is not well."""
    well = True
    for place, finding in api.probe(recipe, root=root):
        well = well and finding.ok
        said = {"kind": "probe", "place": place, **finding._asdict()}
        print(
            json.dumps(said, ensure_ascii=False)
            if as_json
            else shown(finding._replace(what=f"{place}: {finding.what}"))
        )
    if not well:
        raise typer.Exit(3)


def _progress_for(as_json: bool, quiet: bool) -> _progress.JsonLines | _progress.Bars:
    if as_json:
        return _progress.JsonLines()
    if quiet:
        return _progress.Silent()
    return _progress.Bars() if sys.stderr.isatty() else _progress.LogLines()


class _StopOnCtrlC:
    """The first Ctrl-C (or SIGTERM) finishes the shard at work and keeps it; the second ends at once."""

    def __init__(self, asked: threading.Event, recipe: Path) -> None:
        self._asked, self._recipe = asked, recipe
        self._before: dict[int, object] = {}

    def __enter__(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._on)

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal gave back

    def _on(self, number: int, frame: FrameType | None) -> None:
        if self._asked.is_set():
            raise KeyboardInterrupt
        self._asked.set()
        print(
            f"\nFinishing the shard at work; again to stop at once. To go on later: tilth run {self._recipe}",
            file=sys.stderr,
        )
