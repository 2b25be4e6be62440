"""Tell what happens: typed events, per shard and step, never per row. The library never prints.

The progress bar, the log lines, the dashboard and the tests are readers of these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, TypeAlias

from tilth.core.secret import hide


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened."""

    kind: ClassVar[str] = "event"

    def to_json(self) -> dict[str, Any]:
        """Return the event as JSON values, its kind first, without the secrets that this process knows."""
        return {"kind": self.kind, **{name: _plain(value) for name, value in asdict(self).items()}}


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return hide(value)
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value


Listener: TypeAlias = Callable[[Event], None]


@dataclass(frozen=True, kw_only=True)
class RunStarted(Event):
    """A run began, or goes on after a stop."""

    kind = "run_started"
    run: str
    recipe: str
    stages: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class StageStarted(Event):
    """A stage began: `shards` units of work, of which `done` were finished by an earlier run."""

    kind = "stage_started"
    stage: str
    shards: int = 0
    done: int = 0


@dataclass(frozen=True, kw_only=True)
class ShardDone(Event):
    """One shard of a stage is finished and kept."""

    kind = "shard_done"
    stage: str
    shard: str
    rows: int = 0


@dataclass(frozen=True, kw_only=True)
class StageDone(Event):
    """A stage is finished and committed. `counts`: rows in, kept, dropped and so on."""

    kind = "stage_done"
    stage: str
    seconds: float
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class StageSkipped(Event):
    """A stage did nothing because nothing it depends on changed."""

    kind = "stage_skipped"
    stage: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Noticed(Event):
    """Something a person should know: an encoding that was guessed, rows cut short, unknown tokens."""

    kind = "noticed"
    stage: str
    what: str
    warning: bool = False


@dataclass(frozen=True, kw_only=True)
class Trained(Event):
    """The learner took some steps."""

    kind = "trained"
    step: int
    steps: int
    epoch: float
    loss: float
    tokens_per_s: float = 0.0
    lr: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Evaluated(Event):
    """The learner looked at the validation rows."""

    kind = "evaluated"
    step: int
    epoch: float
    metric: str
    value: float
    best: bool


@dataclass(frozen=True, kw_only=True)
class TestOpened(Event):
    """The test rows were read by a model: each look counts."""

    kind = "test_opened"
    __test__: ClassVar[bool] = False
    model: str
    rows: int


@dataclass(frozen=True, kw_only=True)
class RunDone(Event):
    """A run is finished."""

    kind = "run_done"
    run: str
    seconds: float
    report: str


@dataclass(frozen=True, kw_only=True)
class RunFailed(Event):
    """A run ended early; what was finished is kept."""

    kind = "run_failed"
    run: str
    error: str
    resume: str


KINDS: dict[str, type[Event]] = {
    kind.kind: kind
    for kind in (
        RunStarted,
        StageStarted,
        ShardDone,
        StageDone,
        StageSkipped,
        Noticed,
        Trained,
        Evaluated,
        TestOpened,
        RunDone,
        RunFailed,
    )
}
