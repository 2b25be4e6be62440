"""Read a summary: is the model better than its baselines, what should a person know first, what is taken for what."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tilth.report import words
from tilth.report.summary import Evaluation, Json, Summary, Training

SMALLER_IS_BETTER = frozenset(
    ("loss", "nll", "perplexity", "error", "risk", "mae", "mse", "rmse", "mape", "smape", "wer", "cer", "ece", "brier")
)
"""Metrics of which less is better."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The one figure, and the best baseline beside it."""

    metric: str
    value: float
    low: float | None
    high: float | None
    level: float | None
    baseline: str | None
    """The name of the best baseline; None when there is none."""
    other: float | None
    """The best baseline's figure."""
    kind: str
    """`better`, `unclear`, `worse`, or `alone` without a baseline."""
    why: str
    """The verdict in words."""


class Mix(NamedTuple):
    """How often one label was taken for another."""

    truth: str
    predicted: str
    rows: int
    share: float
    """Of the rows with that true label."""


def verdict(evaluation: Evaluation) -> Verdict | None:
    """Judge the first headline metric against the best baseline; None without a headline.

    A measured difference decides where there is one; otherwise the model is better (or worse) only when the two
    intervals do not touch.

    >>> found = verdict(Evaluation(headline=({"name": "accuracy", "value": 0.9, "low": 0.88, "high": 0.92},),
    ...                            baselines=({"name": "most common class", "metrics": {"accuracy": 0.5}},)))
    >>> found.kind, found.baseline
    ('better', 'most common class')
    """
    main = next((line for line in evaluation.headline if _number(line.get("value")) is not None), None)
    if main is None:
        return None
    name = str(main["name"])
    ours = _ends(main)
    down = smaller_is_better(name)
    rivals = [(line, other) for line in evaluation.baselines if (other := metric_of(line, name)) is not None]
    if not rivals:
        return _verdict(main, None, None, "alone", "There is no baseline to compare it with.")
    line, other = min(rivals, key=lambda rival: rival[1]["value"] if down else -rival[1]["value"])
    measured = _difference(line, main)
    if measured is not None:
        low, high = (-measured[1], -measured[0]) if down else measured
        kind = "better" if low > 0 else "worse" if high < 0 else "unclear"
        reason = f"the difference on the same rows is {words.gain(measured[0])} to {words.gain(measured[1])}"
    else:
        theirs = _ends(other)
        low, high = (theirs[0] - ours[1], theirs[1] - ours[0]) if down else (ours[0] - theirs[1], ours[1] - theirs[0])
        kind = "better" if low > 0 else "worse" if high < 0 else "unclear"
        reason = "the intervals overlap" if kind == "unclear" else "the intervals do not touch"
    told = {"better": "Clearly better than", "worse": "Clearly worse than", "unclear": "Not clearly better than"}[kind]
    return _verdict(main, line, other, kind, f"{told} {line['name']} ({words.figure(other['value'])}): {reason}.")


def metric_of(line: Json, name: str) -> dict[str, Any] | None:
    """Return a baseline's metric as `value`, `low`, `high`; None when it has none."""
    found = line.get("metrics", {}).get(name)
    if isinstance(found, Mapping):
        return dict(found) if _number(found.get("value")) is not None else None
    return {"value": found} if _number(found) is not None else None


def smaller_is_better(metric: str) -> bool:
    """Tell whether less of a metric is better.

    >>> smaller_is_better("valid_loss"), smaller_is_better("macro_f1")
    (True, False)
    """
    name = metric.lower()
    return name.rpartition("_")[2] in SMALLER_IS_BETTER or name == "error_rate"


def notices(summary: Summary) -> list[str]:
    """List what a person should know before any figure: the run's warnings, then what the numbers themselves say."""
    found = list(summary.warnings)
    rejected = sum(source.rejected for source in summary.sources)
    if rejected:
        where = ", ".join(f"{line.name} {words.count(line.rejected)}" for line in summary.sources if line.rejected)
        found.append(f"{words.plural(rejected, 'record')} could not be read ({where}).")
    if not balances(summary.accounts):
        found.append(f"The account of rows does not balance: {account(summary.accounts)}.")
    if summary.evaluation:
        if summary.evaluation.test_looks > 1:
            found.append(
                f"The test rows were opened {summary.evaluation.test_looks} times: each look after the first makes the"
                " figure less trustworthy."
            )
        judged = verdict(summary.evaluation)
        if judged and judged.kind in ("unclear", "worse"):
            found.append(judged.why)
    return found


def balances(accounts: Mapping[str, int]) -> bool:
    """Tell whether rows in + expanded + grown = kept + dropped + failed.

    >>> balances({"rows_in": 3, "kept": 2, "dropped": 1}), balances({"rows_in": 3, "kept": 2})
    (True, False)
    """
    came, went = ("rows_in", "expanded", "grown"), ("kept", "dropped", "failed")
    return sum(accounts.get(name, 0) for name in came) == sum(accounts.get(name, 0) for name in went)


