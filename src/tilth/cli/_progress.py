"""Show a run's events: bars on a terminal, lines in a log, JSON for programs."""

from __future__ import annotations

import json
import sys
import time
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from tilth.core import events
from tilth.core.events import Event


class JsonLines:
    """Print each event as a JSON line."""

    def __call__(self, event: Event) -> None:
        print(json.dumps(event.to_json(), ensure_ascii=False), flush=True)

    def __enter__(self) -> JsonLines:
        return self

    def __exit__(self, *exc: object) -> None:
        return None


class Silent(JsonLines):
    """Print nothing."""

    def __call__(self, event: Event) -> None:
        return None


class LogLines(JsonLines):
    """Print one line for each thing worth reading in a log file."""

    EVERY = 15.0
    """Seconds between two lines about the same training."""

    def __init__(self) -> None:
        self._said = 0.0

    def __call__(self, event: Event) -> None:
        if isinstance(event, events.Trained):
            now = time.monotonic()
            if now - self._said < self.EVERY and event.step < event.steps:
                return
            self._said = now
        line = said(event)
        if line:
            print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


class Bars:
    """Show a bar for the stage at work, and a line for each stage that is done."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def __call__(self, event: Event) -> None:
        if isinstance(event, events.StageStarted):
            self._show(event.stage, event.shards or None, event.done)
        elif isinstance(event, events.ShardDone) and self._task is not None:
            self._progress.advance(self._task)
        elif isinstance(event, events.Trained) and self._task is not None:
            note = f"epoch {event.epoch:.1f}  loss {event.loss:.3f}  {event.tokens_per_s:,.0f} tok/s"
            self._progress.update(self._task, total=event.steps, completed=event.step, note=note)
        elif not isinstance(event, events.ShardDone):
            line = said(event)
            if line:
                self._console.print(escape(line))
            if isinstance(event, (events.StageDone, events.StageSkipped)):
                self._hide()

    def _show(self, stage: str, total: int | None, done: int) -> None:
        self._hide()
        self._task = self._progress.add_task(stage, total=total, completed=done, note="")

    def _hide(self) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None


def said(event: Event) -> str | None:
    """Say an event in one line, or None where a log needs none."""
    match event:
        case events.RunStarted():
            return f"run {event.run}: {', '.join(event.stages)}"
        case events.StageStarted() if event.shards:
            done = f", {event.done} of them done before" if event.done else ""
            return f"{event.stage}: {event.shards} shards{done}"
        case events.StageDone():
            counts = ", ".join(f"{name} {count:,}" for name, count in event.counts.items())
            return f"✓ {event.stage}  {event.seconds:.1f} s" + (f"  {counts}" if counts else "")
        case events.StageSkipped():
            return f"· {event.stage}  skipped: {event.why}"
        case events.Noticed():
            return f"{'!' if event.warning else 'i'} {event.what}"
        case events.Trained():
            return f"train: step {event.step} of {event.steps}, loss {event.loss:.4f}, {event.tokens_per_s:,.0f} tok/s"
        case events.Evaluated():
            best = "  (best so far)" if event.best else ""
            return f"  valid: epoch {event.epoch:.2f}  {event.metric} {event.value:.4f}{best}"
        case events.TestOpened():
            return f"  test opened: {event.rows:,} rows"
        case events.RunFailed():
            return f"✗ {event.error}"
        case _:
            return None
