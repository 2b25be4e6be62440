"""Plot a confusion matrix that is too large for a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tilth.report import words
from tilth.report.drawing import KEPT, LOST, Plot, Words, draw
from tilth.report.summary import Json

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def heat(confusion: Json) -> Plot | None:
    """Plot a confusion matrix of many labels: only cells that hold rows are drawn; None beyond 200 labels."""
    labels, rows = confusion["labels"], confusion["rows"]
    if not 1 < len(labels) <= 200:
        return None
    cells = [
        (across, down, (count / max(sum(line), 1)) ** (1.0 if down == across else 0.5), down == across)
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
        shades = [to_rgba(KEPT if right else LOST, 0.2 + 0.8 * part) for _, _, part, right in cells]
        axes.add_collection(PolyCollection(squares, facecolors=shades, edgecolors="none", linewidths=0))
        axes.set(xlim=(-0.5, len(labels) - 0.5), ylim=(len(labels) - 0.5, -0.5))
        every = range(len(labels))
        axes.set_yticks(
            every,
            [say(f"{words.excerpt(str(name), 30)} {at + 1}", 40) for at, name in enumerate(labels)],
            fontsize=letters,
        )
        step = max(1, len(labels) // 40)
        axes.set_xticks(every[::step], [str(at + 1) for at in every[::step]], fontsize=letters, rotation=90)
        axes.tick_params(length=2)

    right = sum(line[at] for at, line in enumerate(rows))
    share = words.share(right, sum(map(sum, rows)))
    alt = (
        f"Heat map of {len(labels)} true by {len(labels)} predicted labels; {share} of rows lie on the diagonal."
        " The table of confusions beside it names the largest."
    )
    return draw("confusion", (size, 0.86 * size), paint, alt=alt)
