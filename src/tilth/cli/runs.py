"""`tilth runs`: list runs with their figures, and put two side by side."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tilth.cli._options import AsJson
from tilth.core.errors import DataError

if TYPE_CHECKING:
    from tilth.run.catalogue import Catalogue
    from tilth.run.catalogue_lines import Compared, Figure, RunLine


def runs(
    chosen: Annotated[
        list[str] | None,
        typer.Argument(help="A run to show, or two to compare; the beginning of an id will do.", metavar="[RUN] [RUN]"),
    ] = None,
    project: Annotated[Path, typer.Option("--project", help="The project's folder.")] = Path(),
    name: Annotated[str | None, typer.Option(help="Only runs of this name.")] = None,
    status: Annotated[str | None, typer.Option(help="Only runs that are done, failed or unfinished.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many to list.")] = 20,
    catalogue: Annotated[
        str | None,
        typer.Option(
            help="A catalogue that a team shares, as env:NAME or a URL without password.", envvar="TILTH_CATALOGUE"
        ),
    ] = None,
    everyone: Annotated[bool, typer.Option("--all", help="Runs of all projects in a shared catalogue.")] = False,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Read everything again from the project first.")] = False,
    as_json: AsJson = False,
) -> None:
    """List runs, newest first, with rows, versions and the one figure; or show one, or compare two."""
    from tilth.recipe import secrets
    from tilth.run.catalogue import Catalogue
    from tilth.run.catalogue_rows import identity
    from tilth.tables.project import Project

    if catalogue is not None and secrets.literals(catalogue):
        raise DataError("a password stands on the command line", where="--catalogue", wanted="env:NAME")
    here = Project(str(project))
    if not here.folder.is_dir() and catalogue is None:
        raise DataError("no project", where=str(project), do="Run: tilth run recipe.yaml")
    index = Catalogue.of(here, catalogue)
    if here.folder.is_dir():
        (index.rebuild if rebuild else index.refresh)(here)
    mine = None if everyone or not here.folder.is_dir() else identity(here)
    wanted = chosen or []
    if len(wanted) > 2:
        raise DataError(f"{len(wanted)} runs", where="tilth runs", wanted="one to show, or two to compare")
    if len(wanted) == 2:
        _compare(index, wanted[0], wanted[1], mine, as_json)
    elif wanted:
        _show([index.run(wanted[0], project=mine)], as_json, full=True)
    else:
        _show(index.runs(project=mine, name=name, status=status, limit=limit), as_json, full=False)


def _show(found: list[RunLine], as_json: bool, *, full: bool) -> None:
    if as_json:
        for line in found:
            print(json.dumps(dataclasses.asdict(line), ensure_ascii=False))
        return
    if not found:
        print("no run")
        return
    width = max(len(line.name or "") for line in found)
    for line in found:
        kept = "" if line.kept is None else f"{line.kept:,} of {line.rows_in:,} rows"
        versions = " ".join(
            f"{what} {number}"
            for what, number in (("data", line.data_version), ("model", line.model_version))
            if number is not None
        )
        first = _figure(line.figures[0]) if line.figures else ""
        seconds = "" if line.seconds is None else f"{line.seconds:,.1f} s"
        sample = "  (sample)" if line.sample is not None else ""
        print(
            f"{line.run}  {line.name or '':<{width}}  {line.status or '':<10} {seconds:>10}  {kept:>24}  "
            f"{versions:<18}  {first}{sample}".rstrip()
        )
    if full:
        for figure in found[0].figures[1:]:
            print(f"  {_figure(figure)}")
        for what in ("report", "model"):
            if getattr(found[0], what):
                print(f"  {what:<7} {getattr(found[0], what)}")


def _compare(index: Catalogue, one: str, other: str, mine: str | None, as_json: bool) -> None:
    found: Compared = index.compare(one, other, project=mine)
    if as_json:
        print(json.dumps(dataclasses.asdict(found), ensure_ascii=False))
        return
    print(f"{found.one.run} → {found.other.run}")
    for name, left, right, change in found.figures:
        said = "" if change is None else f"  {change:+.4f}"
        print(f"  {name:<20} {_numbers(left):<28} {_numbers(right):<28}{said}".rstrip())
    for name, (before, after) in found.differences.items():
        print(f"  {name:<20} {_value(before)} → {_value(after)}")


def _figure(figure: Figure) -> str:
    return f"{figure.name} {_numbers(figure)}"


def _numbers(figure: Figure | None) -> str:
    if figure is None or figure.value is None:
        return "-"
    bounds = "" if figure.low is None or figure.high is None else f" ({figure.low:.4f} to {figure.high:.4f})"
    return f"{figure.value:.4f}{bounds}"


def _value(value: object) -> str:
    return "-" if value is None or value == "" else f"{value:,}" if isinstance(value, (int, float)) else str(value)
