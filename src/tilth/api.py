"""Call Tilth from Python: what the command line, the dashboard and a notebook share."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tilth.core import registry
from tilth.core.errors import ModelError, did_you_mean
from tilth.core.events import Listener
from tilth.recipe import check as checking
from tilth.recipe.model import Recipe

if TYPE_CHECKING:
    from tilth.report.inspection import Inspection
    from tilth.run.probe import Told
    from tilth.run.runner import Ran
    from tilth.run.versions import Compared
    from tilth.serve.predictor import Predictor
    from tilth.tables._compact import Compacted
    from tilth.tables.gc import Swept
    from tilth.tables.table import Committed


def check(path: str | Path, overrides: Iterable[str] = ()) -> Recipe:
    """Read and check a recipe; opens nothing. Raises `RecipeError`: file, line, what is wanted, the likely typo."""
    return checking.load(Path(path), overrides)


def run(
    recipe: str | Path | Recipe,
    *overrides: str,
    root: str | Path | None = None,
    sample: int | None = None,
    workers: int = 0,
    device: str = "auto",
    refresh: bool = True,
    listen: Listener = lambda event: None,
    stop: Callable[[], bool] = lambda: False,
) -> Ran:
    """Carry a recipe out, from its sources to an evaluated model; what is unchanged is skipped, what was begun resumes.

    `overrides` are `key=value` texts; `sample` runs the whole way on about so many rows; `workers` 0 means one a core;
    `device` is auto, cpu or cuda; without `refresh`, what crawls, APIs, archives and buckets gave before is read and
    nothing new asked for. Raises a `TilthError`; finished work is kept.
    """
    from tilth.run import runner

    checked = recipe if isinstance(recipe, Recipe) else check(recipe, overrides)
    return runner.run(
        checked,
        root=Path(root) if root else None,
        sample=sample,
        workers=workers,
        device=device,
        refresh=refresh,
        listen=listen,
        stop=stop,
    )


def probe(recipe: str | Path | Recipe, *overrides: str, root: str | Path | None = None) -> Iterator[Told]:
    """Try every connection of a recipe for real: reach it, log in, check each right that a run will need.

    Yields findings in the order of the recipe, each with what to do; reads no data and leaves nothing behind. Raises
    `RecipeError` where the recipe is wrong.
    """
    from tilth.run import probe as probing

    checked = recipe if isinstance(recipe, Recipe) else check(recipe, overrides)
    return probing.probe(checked, Path(root) if root else None)


def inspect(
    data: str | Path,
    *,
    column: str | None = None,
    rules: Iterable[str] | None = None,
    rows: int | None = None,
    duplicates: bool = True,
    languages: bool = True,
    workers: int = 0,
    listen: Listener = lambda event: None,
) -> Inspection:
    """Look at a file, folder, pattern or recipe before deciding: columns, statistics, what rules and duplicates drop.

    `column` is the text column (by default a guess); `rules` names operators to try with their defaults (by default all
    rule sets, or a recipe's own); `rows` looks at about so many, chosen evenly. Changes and writes nothing.
    """
    from tilth.run import inspect as inspecting

    return inspecting.inspect(
        str(data),
        column=column,
        rules=None if rules is None else tuple(rules),
        rows=rows,
        duplicates=duplicates,
        languages=languages,
        workers=workers,
        listen=listen,
    )


def data_sets(root: str | Path = ".") -> list[str]:
    """Name the data sets of a project."""
    from tilth.run import versions as looking
    from tilth.tables.project import Project

    return looking.data_sets(Project(str(root)))


def versions(data: str, *, root: str | Path = ".") -> list[Committed]:
    """List a data set's versions, newest first. Raises `DataError` when there is no such data set."""
    from tilth.run import versions as looking
    from tilth.tables.project import Project

    return looking.history(Project(str(root)), data)


def checkout(data: str, version: int, *, root: str | Path = ".") -> int:
    """Make an earlier version of a data set the newest again; returns the new version's number.

    Raises `DataError` when there is no such data set or version, `LeaseHeld` while a run is at work.
    """
    from tilth.run import versions as looking
    from tilth.tables.project import Project

    return looking.restore(Project(str(root)), data, version).number


def gc(
    data: str | None = None,
    *,
    root: str | Path = ".",
    days: float = 7.0,
    keep_versions: int | None = None,
    keep_days: float | None = None,
) -> Swept:
    """Remove files that crashes left in a project so many days ago, or more; every version stays.

    `data` is the folder or URL of a table elsewhere: others may read and write it meanwhile, and its versions beyond
    `keep_versions` or older than `keep_days` are given up where one is given. Raises `LeaseHeld` while a run is at work
    in the project, `DataError` where there is no such table.
    """
    from tilth.run import versions as looking
    from tilth.tables.project import Project

    if data is not None:
        return looking.collect(data, days * 86400, keep_versions, keep_days)
    return looking.sweep(Project(str(root)), days * 86400)


def compact(data: str, *, target_bytes: int | None = None) -> Compacted:
    """Bundle the small parts of a table elsewhere (a folder or a URL) in a commit that changes no row.

    Raises `DataError` where there is no such table.
    """
    from tilth.run import versions as looking

    return looking.compact(data, target_bytes)


@contextlib.contextmanager
def diff(
    data: str, before: int | None = None, after: int | None = None, *, root: str | Path = ".", workers: int = 1
) -> Iterator[Compared]:
    """Compare two versions of a data set, by default the newest with the one before: rows that came, went, changed.

    The rows can be read within the `with` block. Raises `DataError` when there is no such data set or version.
    """
    from tilth.engines.local import Local
    from tilth.run import versions as looking
    from tilth.tables.project import Project

    with Local(workers=workers) as engine:
        yield looking.compare(Project(str(root)), data, before, after, engine)


def load(path: str | Path, *, device: str = "auto", code: Iterable[str | Path] = ()) -> Predictor:
    """Load a servable model: a bundle's folder, or a model's name for its newest version in this project.

    `code` names your own operator files, where the recipe had any: a bundle carries their hash, never the code. Raises
    `ModelError` where there is no bundle, or it is cut short or tampered with.
    """
    from tilth.serve import bundle
    from tilth.serve.predictor import Predictor

    load_code(code)
    return Predictor(bundle.read(find_model(path), device=device))


def load_code(paths: Iterable[str | Path]) -> None:
    """Load users' own operator files. Raises `RecipeError` where one is missing or does not import."""
    for path in paths:
        registry.load_code(Path(path), checking.ROOMS["refine"])


def find_model(path: str | Path, root: Path | None = None) -> Path:
    """Return the bundle's folder that a path, a model's name or `name/version` stands for."""
    folder = Path(path)
    if (folder / "bundle.json").is_file():
        return folder
    models = (root or Path.cwd()) / ".tilth" / "models"
    name, _, version = str(path).strip("/").partition("/")
    known = sorted(one.name for one in models.iterdir()) if models.is_dir() else []
    if name in known:
        found = [one for one in (models / name).iterdir() if (one / "bundle.json").is_file()]
        chosen = [one for one in found if one.name == version] if version else sorted(found, key=_number)[-1:]
        if chosen:
            return chosen[0]
    if folder.is_dir():
        return folder
    raise ModelError(
        f'no model "{path}"',
        wanted="a bundle's folder, or the name of a model in this project" + (f": {', '.join(known)}" if known else ""),
        do=did_you_mean(str(path), known) or "Train one first: tilth run recipe.yaml",
    )


def _number(folder: Path) -> int:
    return int(folder.name) if folder.name.isdecimal() else -1
