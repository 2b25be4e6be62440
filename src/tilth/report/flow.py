"""Draw the rows' way from data in to data out: one band a step, branches for rows that leave or join.

The bands are drawn with a fixed 100 x 100 box that the page stretches to any width; the numbers stand beside them.
"""

from __future__ import annotations

from typing import NamedTuple

from tilth.report.summary import StepLine, Summary

_WIDEST = 72.0
"""How wide the widest band is; the rest is room for branches to leave to the right."""
_HAIR = 0.5


class Side(NamedTuple):
    """A number beside a band."""

    kind: str
    """`lost`, `failed`, `new` or `changed`."""
    rows: int
    what: str


class Band(NamedTuple):
    """One step of the drawing."""

    title: str
    place: str
    detail: str
    rows: int
    """How many rows leave it."""
    before: int
    """How many rows came to it."""
    through: str
    """The path of the rows that go on; the paths of those that leave and join are "" where there are none."""
    lost: str
    new: str
    sides: tuple[Side, ...]


class Piece(NamedTuple):
    """One split at the foot of the drawing."""

    split: str
    rows: int
    start: float
    width: float


def bands(summary: Summary) -> list[Band]:
    """Return one band for the sources and one for each step; none when nothing is known of the steps."""
    if not summary.steps:
        return []
    read, rejected = _read(summary)
    scale = _scale(summary)
    drawn = []
    if summary.sources:
        sides = (Side("failed", rejected, "unreadable"),) if rejected else ()
        names = ", ".join(source.name for source in summary.sources)
        came = read + rejected
        drawn.append(Band("read", "acquire", names, read, came, *_paths(came, rejected, 0, scale), sides))
    return drawn + [_band(step, scale) for step in summary.steps]


def pieces(summary: Summary) -> list[Piece]:
    """Return how the kept rows divide into splits, on the scale of the bands."""
    if summary.split is None or not summary.steps:
        return []
    scale, at, found = _scale(summary), 0.0, []
    known = {name: place for place, name in enumerate(("train", "valid", "test"))}
    for split, rows in sorted(summary.split.counts.items(), key=lambda pair: (known.get(pair[0], 9), pair[0])):
        found.append(Piece(split, rows, round(at, 3), round(rows * scale, 3)))
        at += rows * scale
    return found


def _read(summary: Summary) -> tuple[int, int]:
    """Return how many rows were read, and how many could not be."""
    return summary.steps[0].rows_in, sum(source.rejected for source in summary.sources)


def _scale(summary: Summary) -> float:
    split = sum(summary.split.counts.values()) if summary.split else 0
    widest = max(sum(_read(summary)), split, *(max(step.rows_in, step.kept) for step in summary.steps))
    return _WIDEST / max(widest, 1)


def _band(step: StepLine, scale: float) -> Band:
    new, merged = step.grown + max(step.expanded, 0), max(-step.expanded, 0)
    lost = step.dropped + step.failed + merged
    told = [
        Side("lost", step.dropped, "dropped"),
        Side("failed", step.failed, "failed"),
        Side("lost", merged, "merged into others"),
        Side("new", max(step.expanded, 0), "more by expanding"),
        Side("new", step.grown, "grown"),
        Side("changed", step.changed, "changed"),
    ]
    sides = tuple(side for side in told if side.rows)
    paths = _paths(step.rows_in, lost, new, scale)
    return Band(step.operator, step.place, step.options, step.kept, step.rows_in, *paths, sides)


def _paths(rows_in: int, lost: int, new: int, scale: float) -> tuple[str, str, str]:
    stay, came = max(rows_in - lost, 0) * scale, rows_in * scale
    left = joined = ""
    if lost:
        end, thick = max(came, stay + _HAIR), min(max(lost * scale * 1.4, 5.0), 40.0)
        left = _path(stay, end, 0.0, 38.0, thick)
    if new:
        end, thick = stay + max(new * scale, _HAIR), min(max(new * scale * 1.4, 5.0), 40.0)
        joined = _path(stay, end, 100.0, 62.0, -thick)
    return f"M0 0H{stay:.2f}V100H0Z" if stay else "", left, joined


def _path(inner: float, outer: float, start: float, edge: float, thick: float) -> str:
    """Bend from [inner, outer] at height `start` to the right edge, at height `edge`, `thick` high."""
    far = edge + thick
    bend, reach = (start + edge) / 2, (100 - outer) / 2
    return (
        f"M{outer:.2f} {start:.1f}C{outer:.2f} {bend:.1f} {outer + reach / 2:.2f} {edge:.1f} 100 {edge:.1f}V{far:.1f}"
        f"C{inner + reach / 3:.2f} {far:.1f} {inner:.2f} {(start + far) / 2:.1f} {inner:.2f} {start:.1f}Z"
    )
