"""Draw with matplotlib into SVG that lives inside a page: its colours, its fonts, its ids, the same every time.

Two things are kept away from matplotlib. Colours are stand-ins that become the page's variables, so that one drawing
serves light and dark. Words from data are stand-ins of about the same width, put back and escaped afterwards: no font
lacks a glyph, no `$` is read as a formula, and the browser picks the font.
"""

from __future__ import annotations

import html
import io
import re
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from tilth.report import words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, MUTED, LINE, KEPT, LOST, NEW, PAPER = (f"#0{at}0{at}0{at}" for at in range(1, 8))
"""Stand-ins for the page's colours."""
_COLOURS = {INK: "ink", MUTED: "muted", LINE: "line", KEPT: "kept", LOST: "lost", NEW: "new", PAPER: "card"}
_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": ["DejaVu Sans"],
    "font.size": 9.5,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.linewidth": 1.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": LINE,
    "grid.linewidth": 0.7,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "text.color": INK,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "legend.fontsize": 9.0,
    "lines.linewidth": 1.8,
    "lines.markersize": 5.0,
}
# matplotlib reads its settings from one table for the whole process: one drawing at a time.
_ONE_AT_A_TIME = threading.Lock()


class Plot(NamedTuple):
    """A drawing, and what it shows in words."""

    svg: str
    alt: str


class Words:
    """Stand-ins for words from data."""

    def __init__(self) -> None:
        self._said: list[str] = []

    def __call__(self, text: object, most: int = 26) -> str:
        """Return a stand-in about as wide as the text, which is cut to `most` characters."""
        said = words.excerpt(words.clean(str(text)).replace("\n", " "), most)
        self._said.append(said)
        return f"w{len(self._said) - 1}".ljust(max(words.columns(said), 3), "x")

    def put_back(self, svg: str) -> str:
        """Replace each stand-in by its words, escaped."""
        return re.sub(r">w(\d+)x*</text>", lambda found: f">{html.escape(self._said[int(found[1])])}</text>", svg)


def ready() -> bool:
    """Tell whether matplotlib is installed."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        return False
    return True


def draw(name: str, size: tuple[float, float], paint: Callable[[Figure, Words], None], *, alt: str) -> Plot:
    """Paint a figure of `size` inches and return it as an element of a page; `name` keeps its ids apart."""
    import matplotlib
    from matplotlib.figure import Figure

    said = Words()
    out = io.StringIO()
    usual: dict[str, Any] = {
        key: value for key, value in matplotlib.rcParamsDefault.items() if not key.startswith("backend")
    }
    with _ONE_AT_A_TIME, matplotlib.rc_context():
        settings: Any = {**usual, **_STYLE, "svg.hashsalt": name}
        matplotlib.rcParams.update(settings)
        figure = Figure(figsize=size, layout="constrained")
        paint(figure, said)
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None})
    return Plot(said.put_back(_inline(out.getvalue(), alt, size)), alt)


def _inline(svg: str, alt: str, size: tuple[float, float]) -> str:
    body = svg[svg.index("<svg") :]
    body = body[body.index(">") + 1 : body.rindex("</svg>")]
    for unwanted in (r"<metadata>.*?</metadata>", r"<!--.*?-->", r"<style.*?</style>"):
        body = re.sub(unwanted, "", body, flags=re.DOTALL)
    used = set(re.findall(r"(?:url\(|href=\")#([\w.-]+)", body))
    body = re.sub(r' id="([^"]*)"', lambda found: found[0] if found[1] in used else "", body)
    body = body.replace("xlink:href", "href")
    body = re.sub(r"<[^>]+>", _themed, body)
    body = re.sub(r"\s*\n\s*", "\n", body)
    width, height = (round(inches * 72) for inches in size)
    return (
        f'<svg class="plot" role="img" aria-label="{html.escape(words.clean(alt))}" viewBox="0 0 {width} {height}"'
        f' width="{round(width * 4 / 3)}" height="{round(height * 4 / 3)}">{body}</svg>'
    )


def _themed(tag: re.Match[str]) -> str:
    text = re.sub(r" ?font-family: [^;\"]+;?", "", tag[0])
    return re.sub(r"#(0[1-7])\1\1", lambda found: f"var(--{_COLOURS[found[0]]})", text)
