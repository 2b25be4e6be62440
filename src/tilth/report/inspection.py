"""Hold what a look at data found: what `tilth inspect` draws and writes as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """How often numbers lie between edges, and what they are like on the whole."""

    edges: tuple[float, ...]
    """Ascending. `counts` has one more: below the first edge, between two, above the last."""
    counts: tuple[int, ...]
    closed: Literal["left", "right"] = "left"
    """left: a number on an edge counts above it, so the numbers below an edge are exact; right: the other way round."""
    whole: bool = False
    """Whether all numbers are whole."""
    low: float | None = None
    high: float | None = None
    mean: float | None = None

    def beyond(self, edge: int, side: Literal["least", "most"]) -> int:
        """Count the numbers that fail a threshold on an edge: below it for a least, above it for a most.

        >>> Histogram(edges=(1.0, 2.0), counts=(5, 3, 1)).beyond(1, "least")
        8
        """
        return sum(self.counts[: edge + 1] if side == "least" else self.counts[edge + 1 :])


@dataclass(frozen=True, kw_only=True)
class Example:
    """A row, cut short."""

    row: str
    """Its key, or its file and number."""
    text: str
    value: float | None = None
    """What the rule measured."""


@dataclass(frozen=True, kw_only=True)
class Statistic:
    """A statistic of the text column."""

    name: str
    definition: str
    histogram: Histogram


@dataclass(frozen=True, kw_only=True)
class Share:
    """How many of the rows of a kind a rule drops."""

    name: str
    rows: int
    dropped: int


@dataclass(frozen=True, kw_only=True)
class RuleLook:
    """What one rule would drop."""

    name: str
    """Such as `gopher_quality.too_few_words`."""
    operator: str
    """The operator, or its place in the recipe."""
    side: Literal["least", "most"] | None
    """Whether the threshold is the least or the most that is kept; null where the rule is no threshold."""
    threshold: float | None
    judged: int
    """The rows that the rule looks at."""
    dropped: int
    alone: int
    """Rows that no other rule drops."""
    languages: tuple[Share, ...] = ()
    histogram: Histogram | None = None
    """Of what it measures, with the threshold as one of the edges."""
    kept_nearest: tuple[Example, ...] = ()
    dropped_nearest: tuple[Example, ...] = ()


@dataclass(frozen=True, kw_only=True)
class OperatorLook:
    """What one operator would do with the rows it sees."""

    name: str
    rows: int
    changed: int = 0
    """Rows whose text it rewrites before it judges."""
    failed: int = 0
    dropped: int = 0


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """How many rows two rules (or operators) both drop; the diagonal is what each drops."""

    names: tuple[str, ...]
    rows: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Rows that say the same."""

    rows: int
    dropped: int
    examples: tuple[Example, ...]


@dataclass(frozen=True, kw_only=True)
class Duplicates:
    """What a search for duplicates found."""

    kind: str
    """exact_duplicates, near_duplicates or the like."""
    clusters: int
    rows: int
    """Rows in clusters."""
    dropped: int
    sizes: Mapping[str, int]
    """How many clusters have so many rows."""
    largest: tuple[Cluster, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ColumnLook:
    """What one column is like."""

    name: str
    type: str
    nulls: int
    distinct: int
    distinct_exact: bool
    """Whether the number of distinct values is exact; else it is an estimate."""
    top: tuple[tuple[str, int], ...] = ()
    """The most frequent values, where there are few enough to count."""
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    mean_length: float | None = None
    """Of texts: characters."""


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """All that a look at data found."""

    data: str
    rows: int
    files: int
    column: str | None
    """The text column."""
    limit: int | None = None
    """How many rows were asked for, at most."""
    rejected: int = 0
    reasons: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    columns: tuple[ColumnLook, ...] = ()
    languages: Mapping[str, int] = field(default_factory=dict)
    statistics: tuple[Statistic, ...] = ()
    operators: tuple[OperatorLook, ...] = ()
    rules: tuple[RuleLook, ...] = ()
    dropped: int = 0
    """Rows that at least one rule drops."""
    overlap: Overlap | None = None
    """Of rules."""
    operator_overlap: Overlap | None = None
    duplicates: tuple[Duplicates, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)
