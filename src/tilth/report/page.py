"""Write a run's report: one file that needs no network, no script and no other file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tilth.report import drawing, flow, plots, reading, words
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
    import jinja2

    page = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    page.filters.update({name: _of_known(write) for name, write in _FILTERS.items()})
    return page.get_template("page.html").render(_view(summary))


def _view(summary: Summary) -> dict[str, Any]:
    bands = flow.bands(summary)
    widest = max((max(band.rows, band.before) for band in bands), default=0)
    found = summary.evaluation
    confusion = found.confusion if found else None
    return {
        "summary": summary,
        "css": Path(__file__).with_name("page.css").read_text(encoding="utf-8"),
        "notices": reading.notices(summary),
        "verdict": reading.verdict(found) if found else None,
        "account": reading.account(summary.accounts) if summary.accounts else "",
        "stayed": reading.stayed(summary.accounts),
        "bands": bands,
        "pieces": flow.pieces(summary, widest),
        "rules": [(step, rule, rows) for step in summary.steps for rule, rows in sorted(step.by_rule.items(), key=_most)],
        "shown": [step for step in summary.steps if step.examples],
        "splits": _splits(summary),
        "best": reading.best_step(summary.training.history) if summary.training else None,
        "confusions": reading.confusions(confusion, _MOST_CONFUSIONS) if confusion else [],
        "small_matrix": bool(confusion) and len(confusion["labels"]) <= _SMALL_MATRIX,
        "facts": _flat({**summary.versions, **summary.facts}),
        "few": FEW,
        "plots": _plots(summary) if drawing.ready() else {},
        "plotless": not drawing.ready() and bool(summary.training or found),
        "metric_of": reading.metric_of,
    }


def _plots(summary: Summary) -> dict[str, Plot]:
    drawn: dict[str, Plot | None] = {}
    if summary.training:
        history = summary.training.history
        drawn |= {"progress": plots.progress(history), "losses": plots.losses(history)}
    found = summary.evaluation
    if found:
        judged = reading.verdict(found)
        drawn["headline"] = plots.headline(found)
        drawn["slices"] = plots.slices(found.slices, judged.value if judged else None)
        if found.confusion and len(found.confusion["labels"]) > _SMALL_MATRIX:
            drawn["confusion"] = plots.heat(found.confusion)
        if found.calibration:
            drawn["reliability"] = plots.reliability(found.calibration)
        if found.risk_coverage:
            chosen = (found.abstention or {}).get("threshold")
            drawn["coverage"] = plots.coverage(found.risk_coverage, chosen)
    return {name: plot for name, plot in drawn.items() if plot}


def _splits(summary: Summary) -> list[str]:
    known = ["train", "valid", "test"]
    there = set(summary.split.counts) if summary.split else set()
    return [name for name in known if name in there] + sorted(there - set(known))


def _most(pair: tuple[str, int]) -> tuple[int, str]:
    return -pair[1], pair[0]


def _flat(facts: Mapping[str, Any], above: str = "") -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    for name, value in facts.items():
        place = f"{above} · {words.heading(name)}" if above else words.heading(name)
        if isinstance(value, Mapping):
            lines += _flat(value, place)
        elif value is not None and value != "":
            many = isinstance(value, (list, tuple))
            lines.append((place, ", ".join(map(str, value)) if many else str(value)))
    return lines


def _unit(value: float | None) -> str:
    return f"{min(max(value or 0.0, 0.0), 1.0):.3f}"


def _thin(lines: Sequence[Any], most: int, keep: Any = None) -> list[Any]:
    """Return every n-th line, so that about `most` remain; the last, and the one to keep, always do."""
    every = max(-(-len(lines) // most), 1)
    return [line for at, line in enumerate(lines) if at % every == 0 or at == len(lines) - 1 or line is keep]


def _answer(value: Any) -> str:
    """Write a label, a list of labels, or a list of entities (type, first token, token after the last)."""
    if isinstance(value, (list, tuple)):
        told = [f"{one[0]} {one[1]}–{one[2] - 1}" if isinstance(one, (list, tuple)) else str(one) for one in value]
        return ", ".join(told) or "none"
    return "–" if value is None else str(value)


def _bend(value: float) -> str:
    # A cell with few rows still shows: the shade follows the square root.
    return _unit(value**0.5)


_FILTERS: dict[str, Callable[..., Any]] = {
    "count": words.count,
    "plural": words.plural,
    "share": words.share,
    "figure": words.figure,
    "tiny": words.tiny,
    "gain": words.gain,
    "between": words.between,
    "duration": words.duration,
    "ordinal": words.ordinal,
    "heading": words.heading,
    "excerpt": words.excerpt,
    "answer": _answer,
    "thin": _thin,
    "changes": words.changes,
    "flat": _flat,
    "unit": _unit,
    "bend": _bend,
}


def _of_known(write: Callable[..., Any]) -> Callable[..., Any]:
    from jinja2 import Undefined

    def known(value: Any, *rest: Any) -> Any:
        return write(*(None if isinstance(one, Undefined) else one for one in (value, *rest)))

    return known


def _finalize(value: Any) -> Any:
    """Make strangers' control characters visible; markup of ours passes as it is."""
    if value is None:
        return "–"
    return words.clean(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


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
