"""Plot figures with their intervals: the model beside its baselines, and slices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tilth.report import reading, words
from tilth.report.drawing import INK, KEPT, LINE, LOST, MUTED, PAPER, Plot, Words, draw
from tilth.report.summary import Evaluation, Json

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH = 4.9


def headline(evaluation: Evaluation) -> Plot | None:
    """Plot the one figure and its interval beside the baselines; None without a baseline."""
    judged = reading.verdict(evaluation)
    if judged is None or judged.baseline is None:
        return None
    lines = [("this model", {"value": judged.value, "low": judged.low, "high": judged.high})]
    for line in evaluation.baselines:
        found = reading.metric_of(line, judged.metric)
        if found is not None:
            lines.append((str(line["name"]), found))
    metric = words.heading(judged.metric)

    def paint(figure: Figure, say: Words) -> None:
        axes = figure.add_subplot(xlabel=say(metric))
        for at, (_, found) in enumerate(lines):
            _whisker(axes, found, at, marker="o" if at == 0 else "s", colour=KEPT if at == 0 else MUTED, full=at == 0)
        _rows(axes, [say(name) for name, _ in lines])

    told = ", ".join(f"{name} {words.figure(found['value'])}" for name, found in lines)
    return draw("headline", (_WIDTH, 0.9 + 0.36 * len(lines)), paint, alt=f"Dots and intervals of {metric}: {told}.")


def slices(lines: Sequence[Json], overall: float | None, most: int = 24) -> Plot | None:
    """Plot the figure of each slice with its interval, flagged ones marked; None for fewer than two slices."""
    if len(lines) < 2:
        return None
    shown = [line for line in lines if line.get("worse")] + [line for line in lines if not line.get("worse")]
    shown = [line for line in shown if line["metric"].get("value") is not None][:most]

    def paint(figure: Figure, say: Words) -> None:
        axes = figure.add_subplot()
        if overall is not None:
            axes.axvline(overall, color=INK, linewidth=1.2, linestyle=":")
        for at, line in enumerate(shown):
            judged = line.get("judged") is not False
            colour = LOST if line.get("worse") else KEPT if judged else MUTED
            full = judged and not line.get("worse")
            _whisker(axes, line["metric"], at, marker="D" if line.get("worse") else "o", colour=colour, full=full)
        _rows(
            axes,
            [say(f"{line['column']} = {line['value']}", 32) for line in shown],
        )

    flagged = [f"{line['column']} = {line['value']}" for line in shown if line.get("worse")]
    alt = f"Dots and intervals of {len(shown)} slices, the dotted line is all rows; " + (
        f"flagged: {', '.join(flagged)}." if flagged else "none is flagged."
    )
    return draw("slices", (_WIDTH, 0.6 + 0.3 * len(shown)), paint, alt=alt)


def _whisker(axes: Axes, found: Json, at: int, *, marker: str, colour: str, full: bool) -> None:
    value, low, high = float(found["value"]), found.get("low"), found.get("high")
    if low is not None and high is not None:
        axes.plot([float(low), float(high)], [at, at], color=colour, marker="|", markersize=8, markeredgewidth=1.8)
    axes.plot([value], [at], marker=marker, markersize=5.5, color=colour, markerfacecolor=colour if full else PAPER)
    axes.annotate(words.figure(value), (1.02, at), xycoords=("axes fraction", "data"), va="center")


def _rows(axes: Axes, names: list[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.grid(False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.spines["bottom"].set_color(LINE)
    axes.margins(x=0.08)
