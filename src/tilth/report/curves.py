"""Plot curves: loss and metric over training, accuracy over confidence, errors over coverage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tilth.report import reading, words
from tilth.report.drawing import KEPT, LOST, MUTED, NEW, PAPER, Plot, Words, draw
from tilth.report.summary import Json

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

_SMALL, _TALL = (4.7, 3.1), (4.7, 3.9)
_MOST_POINTS = 400


def losses(history: Sequence[Json]) -> Plot | None:
    """Plot training and validation loss over steps, and the learning rate below; None without two losses."""
    lines = {
        "training loss": _points(history, "loss"),
        "validation loss": _points(history, "valid_loss"),
    }
    lines = {name: points for name, points in lines.items() if len(points) > 1}
    if not lines:
        return None
    rates = _points(history, "lr")
    told = "; ".join(
        f"{name} from {words.figure(points[0][1])} to {words.figure(points[-1][1])}" for name, points in lines.items()
    )
    if rates:
        told += f"; learning rate at most {words.tiny(max(rate for _, rate in rates))}"
    last = max(points[-1][0] for points in lines.values())

    def paint(figure: Figure, say: Words) -> None:
        axes, below = _with_foot(figure) if rates else (figure.add_subplot(), None)
        for (name, points), colour, dash in zip(lines.items(), (KEPT, NEW), ("-", "--"), strict=False):
            axes.plot(*zip(*points, strict=True), dash, color=colour, label=name, marker=_marker(points, "o"))
        axes.set_ylabel("loss")
        if len(lines) > 1:
            _legend(axes)
        if below is not None:
            below.plot(*zip(*rates, strict=True), color=MUTED)
            below.set_ylabel("rate")
            below.yaxis.set_major_locator(_locator(2))
            below.yaxis.set_major_formatter(lambda value, _: words.tiny(value))
            below.set_ylim(bottom=0)
        (below or axes).set_xlabel("step")

    return draw("losses", _TALL if rates else _SMALL, paint, alt=f"Line plot over {words.count(last)} steps: {told}.")


def progress(history: Sequence[Json]) -> Plot | None:
    """Plot the validation metric over steps, the checkpoint that was kept marked; None without two values."""
    points, best = _points(history, "value"), reading.best_step(history)
    if len(points) < 2 or best is None:
        return None
    name = str(best.get("metric") or "metric")
    metric = words.heading(name)
    at, value = _number(best.get("step")) or 0.0, float(best["value"])
    down = reading.smaller_is_better(name)
    start, end = points[0][0], points[-1][0]

    def paint(figure: Figure, say: Words) -> None:
        axes = figure.add_subplot(xlabel="step", ylabel=say(f"{metric} on validation", 40))
        axes.plot(*zip(*points, strict=True), color=KEPT, marker=_marker(points, "o"))
        axes.plot([at], [value], marker="*", markersize=15, color=LOST, markeredgecolor=PAPER, linestyle="none")
        side = "left" if at < start + 0.2 * (end - start) else "right" if at > end - 0.2 * (end - start) else "center"
        # The curve never lies on the far side of its best point: the label stands there.
        axes.annotate(
            f"best {words.figure(value)}",
            (at, value),
            xytext=(0, -11 if down else 11),
            textcoords="offset points",
            ha=side,
            va="top" if down else "bottom",
        )
        axes.margins(y=0.14)

    alt = (
        f"Line plot of {metric} on validation rows, from {words.figure(points[0][1])} to {words.figure(points[-1][1])};"
        f" best {words.figure(value)} at step {words.count(at)}."
    )
    return draw("progress", _TALL if _points(history, "lr") else _SMALL, paint, alt=alt)


def reliability(calibration: Json) -> Plot | None:
    """Plot accuracy against confidence, before and after calibration, and how many rows lie where."""
    found = {name: (calibration.get(name) or {}).get("reliability") or [] for name in ("before", "after")}
    if not found["after"]:
        return None

    def paint(figure: Figure, say: Words) -> None:
        axes, below = _with_foot(figure)
        axes.plot([0, 1], [0, 1], ":", color=MUTED, linewidth=1.2)
        for name, style, colour in (("before", "s--", MUTED), ("after", "o-", KEPT)):
            bins = found[name]
            axes.plot(
                [one["confidence"] for one in bins],
                [one["accuracy"] for one in bins],
                style,
                color=colour,
                markerfacecolor=PAPER if name == "before" else colour,
                label=f"{name} calibration",
            )
        axes.set(xlim=(0, 1), ylim=(-0.03, 1.03), ylabel="accuracy")
        _legend(axes)
        after = found["after"]
        middles = [(one["low"] + one["high"]) / 2 for one in after]
        widths = [(one["high"] - one["low"]) * 0.9 for one in after]
        below.bar(middles, [one["rows"] for one in after], widths, color=KEPT, alpha=0.6)
        below.set(xlabel="confidence", ylabel="rows")
        below.grid(False)

    gaps = [f"{name} {words.figure((calibration.get(name) or {}).get('ece'))}" for name in found if found[name]]
    alt = f"Reliability diagram: accuracy against confidence; expected calibration error {', '.join(gaps)}."
    return draw("reliability", _TALL, paint, alt=alt)


def coverage(curve: Json, threshold: float | None = None) -> Plot | None:
    """Plot the error rate among answered rows against the share of rows answered; None without points.

    The point that a threshold leads to on these rows is marked: the last whose confidence is still enough.
    """
    found = curve.get("points") or []
    points = [(float(one["coverage"]), 1 - float(one["accuracy"])) for one in found]
    if not points:
        return None
    enough = [] if threshold is None else [at for at, one in enumerate(found) if float(one["threshold"]) >= threshold]
    near = points[enough[-1]] if enough else None

    def paint(figure: Figure, say: Words) -> None:
        axes = figure.add_subplot(xlabel="share of rows answered", ylabel="errors among them")
        axes.plot(*zip(*points, strict=True), color=KEPT, marker=_marker(points, "o"))
        if near:
            axes.plot(*([end] for end in near), marker="D", markersize=8, color=LOST, markeredgecolor=PAPER)
            where = ("right", -9) if near[0] > 0.5 else ("left", 9)
            axes.annotate("threshold", near, xytext=(where[1], 7), textcoords="offset points", ha=where[0])
        axes.set_xlim(0, 1.03)
        axes.set_ylim(bottom=0)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda value, _: f"{100 * value:.3g}%")

    alt = f"Risk-coverage curve: {words.share(points[-1][1])} errors when every row is answered" + (
        f", {words.share(near[1])} when {words.share(near[0])} are." if near else "."
    )
    return draw("coverage", _TALL, paint, alt=alt)


def _with_foot(figure: Figure) -> tuple[Axes, Axes]:
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1.1))
    return axes, below


def _legend(axes: Axes) -> None:
    # Above the plot: inside it, a legend hides what some run or other has drawn there.
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2, handlelength=1.8, columnspacing=1.2
    )


def _locator(ticks: int) -> MaxNLocator:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(ticks)


def _points(history: Sequence[Json], key: str) -> list[tuple[float, float]]:
    """Return (step, value) pairs, evenly thinned to what a small plot can show; the last is always kept."""
    found = [
        (step, value)
        for line in history
        if (step := _number(line.get("step"))) is not None and (value := _number(line.get(key))) is not None
    ]
    every = -(-len(found) // _MOST_POINTS) if found else 1
    return found[:-1:every] + found[-1:]


def _marker(points: Sequence[Any], shape: str) -> str:
    return shape if len(points) <= 30 else ""


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
