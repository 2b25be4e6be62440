"""Plot what a run learned and how well it does: one small function a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tilth.report import reading, words
from tilth.report.drawing import INK, KEPT, LINE, LOST, MUTED, NEW, PAPER, Plot, Words, draw
from tilth.report.summary import Evaluation, Json

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

_SMALL, _TALL = (4.7, 3.1), (4.7, 3.9)
_MOST_POINTS = 400


def losses(history: Sequence[Json]) -> Plot | None:
    """Plot training and validation loss over steps, and the learning rate below; None without a loss."""
    lines = {
        "training loss": _points(history, "loss"),
        "validation loss": _points(history, "valid_loss"),
    }
    lines = {name: points for name, points in lines.items() if points}
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
            axes.legend()
        if below is not None:
            below.plot(*zip(*rates, strict=True), color=MUTED)
            below.set_ylabel("rate")
            below.yaxis.set_major_locator(_locator(2))
            below.yaxis.set_major_formatter(lambda value, _: words.tiny(value))
            below.set_ylim(bottom=0)
        (below or axes).set_xlabel("step")

    return draw("losses", _TALL if rates else _SMALL, paint, alt=f"Line plot over {words.count(last)} steps: {told}.")


def progress(history: Sequence[Json]) -> Plot | None:
    """Plot the validation metric over steps, the checkpoint that was kept marked; None without one."""
    points, best = _points(history, "value"), reading.best_step(history)
    if not points or best is None:
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
        where = {"xytext": (0, -11 if down else 11), "textcoords": "offset points", "va": "top" if down else "bottom"}
        axes.annotate(f"best {words.figure(value)}", (at, value), ha=side, **where)
        axes.margins(y=0.14)

    alt = (
        f"Line plot of {metric} on validation rows, from {words.figure(points[0][1])} to {words.figure(points[-1][1])};"
        f" best {words.figure(value)} at step {words.count(at)}."
    )
    return draw("progress", _TALL if _points(history, "lr") else _SMALL, paint, alt=alt)


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
    return draw("headline", (6.2, 0.9 + 0.36 * len(lines)), paint, alt=f"Dots and intervals of {metric}: {told}.")


def heat(confusion: Json) -> Plot | None:
    """Plot a confusion matrix of many labels: only cells that hold rows are drawn; None beyond 200 labels."""
    labels, rows = confusion["labels"], confusion["rows"]
    if not 1 < len(labels) <= 200:
        return None
    cells = [
        (across, down, count / max(sum(line), 1), down == across)
        for down, line in enumerate(rows)
        for across, count in enumerate(line)
        if count
    ]
    size = min(max(3.5 + 0.085 * len(labels), 5.0), 12.0)
    letters = min(8.5, 66.0 * (size - 2) / len(labels))

    def paint(figure: Figure, say: Words) -> None:
        from matplotlib.collections import PolyCollection
        from matplotlib.colors import to_rgba

        axes = figure.add_subplot(xlabel="predicted (number of the label on the left)", ylabel="true label")
        axes.grid(False)
        squares = [
            [(x - 0.46, y - 0.46), (x + 0.46, y - 0.46), (x + 0.46, y + 0.46), (x - 0.46, y + 0.46)]
            for x, y, _, _ in cells
        ]
        shades = [to_rgba(KEPT if right else LOST, 0.15 + 0.85 * part) for _, _, part, right in cells]
        axes.add_collection(PolyCollection(squares, facecolors=shades, edgecolors="none", linewidths=0))
        axes.set(xlim=(-0.5, len(labels) - 0.5), ylim=(len(labels) - 0.5, -0.5), aspect="equal")
        every = range(len(labels))
        axes.set_yticks(every, [say(f"{name} {at + 1}", 34) for at, name in enumerate(labels)], fontsize=letters)
        step = max(1, len(labels) // 40)
        axes.set_xticks(every[::step], [str(at + 1) for at in every[::step]], fontsize=letters, rotation=90)
        axes.tick_params(length=2)

    right = sum(line[at] for at, line in enumerate(rows))
    alt = (
        f"Heat map of {len(labels)} true by {len(labels)} predicted labels; {words.share(right, sum(map(sum, rows)))} of"
        " rows lie on the diagonal. The table of confusions beside it names the largest."
    )
    return draw("confusion", (size, size - 0.4), paint, alt=alt)


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
        axes.legend(loc="upper left")
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
            flagged = bool(line.get("worse"))
            _whisker(axes, line["metric"], at, marker="D" if flagged else "o", colour=LOST if flagged else KEPT, full=not flagged)
        _rows(axes, [say(f"{line['column']} = {line['value']} ({words.count(line.get('support'))})", 32) for line in shown])

    flagged = [f"{line['column']} = {line['value']}" for line in shown if line.get("worse")]
    alt = f"Dots and intervals of {len(shown)} slices, the dotted line is all rows; " + (
        f"flagged: {', '.join(flagged)}." if flagged else "none is flagged."
    )
    return draw("slices", (6.2, 0.8 + 0.32 * len(shown)), paint, alt=alt)


def _whisker(axes: Axes, found: Json, at: int, *, marker: str, colour: str, full: bool) -> None:
    value, low, high = float(found["value"]), found.get("low"), found.get("high")
    if low is not None and high is not None:
        axes.plot([float(low), float(high)], [at, at], color=colour, linewidth=2.2, solid_capstyle="butt")
    axes.plot([value], [at], marker=marker, markersize=8, color=colour, markerfacecolor=colour if full else PAPER)
    axes.annotate(
        words.figure(value), (value, at), xytext=(0, 6), textcoords="offset points", ha="center", fontsize=8.5
    )


def _with_foot(figure: Figure) -> tuple[Axes, Axes]:
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1.1))
    return axes, below


def _locator(ticks: int) -> MaxNLocator:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(ticks)


def _rows(axes: Axes, names: list[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.75)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.grid(False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.spines["bottom"].set_color(LINE)
    axes.margins(x=0.08)


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
