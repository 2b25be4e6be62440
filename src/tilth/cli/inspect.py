"""`tilth inspect`: look at data before deciding what to drop."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tilth import api
from tilth.cli import _progress
from tilth.cli._options import AsJson, Quiet

if TYPE_CHECKING:
    from tilth.report.inspection import Inspection

PAGE = Path("inspect.html")
_MOST = 12
"""Rules on the terminal; the page has all."""


def inspect(
    data: Annotated[str, typer.Argument(help="A file, a folder or a pattern, or a recipe.")],
    column: Annotated[str | None, typer.Option(help="The text column; by default a guess.")] = None,
    rules: Annotated[
        str | None,
        typer.Option(
            help="Operators to try, such as gopher_quality,c4; by default all rule sets, or the recipe's own."
        ),
    ] = None,
    rows: Annotated[int | None, typer.Option(help="Look at about so many rows, chosen evenly.", min=1)] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Where to write the page; by default inspect.html.")
    ] = None,
    duplicates: Annotated[bool, typer.Option(help="Search for exact and near duplicates.")] = True,
    languages: Annotated[bool, typer.Option(help="Tell the language of each row, if no column does.")] = True,
    workers: Annotated[int, typer.Option(help="Worker processes; 0 means one a core.", min=0)] = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Look at data: statistics, what each rule would drop, duplicates. Writes a page with movable thresholds.

    Needs no project and changes nothing. With --json the findings are the last line, and a page is written only where
    --out says so.
    """
    with _listener(as_json, quiet) as listen:
        found = api.inspect(
            data,
            column=column,
            rules=None if rules is None else [name.strip() for name in rules.split(",") if name.strip()],
            rows=rows,
            duplicates=duplicates,
            languages=languages,
            workers=workers,
            listen=listen,
        )
    page = None
    if out is not None or not as_json:
        from tilth.report import inspect_page

        page = inspect_page.write(found, out or PAGE)
    if as_json:
        print(json.dumps({"kind": "inspection", **found.to_json()}, ensure_ascii=False))
    elif not quiet:
        print("\n".join(_said(found, page)))


def _listener(as_json: bool, quiet: bool) -> _progress.JsonLines | _progress.Bars:
    if as_json:
        return _progress.JsonLines()
    if quiet:
        return _progress.Silent()
    return _progress.Bars() if sys.stderr.isatty() else _progress.LogLines()


def _said(found: Inspection, page: Path | None) -> list[str]:
    from tilth.report import words

    about = f", text column {found.column}" if found.column else ", no text column"
    lines = [f"{words.plural(found.rows, 'row')} of {words.plural(found.files, 'file')}{about}"]
    if found.rejected:
        lines.append(f"  ! {words.plural(found.rejected, 'record')} cannot be read")
    dropping = sorted((rule for rule in found.rules if rule.dropped), key=lambda rule: (-rule.dropped, rule.name))
    if found.rules:
        lines.append(f"  {'any rule':<44} {found.dropped:>10,}  {words.share(found.dropped, found.rows)}")
    lines += [
        f"  {rule.name:<44} {rule.dropped:>10,}  {words.share(rule.dropped, found.rows)}" for rule in dropping[:_MOST]
    ]
    if len(dropping) > _MOST:
        lines.append(f"  and {words.plural(len(dropping) - _MOST, 'more rule')}")
    lines += [
        f"  {words.heading(line.kind):<44} {line.dropped:>10,}  {words.share(line.dropped, found.rows)}"
        f", {words.plural(line.clusters, 'cluster')}"
        for line in found.duplicates
    ]
    return [*lines, f"  page  {page}"]
