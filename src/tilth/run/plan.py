"""Lay a recipe out as data: which steps, in which order, reading what, with which fingerprints. Opens nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from tilth.core.edit import Editor
from tilth.core.errors import RecipeError
from tilth.core.fold import Fold
from tilth.core.operator import Decider
from tilth.core.spec import spec_of
from tilth.recipe.model import Entry, Recipe
from tilth.run.edits import Cutting
from tilth.run.fingerprint import decides, digest, measures
from tilth.run.pipe import Link

Kind = Literal["scan", "exchange", "fit", "narrow", "write", "train", "evaluate"]


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One step of a plan."""

    stage: str
    """The stage it belongs to, whose key decides whether it is skipped."""
    place: str
    """Where the recipe says it, such as `refine[2] length`."""
    kind: Kind
    """scan reads sources, exchange groups by key, fit learns from train rows, narrow works on each row by itself,
    write brings rows to a sink."""
    sees: str
    """Which rows reach it."""
    measure: str = ""
    """The fingerprint of what it computes."""
    decide: str = ""
    """The fingerprint of that and of what it decides by."""

    def to_json(self) -> dict[str, str]:
        """Return the step as JSON values."""
        return {name: str(getattr(self, name)) for name in self.__dataclass_fields__}


@dataclass(frozen=True, kw_only=True)
class DecideStep:
    """A decider or an editor, and the row-wise operators that rows pass on their way to it."""

    place: str
    operator: Any
    links: tuple[Link, ...]


@dataclass(frozen=True, kw_only=True)
class FitStep:
    """A fold, by its number in the recipe; the others are row-wise operators."""

    number: int
    entry: Entry


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A recipe's steps: what the run follows, and what `tilth check --plan` shows."""

    steps: tuple[Planned, ...]
    deciders: tuple[DecideStep, ...]
    """Deciders and editors that run before the split."""
    screens: tuple[DecideStep, ...]
    """Deciders that run after it (`after_split`)."""
    narrow: tuple[FitStep, ...]
    """Folds and row-wise operators, in the order in which rows meet them."""

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages in order."""
        return tuple(dict.fromkeys(step.stage for step in self.steps))


def lay_out(recipe: Recipe) -> Plan:
    """Lay a recipe out. Raises `RecipeError` for a decider that stands after a fold."""
    exchanges = tuple(_deciders(recipe))
    screens = tuple(step for step in exchanges if _after_split(step))
    deciders = tuple(step for step in exchanges if not _after_split(step))
    narrow = tuple(
        FitStep(number=number, entry=entry)
        for number, entry in enumerate(recipe.refine)
        if not isinstance(entry.part, Decider)
    )
    return Plan(
        steps=tuple(_steps(recipe, deciders, screens, narrow)), deciders=deciders, screens=screens, narrow=narrow
    )


def link_of(entry: Entry) -> Link:
    """Return a row-wise operator as a link; of an editor, what makes its cuts."""
    part = entry.part
    operator = Cutting(place=entry.place, column=part.column) if isinstance(part, Editor) else part
    return Link(place=entry.place, operator=operator, where=entry.where)


def _after_split(step: DecideStep) -> bool:
    return getattr(step.operator, "after_split", False)


def _steps(
    recipe: Recipe, deciders: tuple[DecideStep, ...], screens: tuple[DecideStep, ...], narrow: tuple[FitStep, ...]
) -> Iterator[Planned]:
    for entry in recipe.acquire:
        yield _planned("acquire", entry.place, "scan", "every record", entry.part)
    for step in deciders:
        sees = "all rows" + (f" after {', '.join(link.place for link in step.links)}" if step.links else "")
        yield _planned("cluster", step.place, "exchange", sees, step.operator)
    if all(isinstance(step.operator, Editor) for step in deciders) and recipe.split.duplicates != "none":
        sees = f"all rows: {recipe.split.duplicates} duplicates stay together"
        yield Planned(stage="cluster", place="split", kind="exchange", sees=sees)
    yield Planned(stage="split", place="split", kind="exchange", sees="ids, clusters, groups and labels")
    for step in screens:
        yield _planned("screen", step.place, "exchange", "all rows and their split", step.operator)
    for one in narrow:
        if isinstance(one.entry.part, Fold):
            all_rows = getattr(one.entry.part, "fits_on", "train") == "all"
            sees = "all rows" if all_rows else "train rows"
            yield _planned("refine", one.entry.place, "fit", sees, one.entry.part)
    for one in narrow:
        yield _planned("refine", one.entry.place, "narrow", "all rows that are left", one.entry.part)
    for entry in recipe.store:
        yield Planned(
            stage="store",
            place=entry.place,
            kind="write",
            sees="rows that were kept",
            decide=digest(spec_of(entry.part)),
        )
    if recipe.train is not None:
        yield _planned("train", "train", "train", "train rows; valid rows choose", recipe.train.part)
        yield Planned(
            stage="evaluate",
            place="evaluate",
            kind="evaluate",
            sees="valid rows, then test rows once",
            decide=digest(str(recipe.evaluate)),
        )


def _planned(stage: str, place: str, kind: Kind, sees: str, part: Any) -> Planned:
    return Planned(stage=stage, place=place, kind=kind, sees=sees, measure=measures(part), decide=decides(part))


def _deciders(recipe: Recipe) -> Iterator[DecideStep]:
    """List the deciders, each with the row-wise operators above it: those learn nothing, so they leak nothing."""
    links: list[Link] = []
    fold: Entry | None = None
    for entry in recipe.refine:
        if isinstance(entry.part, (Decider, Editor)):
            if fold is not None:
                raise RecipeError(
                    f"{entry.name} compares all rows, the test's too, yet stands after {fold.name}, which is fitted",
                    where=entry.at,
                    do=f"Move {entry.name} above {fold.place}.",
                )
            yield DecideStep(place=entry.place, operator=entry.part, links=tuple(links))
            if isinstance(entry.part, Editor):
                links.append(link_of(entry))
        elif isinstance(entry.part, Fold):
            fold = fold or entry
        else:
            links.append(link_of(entry))
