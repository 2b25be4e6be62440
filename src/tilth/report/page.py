"""Write a run's report: one file that needs no network, no script and no other file."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from tilth.report import curves, drawing, flow, heat, reading, template, whiskers
from tilth.report.drawing import Plot
from tilth.report.summary import Summary

PAGE = "report.html"
NUMBERS = "summary.json"
FEW = 20
"""Longer tables are folded."""
_SMALL_MATRIX = 12
_MOST_CONFUSIONS = 15


def write(summary: Summary, folder: Path) -> Path:
    """Write `report.html`, and `summary.json` beside it, and return the page's path.

    Each file appears whole or not at all. Needs jinja2; without matplotlib the page has tables and no plots.
    """
    folder.mkdir(parents=True, exist_ok=True)
    numbers = json.dumps(summary.to_json(), ensure_ascii=True, indent=1, allow_nan=False)
    _replace(folder / NUMBERS, f"{numbers}\n")
    return _replace(folder / PAGE, render(summary))


def render(summary: Summary) -> str:
    """Return the page. The same summary gives the same page, to the byte.

    >>> page = render(Summary(run="r1", name="<script>alert(1)</script>"))
    >>> "<script" in page, "&lt;script&gt;alert(1)" in page
    (False, True)
    """
    return template.page().render(_view(summary))


def _view(summary: Summary) -> dict[str, Any]:
    found = summary.evaluation
    history = reading.history(summary.training) if summary.training else []
    confusion = found.confusion if found else None
    return {
        "summary": summary,
        "css": Path(__file__).with_name("page.css").read_text(encoding="utf-8"),
        "notices": reading.notices(summary),
        "verdict": reading.verdict(found) if found else None,
        "account": reading.account(summary.accounts) if summary.accounts else "",
        "stayed": reading.stayed(summary.accounts),
        "bands": flow.bands(summary),
        "pieces": flow.pieces(summary),
        "rules": [
            (step, rule, rows) for step in summary.steps for rule, rows in sorted(step.by_rule.items(), key=_most)
        ],
        "shown": [step for step in summary.steps if step.examples],
        "splits": _splits(summary),
        "history": history,
        "best": reading.best_step(history),
        "confusions": reading.confusions(confusion, _MOST_CONFUSIONS) if confusion else [],
        "small_matrix": confusion is not None and len(confusion["labels"]) <= _SMALL_MATRIX,
        "facts": template.flat({**{f"{name} version": one for name, one in summary.versions.items()}, **summary.facts}),
        "few": FEW,
        "plots": _plots(summary) if drawing.ready() else {},
        "plotless": not drawing.ready() and bool(summary.training or found),
        "metric_of": reading.metric_of,
    }


def _plots(summary: Summary) -> dict[str, Plot]:
    drawn: dict[str, Plot | None] = {}
    if summary.training:
        history = reading.history(summary.training)
        drawn |= {"progress": curves.progress(history), "losses": curves.losses(history)}
    found = summary.evaluation
    if found:
        judged = reading.verdict(found)
        drawn["headline"] = whiskers.headline(found)
        drawn["slices"] = whiskers.slices(found.slices, judged.value if judged else None)
        if found.confusion and len(found.confusion["labels"]) > _SMALL_MATRIX:
            drawn["confusion"] = heat.heat(found.confusion)
        if found.calibration:
            drawn["reliability"] = curves.reliability(found.calibration)
        if found.risk_coverage:
            chosen = (found.abstention or {}).get("threshold")
            drawn["coverage"] = curves.coverage(found.risk_coverage, chosen)
    return {name: plot for name, plot in drawn.items() if plot}


def _splits(summary: Summary) -> list[str]:
    known = ["train", "valid", "test"]
    there = set(summary.split.counts) if summary.split else set()
    return [name for name in known if name in there] + sorted(there - set(known))


def _most(pair: tuple[str, int]) -> tuple[int, str]:
    return -pair[1], pair[0]


def _replace(path: Path, text: str) -> Path:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path
