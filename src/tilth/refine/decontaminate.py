"""Drop training rows that hold test items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from tilth.core.batch import SPLITS
from tilth.core.engine import Engine, Exchange, Rows
from tilth.core.errors import RecipeError
from tilth.core.fold import FitsOn
from tilth.core.registry import name_of
from tilth.refine._contamination import Grams, Shares, Verdicts
from tilth.refine._contamination_items import file_digest, items
from tilth.refine._contamination_runs import Look
from tilth.refine._contamination_sieve import sieve
from tilth.refine._rows import union


@dataclass(frozen=True, kw_only=True)
class Decontaminate:
    """Drop train and valid rows that share a run of words with a test row, or with an item of a file.

    >>> from tilth.testing import batch, decide
    >>> item = "how many moons does the fourth planet from the sun have in all its orbit"
    >>> rows = batch(ids=["a", "b", "c"], _split=["train", "train", "test"],
    ...              text=["Quiz: " + item.upper() + "? Two.", "How many moons does Mars have?", item])
    >>> {row: (found["keep"], found["other_id"]) for row, found in decide(Decontaminate(), rows).items()}
    {'c': (True, None), 'a': (False, 'c')}

    The rule is that of GPT-3 (Brown et al. 2020, arXiv 2005.14165, appendix C): a row is hit that shares any run of 13
    words with an item, case, width and marks apart (a character of a script without spaces is a word). They cut the
    run and 200 characters around it out of long documents; here the row goes. Others take 8 words (PaLM, Chowdhery et
    al. 2022, which asks for 70% of the item's runs) or 12 (datatrove). Generic runs are told apart by `common` and
    long documents by `threshold`.

    An item of fewer words than `ngram` is compared whole: a row goes that says just that. With `answer`, a short item
    counts only where its answer stands in the row too, in the text or in the row's own answer; then also inside a
    longer text, from `least` words on.

    `value` is the share of a row's runs that stand in items (of its words, for short items). A row below the threshold
    stays, with its value noted. `other_id` names the item that it shares most with. Items never leave. It runs after
    the split. A sieve of 4 MiB holds back runs that are no item's, so what is exchanged grows with the items.
    """

    fits_on: ClassVar[FitsOn] = "all"
    after_split: ClassVar[bool] = True
    """Decides about rows whose split is known."""
    columns_read: ClassVar[Any] = None

    column: str = "text"
    """The text column, or a column of tokens."""
    answer: str | None = None
    """A column of answers or labels: a short item counts only together with its answer."""
    against: str = "test"
    """The split whose rows are the items (test or valid), or a .txt, .jsonl, .csv or .parquet file's path, relative to
    the recipe."""
    ngram: int = 13
    """How many words in a row must be shared."""
    least: int = 5
    """With `answer`, items of fewer words count only where a row says just that."""
    threshold: float = 0.0
    """The share of a row's runs, up to 1, from which on it leaves; 0 lets any shared run do."""
    common: int = 0
    """Runs that more rows than this share with items are no sign (GPT-3 took 10); 0 counts all."""
    partitions: int = 16
    """Into how many parts an exchange cuts the rows; does not change the answer."""

    def __post_init__(self) -> None:
        """Refuse options that can find nothing."""
        for name, lowest in (("ngram", 1), ("least", 1), ("partitions", 1), ("common", 0)):
            if getattr(self, name) < lowest:
                raise RecipeError(f"{name} {getattr(self, name)}", where=name_of(self), wanted=f"{lowest} or more")
        if not 0 <= self.threshold <= 1:
            raise RecipeError(f"threshold {self.threshold}", where=name_of(self), wanted="0 to 1")
        if self.against == "train":
            raise RecipeError("against train", where=name_of(self), wanted="test, valid or the path of a file")

    @property
    def resources(self) -> Mapping[str, str]:
        """Return the hash of the file it reads, if any: another content is another decision."""
        return {} if self.against in SPLITS else {self.against: file_digest(self.against)}

    def anchored(self, base: Path) -> Decontaminate:
        """Return a copy whose file's path, if it reads one, is absolute."""
        return self if self.against in SPLITS else replace(self, against=str(base.absolute() / self.against))

    def decide(self, rows: Rows, engine: Engine) -> Rows:
        """Return the decisions: one look at the items, then three exchanges."""
        inside, look = self.against in SPLITS, self._look()
        columns = (self.column,) if self.answer is None else (self.column, self.answer)
        outside = Rows(shards=(), read=rows.read) if inside else items(self.against, columns)
        found = sieve(rows if inside else outside, engine, look)
        both = rows if inside else union(outside, rows)
        shared = self._exchange(engine, both, Grams(look=look, sieve=found, common=self.common))
        shares = self._exchange(engine, shared, Shares(threshold=self.threshold))
        return self._exchange(engine, shares, Verdicts(threshold=self.threshold, items=inside))

    def _look(self) -> Look:
        return Look(
            column=self.column,
            answer=self.answer,
            ngram=self.ngram,
            least=self.least,
            against=self.against if self.against in SPLITS else "",
            operator=self,
        )

    def _exchange(self, engine: Engine, rows: Rows, step: Any) -> Rows:
        name = f"decontaminate.{type(step).__name__.lower()}"
        return engine.exchange(
            Exchange(name=name, emit=step.emit, gather=step.gather, partitions=self.partitions), rows
        )


EXAMPLES = (
    Decontaminate(),
    Decontaminate(answer="label", ngram=8, least=2, threshold=0.5, common=10, partitions=3),
)
