"""Find records of one person, place or thing that are written differently."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from tilth.core.components import components
from tilth.core.engine import Engine, Exchange, Rows
from tilth.core.errors import RecipeError, did_you_mean
from tilth.core.fold import FitsOn
from tilth.core.registry import name_of
from tilth.refine import _matching_model, _matching_pairs, _matching_profile, _matching_stars
from tilth.refine._matching_text import KINDS, Kind
from tilth.refine._rows import union


@dataclass(frozen=True, kw_only=True)
class MatchRecords:
    """Keep one record, the fullest, of each group that describes the same person, place or thing.

    >>> from tilth.testing import batch, decide
    >>> rows = batch(
    ...     ids=["a", "b", "c"],
    ...     name=["Anna Schmidt", "Ana Schmidt", "Otto Weiss"],
    ...     street=["12 Long Road", "12 Long Rd.", "7 Mill Lane"],
    ...     phone=["555-0101", "555 0101", "555-0177"],
    ... )
    >>> found = decide(MatchRecords(columns=("name", "street", "phone")), rows)
    >>> {row: (decision["keep"], decision["other_id"]) for row, decision in found.items()}
    {'a': (True, None), 'b': (False, 'a')}

    Rows meet in blocks (the whole cell, its sound, rare words, house number and street, halves of a code); rows of a
    block that is too large meet their neighbours in the order of their other cells. Cells are compared by kind into
    levels of agreement. What a level is worth is the Fellegi-Sunter weight (1969), log of how often matches and others
    show it, estimated from the pairs themselves by EM (Winkler 1988) on at most 200,000 of them; agreeing on a rare
    value is worth more than on a common one (Winkler 1989). Empty cells say nothing either way.

    `value` is the chance of a match by that model. `cluster` is the connected component of the pairs above the
    threshold: keep it within one split. Which rows go is decided by greedy stars: a row goes only for a row that it is
    itself likely to be, so chains do not join strangers.
    """

    fits_on: ClassVar[FitsOn] = "all"
    columns_read: ClassVar[Any] = None
    packages: ClassVar[tuple[str, ...]] = ("rapidfuzz",)

    columns: tuple[str, ...]
    """The columns to compare."""
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    """Column to kind: name, org (words in any order), address, code (ids, phones), date, number; others are guessed."""
    threshold: float = 0.9
    """How likely (above 0, up to 1) two records must be one."""
    known: str | None = None
    """A column that names the entity where a person has said who it is, else null; such pairs teach the model."""
    block: int = 50
    """In a block of up to so many rows all pairs are compared."""
    window: int = 5
    """In a larger block each row is compared with so many that follow it."""
    partitions: int = 16
    """Into how many parts an exchange cuts the rows; does not change the answer."""

    def __post_init__(self) -> None:
        """Refuse options that can find nothing."""
        where = name_of(self)
        if not 0 < self.threshold <= 1:
            raise RecipeError(f"threshold {self.threshold}", where=where, wanted="above 0, up to 1")
        if not self.columns:
            raise RecipeError("no columns", where=where, wanted="one or more columns to compare")
        for name, least in (("block", 2), ("window", 1), ("partitions", 1)):
            if getattr(self, name) < least:
                raise RecipeError(f"{name} {getattr(self, name)}", where=where, wanted=f"{least} or more")
        for column, kind in self.kinds.items():
            if column not in self.columns:
                raise RecipeError(
                    f'kinds: "{column}" is not compared', where=where, do=did_you_mean(column, self.columns)
                )
            if kind not in KINDS:
                raise RecipeError(f'kinds: "{kind}"', where=where, wanted=f"one of {', '.join(KINDS)}")

    def decide(self, rows: Rows, engine: Engine) -> Rows:
        """Return the decisions: count, write, meet, ship, compare, fit, components, stars."""
        fields = tuple(_matching_profile.fields(rows, self.columns, self.kinds, engine, self))
        sketch = _matching_profile.sketch(rows, fields, engine, self)
        written = self._exchange(engine, rows, _matching_pairs.Write(fields=fields, known=self.known, operator=self))
        meet = _matching_pairs.Meet(fields=fields, sketch=sketch, block=self.block, window=self.window)
        pairs = self._exchange(engine, written, meet)
        shipped = self._exchange(engine, union(written, pairs), _matching_pairs.Ship())
        compare = _matching_pairs.Compare(fields=fields, sketch=sketch)
        compared = self._exchange(engine, union(written, shipped), compare)
        weights = _matching_model.fitted(compared, fields, engine)
        likely = _matching_model.likely(compared, weights, self.threshold)
        roots = components(likely, engine, partitions=self.partitions)
        rooted = self._exchange(engine, union(roots, likely), _matching_stars.Root())
        return self._exchange(engine, rooted, _matching_stars.Stars(threshold=self.threshold))

    def _exchange(self, engine: Engine, rows: Rows, step: Any) -> Rows:
        name = f"match_records.{type(step).__name__.lower()}"
        return engine.exchange(
            Exchange(name=name, emit=step.emit, gather=step.gather, partitions=self.partitions), rows
        )


EXAMPLES = (
    MatchRecords(columns=("text", "price")),
    MatchRecords(
        columns=("text", "price", "number"),
        kinds={"text": "name", "number": "number"},
        threshold=0.5,
        known="label",
        block=2,
        window=1,
        partitions=3,
    ),
)
