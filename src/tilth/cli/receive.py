"""`tilth receive`: keep what others push, for a recipe's `pushed` source."""

from __future__ import annotations

import contextlib
import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from tilth.cli._options import Quiet


def receive(
    folder: Annotated[Path, typer.Argument(help="The inbox: a folder of its own, made when it is not there.")],
    host: Annotated[
        str, typer.Option(help="The address to bind; a public one is refused without keys or a signature.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0 takes a free one.", min=0, max=65535)] = 8001,
    keys: Annotated[
        str | None, typer.Option(help="API keys, comma-separated, as env:NAME: a key on the command line shows in ps.")
    ] = None,
    signature: Annotated[
        str | None, typer.Option(help="The secret that senders sign their pushes with, as env:NAME.")
    ] = None,
    scheme: Annotated[str, typer.Option(help="How pushes are signed: github or stripe.")] = "github",
    max_body: Annotated[int, typer.Option(help="The longest body, in bytes.", min=1)] = 1 << 20,
    rate: Annotated[float, typer.Option(help="Pushes a second at most.", min=0.01)] = 50.0,
    quiet: Quiet = False,
) -> None:
    """Receive pushes: POST / with JSON or JSON lines; 202 when they are on the disk. Stops on Ctrl-C."""
    import uvicorn

    from tilth.connectors._inbox import app as receiver
    from tilth.connectors._inbox.inbox import Inbox
    from tilth.connectors._inbox.signed import SCHEMES
    from tilth.core import secret
    from tilth.core.errors import RecipeError, TilthError, did_you_mean
    from tilth.serve import _listen
    from tilth.serve._guard import Keys
    from tilth.serve.http import LOOPBACK_NAMES

    for option, given in (("--keys", keys), ("--signature", signature)):
        if given is not None and not secret.REFERENCE.match(given):
            raise RecipeError("a secret stands on the command line", where=option, wanted="env:NAME")
    if scheme not in SCHEMES:
        wanted = f"one of {', '.join(SCHEMES)}"
        raise RecipeError(f'no scheme "{scheme}"', where="--scheme", wanted=wanted, do=did_you_mean(scheme, SCHEMES))
    if not keys and not signature and not _listen.is_loopback(host):
        raise TilthError(
            f"{host or 'every address'} can be reached from other machines, and no key or signature guards it",
            where="receive",
            wanted="--keys or --signature, or the host 127.0.0.1",
        )
    held = Keys([key.strip() for key in secret.reveal(keys, where="--keys").split(",")]) if keys else None
    if not quiet:
        logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(message)s")
    with contextlib.closing(_listen.bind(host, port)) as opened, contextlib.closing(Inbox(folder)) as inbox:
        api = receiver.app(
            inbox,
            opens=held.opens if held else None,
            secret=secret.reveal(signature, where="--signature") if signature else None,
            scheme=scheme,
            hosts=None if keys or signature else LOOPBACK_NAMES,
            limits=receiver.Limits(max_body=max_body, rate=rate),
        )
        config = uvicorn.Config(
            api, log_config=None, access_log=False, server_header=False, ws="none", limit_concurrency=256,
            timeout_graceful_shutdown=20,
        )  # fmt: skip
        url = _listen.url_of(opened, host)
        say = f"Receiving on {url}  (POST {url}/; Ctrl-C stops)"
        _listen.Server(config, lambda: print(say, flush=True), lambda: False).run(sockets=[opened])
