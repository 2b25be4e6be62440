"""Find texts that say nearly the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from tilth.core.batch import ID
from tilth.core.components import components
from tilth.core.engine import Engine, Exchange, Rows
from tilth.core.errors import RecipeError
from tilth.core.fold import FitsOn
from tilth.core.registry import name_of
from tilth.refine import _alike, _candidates, _sets, _stars
from tilth.refine._rows import union
from tilth.text import minhash


@dataclass(frozen=True, kw_only=True)
class NearDuplicates:
    """Keep one of each group of texts that share most of their word sequences.

    >>> from tilth.testing import batch, decide
    >>> story = "the quick brown fox jumps over the lazy dog and runs far away from it into the deep dark wood"
    >>> rows = batch(ids=["a", "b", "c"], text=[story, story.upper() + "!", "something else"])
    >>> {row: (found["keep"], found["value"]) for row, found in decide(NearDuplicates(), rows).items()}
    {'a': (True, None), 'b': (False, 1.0)}

    How alike two texts are is the Jaccard similarity of their sets of shingles, runs of `ngram` words (Broder 1997);
    case, width and punctuation do not count, each Chinese character is a word. Texts of fewer words are compared by
    word pairs, so that "hi" and "hello" stay apart. A blank text is nobody's duplicate; a text of marks only ("?!") is
    one of its exact like.

    Candidates come from MinHash signatures cut into `b` bands of `r` rows: a pair of similarity `s` meets with
    probability `1 - (1 - s^r)^b`; `r` is the greatest that gives 99% at the threshold (128 permutations and 0.8: 21
    bands of 6 rows, 99.8%), unless `bands` and `rows` say otherwise. In a band that more than 16 different texts share,
    each is compared with the best row and its 15 predecessors, so a boilerplate text costs linear work. Every candidate
    is then verified on the whole shingle sets: no row goes below the threshold.

    `cluster` is the connected component of the verified pairs, named by its smallest id: keep it within one split.
    Which rows go is decided by greedy stars (Aslam, Pelekhov, Rus 1999) from the best row on, the one with the greatest
    `prefer`, then the smallest id: the best not yet covered stays and covers the rows that are verified to be like
    *it*; so each dropped row names a row that stays, with their similarity. Two rows of one cluster that only a third
    connects may therefore both stay.
    """

    fits_on: ClassVar[FitsOn] = "all"
    columns_read: ClassVar[Any] = None
    version: ClassVar[int] = 2

    column: str = "text"
    """The text column, or a column of tokens."""
    threshold: float = 0.8
    """How alike (above 0, up to 1) two texts must be to be duplicates."""
    ngram: int = 5
    """Words in a shingle; a character of a script without spaces is a word."""
    numbers: Literal["distinct", "same"] = "distinct"
    """Texts with other numbers, or in another order, are no duplicates: fifty invoices stay fifty. Or all are alike."""
    prefer: str | None = None
    """A column of numbers, dates or strings, such as a score: the row with the greatest stays; nulls come last."""
    permutations: int = 128
    """Length of the signature: more find pairs with fewer false candidates, at more cost."""
    bands: int | None = None
    """How many bands the signature is cut into, with `rows`: 14 and 8 is datatrove's cut, 92% at 0.8. Null: derived."""
    rows: int | None = None
    """How many numbers a band has; `bands` times `rows` then is the length of the signature."""
    seed: int = 1
    """Chooses the hash functions."""
    partitions: int = 16
    """Into how many parts an exchange cuts the rows; does not change the answer."""

    def __post_init__(self) -> None:
        """Refuse options that can find nothing."""
        if not 0 < self.threshold <= 1:
            raise RecipeError(f"threshold {self.threshold}", where=name_of(self), wanted="above 0, up to 1")
        for name in ("ngram", "permutations", "partitions", "bands", "rows"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise RecipeError(f"{name} {value}", where=name_of(self), wanted="1 or more")
        if (self.bands is None) != (self.rows is None):
            raise RecipeError(
                "bands without rows, or rows without bands", where=name_of(self), wanted="both or neither"
            )
        self._cut()

    def decide(self, rows: Rows, engine: Engine) -> Rows:
        """Return the decisions, through keyed exchanges: same sets, bands, comparing, components, stars."""
        cut = self._cut()
        sets = self._exchange(
            engine,
            rows,
            _sets.Sets(
                column=self.column,
                ngram=self.ngram,
                numbers=self.numbers,
                cut=cut,
                permutations=self.permutations if self.bands is None else cut.bands * cut.rows,
                seed=self.seed,
                prefer=self.prefer,
                operator=self,
            ),
        )
        banded = _sets.located(sets, self.partitions, ID, "size", "bands")
        pairs = self._exchange(engine, banded, _candidates.Bands(threshold=self.threshold))
        comparing = _alike.Alike(threshold=self.threshold, sets=sets, partitions=self.partitions)
        alike = self._exchange(engine, pairs, comparing) if pairs.shards else pairs
        followed = _sets.located(sets, self.partitions, ID, "leader")
        stars: tuple[Rows, ...] = ()
        if alike.shards:
            roots = components(alike, engine, partitions=self.partitions)
            rooted = self._exchange(engine, union(roots, alike), _stars.Root())
            stars = (self._exchange(engine, rooted, _stars.Stars(threshold=self.threshold)),)
        found = self._exchange(engine, union(*stars, followed), _stars.Followers(threshold=self.threshold))
        return self._exchange(engine, found, _stars.Named()) if self.prefer is not None else found

    def _cut(self) -> minhash.Bands:
        if self.bands is not None and self.rows is not None:
            return minhash.Bands(self.bands, self.rows)
        return minhash.plan(self.threshold, self.permutations)

    def _exchange(self, engine: Engine, rows: Rows, step: Any) -> Rows:
        name = f"near_duplicates.{type(step).__name__.lower()}"
        return engine.exchange(
            Exchange(name=name, emit=step.emit, gather=step.gather, partitions=self.partitions), rows
        )


EXAMPLES = (
    NearDuplicates(),
    NearDuplicates(threshold=0.3, ngram=2, numbers="same", permutations=64, seed=7, partitions=3),
    NearDuplicates(threshold=0.6, bands=14, rows=8, prefer="number"),
)
