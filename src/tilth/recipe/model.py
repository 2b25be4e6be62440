"""Hold a checked recipe: what to do, with every option known and typed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from tilth.core.agreement import Agreement
from tilth.core.connector import Source
from tilth.recipe.sections import Engine, Evaluate, Serve, Split

Use = Literal["commercial", "research", "internal"]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One part that a recipe names: an operator or a source, built and ready."""

    place: str
    """Where it stands, such as `refine[2] too_short`."""
    where: str
    """File and line, such as `recipe.yaml:14`."""
    name: str
    part: Any
    given: tuple[str, ...] = ()
    """The options the user wrote."""
    agreement: Agreement | None = None
    """What a source's rows must be."""

    @property
    def at(self) -> str:
        """Say where errors point to: `recipe.yaml:14  refine[2] too_short`."""
        return f"{self.where}  {self.place}"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A checked recipe."""

    name: str
    path: str
    acquire: tuple[Entry, ...]
    split: Split
    refine: tuple[Entry, ...] = ()
    store: tuple[Entry, ...] = ()
    """Where the refined rows go beside the project."""
    train: Entry | None = None
    evaluate: Evaluate = field(default_factory=Evaluate)
    serve: Serve = field(default_factory=Serve)
    engine: Engine = field(default_factory=Engine)
    """Where the work runs; the rows do not depend on it."""
    use: Use | None = None
    cache: str = "disk"
    """Where the run keeps what cost something to make; the results do not depend on it."""
    lake: str | None = None
    """The folder or URL where the project's tables lie, for executors on other machines; by default in the project."""
    code: tuple[str, ...] = ()
    """The user's own operator files, absolute."""
    bad_rows: float = 0.01
    """The share of unreadable rows a source may hold."""
    tolerance: float = 0.0
    """The share of rows an operator may fail on."""
    seed: int = 0
    lines: dict[str, str] = field(default_factory=dict)
    """Where each section stands."""

    def sources(self) -> list[tuple[Entry, Source]]:
        """List the sources with their entries."""
        return [(entry, entry.part) for entry in self.acquire]
