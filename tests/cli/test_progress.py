"""Events as a person sees them: bars on a terminal, lines in a log, nothing when quiet."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from tilth.cli import _progress
from tilth.core import events

STORY: tuple[events.Event, ...] = (
    events.RunStarted(run="r1", recipe="recipe.yaml", stages=("acquire", "train")),
    events.StageStarted(stage="acquire", shards=2),
    events.ShardDone(stage="acquire", shard="0", rows=5),
    events.Noticed(stage="acquire", what="a.csv: read as gb18030 [not markup]", warning=True),
    events.StageDone(stage="acquire", seconds=1.25, counts={"a.csv": 10}),
    events.StageSkipped(stage="split", why="nothing it depends on changed"),
    events.StageStarted(stage="train"),
    events.Trained(step=3, steps=9, epoch=0.5, loss=0.25, tokens_per_s=1234.0),
    events.Evaluated(step=9, epoch=1.0, metric="macro_f1", value=0.5, best=True),
    events.TestOpened(model="m", rows=7),
    events.RunFailed(run="r1", error="disk full", resume="tilth run recipe.yaml"),
)


def test_bars_leave_a_line_for_each_thing_worth_keeping(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(
        _progress, "Console", lambda **options: Console(file=screen, force_terminal=True, width=120, highlight=False)
    )
    with _progress.Bars() as bars:
        for event in STORY:
            bars(event)
    said = screen.getvalue()
    for words in ("✓ acquire  1.2 s  a.csv 10", "[not markup]", "split  skipped", "macro_f1 0.5000  (best so far)",
                  "test opened: 7 rows", "✗ disk full", "1,234 tok/s"):  # fmt: skip
        assert words in said, words


def test_log_lines_say_the_same_without_drawing(capsys: pytest.CaptureFixture[str]) -> None:
    log = _progress.LogLines()
    for event in STORY:
        log(event)
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if "step 3 of 9" in line]
    assert not [line for line in lines if "\x1b" in line]


def test_json_lines_are_the_events_and_silence_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    for event in STORY:
        _progress.JsonLines()(event)
        _progress.Silent()(event)
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["kind"] for line in said] == [event.kind for event in STORY]
