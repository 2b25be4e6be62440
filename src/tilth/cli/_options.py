"""Name the arguments that several verbs take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

RecipeFile = Annotated[Path, typer.Argument(help="The recipe file.")]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(help="Options to change: train.epochs=3 refine.length.min=5", metavar="[KEY=VALUE]..."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON lines instead of words.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only what failed.")]
Model = Annotated[str, typer.Argument(help="A bundle's folder, or the name of a model in this project.")]
Code = Annotated[list[Path] | None, typer.Option(help="Your own operator files, where the recipe names any.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
