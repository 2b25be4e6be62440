"""Hold what the catalogue says of runs, and put two of them side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

LIST = (
    "project", "run", "name", "started", "seconds", "status", "sample", "task", "rows_in", "kept", "dropped", "failed",
    "data_version", "data_fingerprint", "model_version", "report", "model",
)  # fmt: skip
"""What a list reads; never the details, which are long."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured number of a run, with its interval."""

    name: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    """The level of the interval, such as 0.95."""


@dataclass(frozen=True, kw_only=True)
class RunLine:
    """One run as a list shows it."""

    project: str
    run: str
    name: str | None = None
    started: str | None = None
    seconds: float | None = None
    status: str | None = None
    """done, failed or unfinished."""
    sample: int | None = None
    task: str | None = None
    rows_in: int | None = None
    kept: int | None = None
    dropped: int | None = None
    failed: int | None = None
    data_version: int | None = None
    data_fingerprint: str | None = None
    model_version: int | None = None
    report: str | None = None
    model: str | None = None
    figures: tuple[Figure, ...] = ()
    """The headline; the first is the one figure."""


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Two runs side by side."""

    one: RunLine
    other: RunLine
    figures: tuple[tuple[str, Figure | None, Figure | None, float | None], ...]
    """By name: what each measured, and the second less the first."""
    differences: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    """What else differs: facts, steps, stages' seconds, by name."""


def compared(one: RunLine, other: RunLine, before: Mapping[str, Any], after: Mapping[str, Any]) -> Compared:
    """Put two runs side by side; `before` and `after` are their details."""
    first = {figure.name: figure for figure in one.figures}
    second = {figure.name: figure for figure in other.figures}
    figures = []
    for name in [*first, *(name for name in second if name not in first)]:
        left, right = first.get(name), second.get(name)
        values = [None if figure is None else figure.value for figure in (left, right)]
        change = None if values[0] is None or values[1] is None else values[1] - values[0]
        figures.append((name, left, right, change))
    facts = {name: (getattr(one, name), getattr(other, name)) for name in LIST[2:] if name not in _PASSED_OVER}
    for place in ("facts", "splits"):
        left_facts, right_facts = before.get(place, {}), after.get(place, {})
        names = [*left_facts, *(name for name in right_facts if name not in left_facts)]
        facts |= {name: (left_facts.get(name), right_facts.get(name)) for name in names}
    facts |= {name: (before.get(name), after.get(name)) for name in ("recipe", "learner", "backbone")}
    facts |= _steps(before.get("steps", []), after.get("steps", []))
    differences = {name: pair for name, pair in facts.items() if pair[0] != pair[1]}
    return Compared(one=one, other=other, figures=tuple(figures), differences=differences)


_PASSED_OVER = ("started", "report", "model")


def _steps(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Any, Any]]:
    found: dict[str, tuple[Any, Any]] = {}
    for at in range(max(len(before), len(after))):
        left, right = (some[at] if at < len(some) else None for some in (before, after))
        found[f"step {at}"] = (_said(left), _said(right))
    return found


def _said(step: Mapping[str, Any] | None) -> str | None:
    if step is None:
        return None
    options = f"({step['options']})" if step.get("options") else ""
    return f"{step['operator']}{options}: kept {step['kept']:,}, dropped {step['dropped']:,}, failed {step['failed']:,}"
