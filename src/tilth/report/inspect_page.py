"""Draw a look at data as one page: no network, no other file, and one small script that moves thresholds."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

from tilth.report import template
from tilth.report.bars import HEIGHT, WIDTH, Bars, bars
from tilth.report.inspection import Histogram, Inspection, Overlap, RuleLook

_MOST_RULES = 12
"""Of more rules, the matrix shows those that drop most."""


class Drawn(NamedTuple):
    """A histogram as the page shows it."""

    bars: Bars
    histogram: Histogram
    number: int
    side: str | None = None
    chosen: int = 0
    """Which edge is the threshold."""

    @property
    def data(self) -> dict[str, str]:
        """Return the numbers that the script reads."""
        found = self.histogram
        return {
            "side": self.side or "",
            "edges": json.dumps([float(f"{edge:.6g}") for edge in found.edges]),
            "counts": json.dumps(list(found.counts)),
            "places": json.dumps(list(self.bars.places)),
        }

    @property
    def region(self) -> tuple[float, float]:
        """Return where the dropped part begins, and how wide it is."""
        place = self.bars.places[self.chosen]
        return (0.0, place) if self.side == "least" else (place, WIDTH - place)


def write(found: Inspection, path: Path) -> Path:
    """Write the page; it appears whole or not at all. Needs jinja2."""
    from tilth.report.page import _replace

    path.parent.mkdir(parents=True, exist_ok=True)
    return _replace(path, render(found))


def render(found: Inspection) -> str:
    """Return the page. The same look gives the same page, to the byte.

    >>> page = render(Inspection(data="<script>alert(1)</script>", rows=0, files=1, column=None))
    >>> page.count("<script"), "&lt;script&gt;alert(1)" in page
    (1, True)
    """
    return template.page().environment.get_template("_inspect.html").render(_view(found))


def _view(found: Inspection) -> dict[str, Any]:
    here = Path(__file__)
    script = here.with_name("_inspect_script.html").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    css = [here.with_name(name).read_text(encoding="utf-8") for name in ("page.css", "inspect.css")]
    rules = sorted(found.rules, key=lambda rule: (-rule.dropped, rule.operator, rule.name))
    numbers = iter(range(10_000))
    return {
        "found": found,
        "css": "\n".join(css),
        "script": script,
        "digest": digest,
        "width": WIDTH,
        "height": HEIGHT,
        "dropping": [(rule, _of_rule(rule, next(numbers))) for rule in rules if rule.dropped],
        "idle": [(rule, _of_rule(rule, next(numbers))) for rule in rules if not rule.dropped],
        "statistics": [(one, drawn) for one in found.statistics if (drawn := _drawn(one.histogram, next(numbers)))],
        "constant": [one for one in found.statistics if one.histogram.low == one.histogram.high is not None],
        "operator_overlap": _shown(found.operator_overlap),
        "overlap": _shown(found.overlap),
        "most_rules": _MOST_RULES,
    }


def _of_rule(rule: RuleLook, number: int) -> Drawn | None:
    found = rule.histogram
    drawn = _drawn(found, number) if found else None
    if not drawn or not found or rule.threshold is None:
        return None
    nearest = min(range(len(found.edges)), key=lambda at: abs(found.edges[at] - (rule.threshold or 0.0)))
    return drawn._replace(side=rule.side, chosen=nearest)


def _drawn(found: Histogram, number: int) -> Drawn | None:
    drawn = bars(found)
    return Drawn(drawn, found, number) if drawn else None


def _shown(overlap: Overlap | None) -> Overlap | None:
    """Return the rules that drop most, most first; None where there are not two."""
    if overlap is None or len(overlap.names) < 2:
        return None
    order = sorted(range(len(overlap.names)), key=lambda at: (-overlap.rows[at][at], overlap.names[at]))[:_MOST_RULES]
    return Overlap(
        names=tuple(overlap.names[at] for at in order),
        rows=tuple(tuple(overlap.rows[at][other] for other in order) for at in order),
    )
