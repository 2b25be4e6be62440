"""`tilth predict`: ask a model, from the command line, a file or a pipe."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from tilth import api
from tilth.cli._options import Code, Device, Model
from tilth.core.errors import DataError

ROWS = 256


def predict(
    model: Model,
    texts: Annotated[
        list[str] | None, typer.Argument(help="Texts to ask about; none reads lines from the pipe.")
    ] = None,
    file: Annotated[Path | None, typer.Option(help="A JSONL file of rows, or a text file of lines.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where to write the answers; by default the terminal.")] = None,
    code: Code = None,
    device: Device = "auto",
) -> None:
    """Predict: one JSON line an answer, in the order of the rows."""
    predictor = api.load(model, device=device, code=code or ())
    rows: Iterator[Any] = iter(texts) if texts else _lines(file)
    target = out.open("w", encoding="utf-8") if out else sys.stdout
    try:
        held: list[Any] = []
        for row in rows:
            held.append(row)
            if len(held) == ROWS:
                _answer(predictor, held, target)
                held = []
        if held:
            _answer(predictor, held, target)
    finally:
        if out:
            target.close()


def _answer(predictor: Any, rows: list[Any], target: Any) -> None:
    for answer in predictor.predict(rows):
        print(json.dumps(answer, ensure_ascii=False), file=target)


def _lines(file: Path | None) -> Iterator[Any]:
    if file is not None and not file.is_file():
        raise DataError(f"no file {file}", where="predict --file")
    source = file.open(encoding="utf-8") if file else sys.stdin
    as_rows = file is not None and ".jsonl" in file.suffixes
    with source:
        for number, line in enumerate(source, 1):
            if not line.strip():
                continue
            if not as_rows:
                yield line.rstrip("\n")
                continue
            try:
                yield json.loads(line)
            except ValueError as error:
                raise DataError("not a JSON line", where=f"{file}:{number}") from error
