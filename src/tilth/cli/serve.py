"""`tilth serve`: answer over HTTP."""

from __future__ import annotations

import logging
import sys
from typing import Annotated

import typer

from tilth import api
from tilth.cli._options import Code, Device, Model, Quiet


def serve(
    model: Model,
    host: Annotated[str, typer.Option(help="The address to bind; a public one is refused without keys.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0 takes a free one.", min=0, max=65535)] = 8000,
    keys: Annotated[
        str | None, typer.Option(help="API keys, comma-separated, as env:NAME: a key on the command line shows in ps.")
    ] = None,
    code: Code = None,
    device: Device = "auto",
    quiet: Quiet = False,
) -> None:
    """Serve a model: POST /predict, GET /docs, /healthz, /readyz, /metrics. Stops on Ctrl-C when all is answered."""
    from tilth.core import secret
    from tilth.core.errors import RecipeError
    from tilth.serve import http

    if keys is not None and not secret.REFERENCE.match(keys):
        raise RecipeError("a key stands on the command line", where="--keys", wanted="env:NAME")
    given = [key.strip() for key in secret.reveal(keys, where="--keys").split(",")] if keys else []
    if keys and not all(given):
        raise RecipeError(f"{keys} holds an empty key", where="--keys", wanted="keys, comma-separated")
    api.load_code(code or ())
    if not quiet:
        logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(message)s")
    http.serve(
        api.find_model(model),
        host,
        port,
        keys=given,
        device=device,
        on_ready=lambda url: print(f"Serving on {url}  (try {url}/docs; Ctrl-C stops)", flush=True),
    )
