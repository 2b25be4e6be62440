"""Run a recipe from its sources to an evaluated, servable model; skip what is unchanged, resume what was begun."""

from __future__ import annotations

import contextlib
import datetime
import errno
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tilth.bytes.cache import open_cache, using
from tilth.bytes.lease import lease
from tilth.core.errors import Terminal, TilthError, first_line
from tilth.core.events import (
    Event,
    Listener,
    Noticed,
    RunDone,
    RunFailed,
    RunStarted,
    StageDone,
    StageSkipped,
)
from tilth.core.secret import hide
from tilth.recipe import fill
from tilth.recipe.model import Recipe
from tilth.report import page
from tilth.report.summary import StageLine, Summary
from tilth.run import summary as summaries
from tilth.run.acquire import acquire
from tilth.run.assign import assign
from tilth.run.catalogue import Catalogue, catalogue_url
from tilth.run.cluster import cluster
from tilth.run.done import Done
from tilth.run.evaluate import evaluate
from tilth.run.learn import learn
from tilth.run.log import EventLog
from tilth.run.machines import engine_for
from tilth.run.plan import lay_out
from tilth.run.refine import refine
from tilth.run.screen import screen
from tilth.run.stages import Work
from tilth.run.store import store
from tilth.tables.project import Project

UNCHANGED = "nothing it depends on changed"


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What a run left."""

    run: str
    summary: Summary
    report: Path
    bundle: Path | None
    """The servable model, where the recipe trains one."""


def run(
    recipe: Recipe,
    *,
    root: Path | None = None,
    sample: int | None = None,
    workers: int = 0,
    device: str = "auto",
    refresh: bool = True,
    listen: Listener = lambda event: None,
    stop: Callable[[], bool] = lambda: False,
) -> Ran:
    """Carry a recipe out.

    `root` is the project's folder (default: the recipe's); without `refresh`, crawls, APIs, archives and buckets
    are not asked again: what landed before is read. Raises a `TilthError`; what was finished is kept, and
    running again goes on from there.
    """
    plan = lay_out(recipe)
    with _said_by_the_system():
        project = Project(str(root or Path(recipe.path).resolve().parent))
        name = project.new_run()
        spill = project.folder / "tmp"
        with (
            lease(project.root, owner=f"run {name}"),
            engine_for(recipe, workers=workers, spill=spill, stop=stop) as engine,
        ):
            # What a killed run left; the lease says that no other run is at work here.
            shutil.rmtree(spill, ignore_errors=True)
            if recipe.lake is not None:
                project.lay(_anchored(recipe.lake, recipe))
            work = Work(
                recipe=recipe,
                plan=plan,
                project=project,
                engine=engine,
                emit=listen,
                stop=stop,
                sample=sample,
                device=device,
                refresh=refresh,
            )
            with using(open_cache(recipe.cache, secret=project.salt, folder=project.folder)):
                return _logged(work, name, project.run(name))


def _anchored(lake: str, recipe: Recipe) -> str:
    return lake if "://" in lake else str(Path(recipe.path).resolve().parent / lake)


def _logged(work: Work, name: str, folder: Path) -> Ran:
    """Run the stages, with a log of events beside the report."""
    recipe, listen, project = work.recipe, work.emit, work.project
    log = EventLog(folder / "events")
    done = Done()
    started = time.time()

    def tell(event: Event) -> None:
        if isinstance(event, Noticed):
            event = replace(event, what=hide(event.what))
        log(event)
        if isinstance(event, Noticed):
            done.notices.append(event)
        listen(event)

    work = replace(work, emit=tell)
    head = f"# As it ran, every default written out. Paths are relative to the folder of {Path(recipe.path).name}.\n"
    (folder / "recipe.yaml").write_text(head + fill.as_yaml(recipe), encoding="utf-8")
    tell(RunStarted(run=name, recipe=recipe.path, stages=work.plan.stages))
    try:
        with _said_by_the_system():
            _stages(work, done)
    except BaseException as error:
        # A full disk must not hide what went wrong.
        with contextlib.suppress(OSError):
            if isinstance(error, TilthError):
                tell(RunFailed(run=name, error=str(error), resume=f"tilth run {recipe.path}"))
            log.flush()
        raise
    seconds = time.time() - started
    page_path = str(folder / "report.html")
    found = summaries.build(work, done, run=name, started=_moment(started), seconds=seconds, report=page_path)
    report = page.write(found, folder)
    said = Catalogue.of(project, catalogue_url()).note(project, found)
    if said:
        tell(Noticed(stage="report", what=said, warning=True))
    tell(RunDone(run=name, seconds=round(time.time() - started, 1), report=str(report)))
    log.flush()
    return Ran(run=name, summary=found, report=report, bundle=done.evaluated.bundle if done.evaluated else None)


def _stages(work: Work, done: Done) -> None:
    with _timed(work, done, "acquire") as told:
        done.acquired = acquire(work)
        told(done.acquired.skipped, {source["name"]: source["rows"] for source in done.acquired.sources})
    with _timed(work, done, "cluster") as told:
        done.clustered = cluster(work, done.acquired)
        told(done.clustered.skipped, {})
    with _timed(work, done, "split") as told:
        done.assigned = assign(work, done.acquired, done.clustered)
        told(done.assigned.skipped, {})
    if work.plan.screens:
        with _timed(work, done, "screen") as told:
            done.assigned = screen(work, done.acquired, done.assigned)
            told(done.assigned.skipped, {})
    with _timed(work, done, "refine") as told:
        done.refined = refine(work, done.acquired, done.assigned)
        told(done.refined.skipped, {"rows": done.refined.rows})
    if work.recipe.store:
        with _timed(work, done, "store") as told:
            done.stored = store(work, done.refined)
            told(done.stored.skipped, {one.kind: one.rows for one in done.stored.sinks})
    if work.recipe.train is None:
        return
    with _timed(work, done, "train") as told:
        done.learned = learn(work, done.refined, seed=work.recipe.seed)
        told(done.learned.skipped, {})
    with _timed(work, done, "evaluate") as told:
        done.evaluated = evaluate(work, done.refined, done.learned)
        told(done.evaluated.skipped, {})


@contextmanager
def _said_by_the_system() -> Iterator[None]:
    """Say what the system refused (a full disk, a file that went away) in one line."""
    try:
        yield
    except OSError as error:
        full = error.errno == errno.ENOSPC
        raise Terminal(
            error.strerror or first_line(error),
            where=str(error.filename) if error.filename else None,
            do=("Free some space, then run again" if full else "Run again") + ": what was finished is kept.",
        ) from error


@contextmanager
def _timed(work: Work, done: Done, stage: str) -> Iterator[Callable[[bool, dict[str, int]], None]]:
    """Time a stage, and tell whether it was done or skipped."""
    began = time.perf_counter()
    found: list[tuple[bool, dict[str, int]]] = []
    yield lambda skipped, counts: found.append((skipped, counts))
    seconds = round(time.perf_counter() - began, 3)
    skipped, counts = found[-1]
    if skipped:
        work.tell(StageSkipped(stage=stage, why=UNCHANGED))
        done.lines.append(StageLine(name=stage, seconds=seconds, status="skipped", why=UNCHANGED))
    else:
        work.tell(StageDone(stage=stage, seconds=seconds, counts=counts))
        done.lines.append(StageLine(name=stage, seconds=seconds))


def _moment(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="seconds")
