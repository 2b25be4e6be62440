"""`tilth check`: read a recipe and say all that is wrong with it; opens nothing."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from tilth.cli._options import AsJson, Overrides, RecipeFile
from tilth.core.errors import RecipeError
from tilth.recipe import check as checking
from tilth.recipe import fill
from tilth.recipe.model import Recipe
from tilth.recipe.source import read


def check(
    recipe: RecipeFile,
    overrides: Overrides = None,
    filled: Annotated[bool, typer.Option("--filled", help="Print the recipe with every default written out.")] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Print the steps: what reads which rows, with fingerprints.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check a recipe: sections, operators, options, types, licences. Exit code 2 when something is wrong."""
    found, errors = checking.check(read(recipe, overrides or ()), folder=recipe.resolve().parent)
    if as_json:
        print(json.dumps({"ok": not errors, "errors": [str(error) for error in errors]}, ensure_ascii=False))
        if errors:
            raise typer.Exit(2)
        return
    if found is None:
        for error in errors[:-1]:
            typer.echo(f"tilth: {error}", err=True)
        raise errors[-1] if errors else RecipeError("the recipe is wrong", where=str(recipe))
    if plan:
        _show_plan(found)
        return
    if filled:
        print(fill.as_yaml(found), end="")
        return
    print(f"{recipe}: right. {found.name}: {_plan(found)}")


def _show_plan(found: Recipe) -> None:
    from tilth.run.plan import lay_out

    for step in lay_out(found).steps:
        prints = f"  measure {step.measure[:8]} decide {step.decide[:8]}" if step.measure else ""
        print(f"{step.stage:<9} {step.kind:<9} {step.place:<28} {step.sees}{prints}")


def _plan(found: Recipe) -> str:
    steps = [f"acquire {len(found.acquire)} source{'s' if len(found.acquire) != 1 else ''}", "split"]
    steps += [entry.name for entry in found.refine]
    if found.train is not None:
        steps.append(f"train ({found.train.name})")
        steps.append("evaluate")
    return " → ".join(steps)
