"""Say what learns: data in views, a context, and a model that is one more mapper."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from tilth.core.batch import Batch
from tilth.core.engine import Rows
from tilth.core.events import Event


@dataclass(frozen=True, kw_only=True)
class Signature:
    """What a model takes and gives: column names to type words, such as `{"text": "string"}`."""

    inputs: Mapping[str, str]
    outputs: Mapping[str, str]


@runtime_checkable
class Model(Protocol):
    """A trained model: a mapper that adds its answer as columns, whatever the row's neighbours in the batch."""

    @property
    def signature(self) -> Signature: ...

    def map(self, batch: Batch) -> Batch: ...

    def save(self, folder: Path) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Views:
    """The data a learner sees. There is no test view: a learner cannot look."""

    train: Rows
    valid: Rows | None = None


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a learner may use beside the data."""

    seed: int = 0
    checkpoints: Path | None = None
    """A folder for checkpoints: a fit that finds one of the same fingerprint goes on from it."""
    report: Callable[[Event], None] = lambda event: None
    stop: Callable[[], bool] = lambda: False
    """True when the user asked to stop: save a checkpoint and raise `Stopped`."""
    device: str = "auto"
    """auto, cpu or cuda."""


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """What a fit gives."""

    model: Model
    history: tuple[Mapping[str, Any], ...] = ()
    """One mapping an evaluation: step, epoch, loss, metric …: JSON values, for curves."""
    notes: Mapping[str, Any] = field(default_factory=dict)
    """What a later fit or a report needs: seconds, tokens, best step, truncated rows, unknown tokens …"""


@runtime_checkable
class Learner(Protocol):
    """Fit a model to train rows; validation rows choose the best checkpoint."""

    def fit(self, data: Views, context: Context) -> Fitted: ...
