"""`tilth data`: the versions of a project's data sets: list, compare, bring back, and clear away what crashes left."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Annotated

import typer

from tilth import api
from tilth.cli._options import AsJson
from tilth.core.errors import DataError

ProjectFolder = Annotated[Path, typer.Option("--project", help="The project's folder.")]


def build() -> typer.Typer:
    """Return the verb with its own verbs."""
    app = typer.Typer(help="List, compare and bring back versions of data sets; clear leftovers.", no_args_is_help=True)
    app.command(name="log")(log)
    app.command(name="diff")(diff)
    app.command(name="checkout")(checkout)
    app.command(name="gc")(gc)
    app.command(name="compact")(compact)
    return app


def log(
    data: Annotated[str | None, typer.Argument(help="A data set; without one, all are listed.")] = None,
    project: ProjectFolder = Path(),
    as_json: AsJson = False,
) -> None:
    """List the versions of a data set, newest first; without a name, the data sets and their newest version."""
    names = [data] if data is not None else api.data_sets(project)
    for name in names:
        versions = api.versions(name, root=project)
        for one in versions if data is not None else versions[:1]:
            at = one.at.isoformat(timespec="seconds")
            if as_json:
                said = {"data": name, "version": one.version.number, "at": at, "rows": one.rows, "mode": one.mode}
                print(json.dumps(said, ensure_ascii=False))
            else:
                rows = "?" if one.rows is None else f"{one.rows:,}"
                print(f"{name}  {one.version.number:>4}  {at}  {rows:>12} rows  {one.mode}")


def diff(
    data: Annotated[str, typer.Argument(help="A data set.")],
    before: Annotated[int | None, typer.Argument(help="A version; by default the one before the later.")] = None,
    after: Annotated[int | None, typer.Argument(help="The later version; by default the newest.")] = None,
    project: ProjectFolder = Path(),
    rows: Annotated[int, typer.Option(min=0, help="How many rows of each kind to name.")] = 5,
    workers: Annotated[int, typer.Option(min=0, help="Worker processes; 0 is one a core.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Say which rows came, went or changed between two versions, and in which columns."""
    with api.diff(data, before, after, root=project, workers=workers) as found:
        counts = dict.fromkeys(("added", "removed", "changed"), 0)
        columns: dict[str, int] = {}
        named: dict[str, list[str]] = {what: [] for what in counts}
        for line in itertools.chain.from_iterable(batch.to_pylist() for batch in found.rows.batches()):
            counts[line["what"]] += 1
            for name in line["columns"] or ():
                columns[name] = columns.get(name, 0) + 1
            if as_json:
                print(json.dumps(line, ensure_ascii=False))
            elif len(named[line["what"]]) < rows:
                named[line["what"]].append(line["_id"])
    if as_json:
        said = {"kind": "diff", "data": data, "before": found.before.number, "after": found.after.number}
        print(json.dumps({**said, **counts, "columns": columns}, ensure_ascii=False))
        return
    print(f"{data}  {found.before.number} → {found.after.number}")
    for what, count in counts.items():
        more = " …" if count > len(named[what]) else ""
        print(f"  {what:<8} {count:>10,}  {' '.join(named[what])}{more}".rstrip())
    for name, count in sorted(columns.items(), key=lambda one: (-one[1], one[0])):
        print(f"    {name:<16} {count:>10,} rows")


def checkout(
    data: Annotated[str, typer.Argument(help="A data set.")],
    version: Annotated[int, typer.Argument(help="The version to bring back.")],
    project: ProjectFolder = Path(),
) -> None:
    """Make an earlier version the newest again; nothing is copied, and the versions between stay."""
    number = api.checkout(data, version, root=project)
    print(f"{data}: version {number} has the rows of version {version}")


def gc(
    data: Annotated[
        str | None, typer.Argument(help="The folder or URL of a table elsewhere; by default all of the project's.")
    ] = None,
    days: Annotated[float, typer.Option(min=0, help="How old what is removed must be: a stopped run may go on.")] = 7.0,
    keep_versions: Annotated[
        int | None, typer.Option(min=1, help="Of a table elsewhere: give up all versions but so many newest.")
    ] = None,
    keep_days: Annotated[
        float | None, typer.Option(min=0, help="Of a table elsewhere: give up versions replaced so many days ago.")
    ] = None,
    project: ProjectFolder = Path(),
) -> None:
    """Remove what crashes left behind: unfinished files and parts that no version names. Versions stay unless asked."""
    if data is None and (keep_versions is not None or keep_days is not None):
        raise DataError("a project keeps all its versions", wanted="the folder or URL of a table elsewhere beside it")
    files, size = api.gc(data, root=project, days=days, keep_versions=keep_versions, keep_days=keep_days)
    print(f"removed {files:,} files, {size:,} bytes")


def compact(
    data: Annotated[str, typer.Argument(help="The folder or URL of a table elsewhere, such as s3://bucket/tickets.")],
    target_mb: Annotated[int | None, typer.Option(min=1, help="About how large a part becomes, in MB.")] = None,
) -> None:
    """Bundle a table's small parts into larger ones; no row changes, and earlier versions stay readable."""
    done = api.compact(data, target_bytes=None if target_mb is None else target_mb << 20)
    print(f"{data}: {done.before:,} parts became {done.after:,}")
