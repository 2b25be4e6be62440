"""`tilth serve`: answer over HTTP."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tilth import api
from tilth.cli._options import Code, Device, Model, Quiet

if TYPE_CHECKING:
    from tilth.bytes.cache import Cache


def serve(
    model: Model,
    host: Annotated[str, typer.Option(help="The address to bind; a public one is refused without keys.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0 takes a free one.", min=0, max=65535)] = 8000,
    keys: Annotated[
        str | None, typer.Option(help="API keys, comma-separated, as env:NAME: a key on the command line shows in ps.")
    ] = None,
    cache: Annotated[
        str | None,
        typer.Option(help="Keep answers: disk (in the project), redis://…, rediss://…, memcached://… or env:NAME."),
    ] = None,
    cache_secret: Annotated[
        str | None,
        typer.Option(help="What kept answers are checked with, as env:NAME; by default the project's own."),
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
    folder = api.find_model(model)
    kept = _cache(cache, cache_secret, folder)
    api.load_code(code or ())
    if not quiet:
        logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(message)s")
    http.serve(
        folder,
        host,
        port,
        keys=given,
        device=device,
        cache=kept,
        on_ready=lambda url: print(f"Serving on {url}  (try {url}/docs; Ctrl-C stops)", flush=True),
    )


def _cache(url: str | None, secret: str | None, model: Path) -> Cache | None:
    """Open the cache of answers; its secret is the project's where the model lies in one."""
    from tilth.bytes.cache import open_cache
    from tilth.core import secret as secrets
    from tilth.core.errors import RecipeError
    from tilth.recipe.secrets import literals
    from tilth.tables.project import Project

    if url is None or url == "none":
        return None
    if literals(url):
        raise RecipeError("a password stands on the command line", where="--cache", wanted="env:NAME")
    if secret is not None and not secrets.REFERENCE.match(secret):
        raise RecipeError("a secret stands on the command line", where="--cache-secret", wanted="env:NAME")
    home = next((folder for folder in model.absolute().parents if folder.name == ".tilth"), None)
    if secret is not None:
        key = secrets.reveal(secret, where="--cache-secret").encode()
    elif home is not None and (home / "salt").is_file():
        key = Project(str(home.parent)).salt
    else:
        raise RecipeError(
            "no secret to check kept answers with, since the model lies in no project",
            where="--cache",
            do="Give one, the same to every server of this cache: --cache-secret env:NAME.",
        )
    return open_cache(url, secret=key, folder=home, where="--cache")
