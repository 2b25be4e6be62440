"""Put the verbs together; a verb is a module of this package whose function has its name."""

from __future__ import annotations

import importlib
from typing import Annotated

import typer

import tilth

GROUPS = ("data",)
"""Verbs with verbs of their own."""
VERBS = ("init", "inspect", "check", "run", "runs", "report", "predict", "serve", "receive", "doctor")


def build() -> typer.Typer:
    """Return the application."""
    app = typer.Typer(
        name="tilth",
        help="From raw data to a model in production, and which data work paid off.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )

    @app.callback(invoke_without_command=True)
    def root(
        version: Annotated[bool, typer.Option("--version", help="Say the version.", is_eager=True)] = False,
    ) -> None:
        if version:
            print(f"tilth {tilth.__version__}")
            raise typer.Exit

    for verb in VERBS:
        app.command(name=verb)(getattr(importlib.import_module(f"tilth.cli.{verb}"), verb))
    for group in GROUPS:
        app.add_typer(importlib.import_module(f"tilth.cli.{group}").build(), name=group)
    return app