def account(accounts: Mapping[str, int]) -> str:
    """Write the account of rows as an equation.

    >>> account({"rows_in": 1200, "grown": 10, "kept": 1110, "dropped": 100})
    '1,200 in + 0 expanded + 10 grown = 1,110 kept + 100 dropped + 0 failed'
    """
    part = {name: words.count(accounts.get(name, 0)).replace("-", "−") for name in ACCOUNTS}
    came = f"{part['rows_in']} in + {part['expanded']} expanded + {part['grown']} grown"
    went = f"{part['kept']} kept + {part['dropped']} dropped + {part['failed']} failed"
    return f"{came} {'=' if balances(accounts) else '≠'} {went}"


def stayed(accounts: Mapping[str, int]) -> str:
    """Say what share of the rows that came in stayed, and what was added; "" where rows became several rows.

    >>> stayed({"rows_in": 1000, "kept": 910, "dropped": 100, "grown": 10})
    '90.0% of the rows in, and 10 grown'
    """
    rows_in, grown = accounts.get("rows_in", 0), accounts.get("grown", 0)
    if accounts.get("expanded") or not rows_in:
        return ""
    share = words.share(accounts.get("kept", 0) - grown, rows_in)
    return f"{share} of the rows in" + (f", and {words.count(grown)} grown" if grown else "")


ACCOUNTS = ("rows_in", "expanded", "grown", "kept", "dropped", "failed")


def confusions(confusion: Json, most: int = 20) -> list[Mix]:
    """List the pairs of different labels that are mixed up most often.

    >>> confusions({"labels": ["a", "b"], "rows": [[8, 2], [0, 5]]})
    [Mix(truth='a', predicted='b', rows=2, share=0.2)]
    """
    labels: Sequence[str] = confusion["labels"]
    found = []
    for truth, line in zip(labels, confusion["rows"], strict=True):
        whole = sum(line)
        found += [
            Mix(truth, predicted, rows, rows / whole)
            for predicted, rows in zip(labels, line, strict=True)
            if rows and predicted != truth
        ]
    return sorted(found, key=lambda mix: (-mix.rows, mix.truth, mix.predicted))[:most]


def history(training: Training) -> list[Json]:
    """Return the learner's reports with `metric` and `value`, and `best` where the facts name the best step.

    A learner may report its metrics by name; the facts' `metric` then says which of them chose the checkpoint.

    >>> history(Training(learner="fine_tune", history=({"step": 5, "macro_f1": 0.7},),
    ...                  facts={"metric": "macro_f1", "best_step": 5}))
    [{'step': 5, 'macro_f1': 0.7, 'metric': 'macro_f1', 'value': 0.7, 'best': True}]
    """
    name, best = training.facts.get("metric"), training.facts.get("best_step")
    lines: list[Json] = []
    for line in training.history:
        if line.get("value") is None and isinstance(name, str) and _number(line.get(name)) is not None:
            line = {**line, "metric": name, "value": line[name]}
        if line.get("value") is not None and best is not None and line.get("step") == best:
            line = {**line, "best": True}
        lines.append(line)
    return lines


def best_step(history: Sequence[Json]) -> Json | None:
    """Return the report of the checkpoint that was kept: the one marked `best`, else the one with the best value.

    >>> best_step([{"step": 1, "metric": "loss", "value": 0.5}, {"step": 2, "metric": "loss", "value": 0.4}])["step"]
    2
    """
    measured = [line for line in history if _number(line.get("value")) is not None]
    marked = [line for line in measured if line.get("best") is True]
    if marked or not measured:
        return marked[-1] if marked else None
    down = smaller_is_better(str(measured[0].get("metric", "")))
    return min(measured, key=lambda line: line["value"] if down else -line["value"])


def _verdict(main: Json, line: Json | None, other: Json | None, kind: str, why: str) -> Verdict:
    return Verdict(
        metric=str(main["name"]),
        value=float(main["value"]),
        low=_number(main.get("low")),
        high=_number(main.get("high")),
        level=_number(main.get("level")),
        baseline=None if line is None else str(line["name"]),
        other=None if other is None else float(other["value"]),
        kind=kind,
        why=why,
    )


def _difference(line: Json, main: Json) -> tuple[float, float] | None:
    """Return the interval of a measured difference, if it is one of this very figure."""
    paired = line.get("difference") or {}
    found, ours = paired.get("difference") or {}, _number(paired.get("ours"))
    if ours is None or not math.isclose(ours, float(main["value"]), rel_tol=1e-9, abs_tol=1e-12):
        return None
    if _number(found.get("low")) is None or _number(found.get("high")) is None:
        return None
    return float(found["low"]), float(found["high"])


def _ends(line: Json) -> tuple[float, float]:
    low, high, value = _number(line.get("low")), _number(line.get("high")), float(line["value"])
    return value if low is None else low, value if high is None else high


def _number(value: Any) -> float | None:
    return None if value is None or isinstance(value, (bool, str, Mapping)) else float(value)
