"""Find rows that mean nearly the same, by their embeddings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from tilth.bytes import backbones, cache
from tilth.core.batch import Batch
from tilth.core.components import components
from tilth.core.engine import Engine, Exchange, Rows
from tilth.core.errors import RecipeError
from tilth.core.fold import FitsOn
from tilth.core.operator import DECISION
from tilth.core.registry import name_of
from tilth.refine import _stars
from tilth.refine._ann_cells import Scatter, centres
from tilth.refine._ann_encoder import VECTOR, Embed, kept
from tilth.refine._ann_pairs import Pairs
from tilth.refine._ann_vectors import vectors
from tilth.refine._rows import union

_RULE = "semantic_duplicates"


@dataclass(frozen=True, kw_only=True)
class SemanticDuplicates:
    """Keep one of each group of rows whose embeddings point the same way.

    >>> from tilth.testing import batch, decide
    >>> rows = batch(ids=["a", "b", "c"], vector=[[1.0, 0.0], [0.99, 0.1], [0.0, 1.0]])
    >>> found = decide(SemanticDuplicates(embedding="vector"), rows)
    >>> {row: (one["keep"], one["other_id"], one["value"] and round(one["value"], 3)) for row, one in found.items()}
    {'a': (True, None, None), 'b': (False, 'a', 0.995)}

    After SemDeDup (Abbas et al. 2023, arXiv 2303.09540): k-means cells of about 2,000 rows, all pairs within a cell.
    Here a row stands in its nearest `probes` cells, so that pairs at an edge meet too; up to 4,000 rows are one cell,
    and nothing is missed. Every pair is verified on the vectors themselves: no row goes below the threshold. Who goes
    is decided as in `near_duplicates`: greedy stars in the order of `prefer`, then of ids, so each dropped row names a
    row that stays, with their cosine. A row is paired with at most 16 before it in a cell, and compared with the 32,768
    before it.

    With `encoder`, a sentence encoder makes the vectors, each row's once. On one core all-MiniLM-L6-v2 (English) reads
    some ten long texts a second, of which the first 256 tokens count, or two hundred of one sentence; a run finds those
    of earlier runs in its cache. With neither `embedding` nor `encoder`, vectors are random projections of a text's
    words and word pairs to 256 numbers, which tell texts apart by their words in any order, not by meaning. Rows
    without a vector, or with one of zeros, are nobody's duplicates.
    """

    fits_on: ClassVar[FitsOn] = "all"
    columns_read: ClassVar[Any] = None

    embedding: str | None = None
    """A column of vectors (lists of numbers, all of one length); without it, vectors are made from the text."""
    encoder: str | None = None
    """A sentence encoder to make vectors with: a folder beside the recipe, or a name such as all-MiniLM-L6-v2."""
    download: bool = False
    """Whether the hub may be asked for the encoder."""
    column: str = "text"
    """The text column that vectors are made from."""
    threshold: float = 0.95
    """The cosine (above 0, up to 1) from which on two rows are duplicates."""
    prefer: str | None = None
    """A column of numbers, dates or strings, such as a score: the row with the greatest stays; nulls come last."""
    probes: int = 4
    """In how many of its nearest cells a row is looked for; more find more pairs, at more cost."""
    seed: int = 1
    """Chooses the sample that the cells are fitted on."""
    partitions: int = 16
    """Into how many parts an exchange cuts the rows; does not change the answer."""

    def __post_init__(self) -> None:
        """Refuse options that can find nothing."""
        if not 0 < self.threshold <= 1:
            raise RecipeError(f"threshold {self.threshold}", where=name_of(self), wanted="above 0, up to 1")
        if self.embedding is not None and self.encoder is not None:
            raise RecipeError("embedding and encoder", where=name_of(self), wanted="one of the two")
        for name in ("probes", "partitions"):
            if getattr(self, name) < 1:
                raise RecipeError(f"{name} {getattr(self, name)}", where=name_of(self), wanted="1 or more")

    @property
    def resources(self) -> Mapping[str, str]:
        """Return the hash of the encoder's weights, if there is one: other weights are another decision."""
        return {} if self.encoder is None else {self.encoder: self._found().digest}

    def anchored(self, base: Path) -> SemanticDuplicates:
        """Return a copy whose encoder, if it is a folder beside the recipe, has an absolute path."""
        beside = self.encoder is not None and (base / self.encoder).is_dir()
        return replace(self, encoder=str(base.absolute() / str(self.encoder))) if beside else self

    def _found(self) -> backbones.Found:
        assert self.encoder is not None
        return backbones.find(self.encoder, where=f"{name_of(self)}.encoder", download=self.download)

    def decide(self, rows: Rows, engine: Engine) -> Rows:
        """Return the decisions: vectors where an encoder makes them, a sample, then cells, components and stars."""
        embedding = self.embedding
        if self.encoder is not None:
            held = self._found()
            embed = Embed(
                folder=str(held.folder),
                pooling=held.pooling,
                column=self.column,
                carry=self.prefer,
                operator=self,
                cache=kept(cache.current(), held.folder, held.pooling),
            )
            rows, embedding = self._exchange(engine, rows, "vectors", embed.emit, embed.gather), VECTOR
        look = partial(vectors, embedding=embedding, column=self.column, operator=self)
        points = centres(rows, engine, look, self.seed)
        scatter = Scatter(look=look, centres=points, probes=self.probes, prefer=self.prefer, operator=self)
        pairs = Pairs(threshold=self.threshold, width=points.width)
        alike = self._exchange(engine, rows, "cells", scatter.emit, pairs.gather)
        roots = components(alike, engine, partitions=self.partitions)
        root, stars = _stars.Root(), _Stars(threshold=self.threshold)
        rooted = self._exchange(engine, union(roots, alike), "root", root.emit, root.gather)
        found = self._exchange(engine, rooted, "stars", stars.emit, stars.gather)
        ids = _stars.Named()
        return found if self.prefer is None else self._exchange(engine, found, "ids", ids.emit, ids.gather)

    def _exchange(self, engine: Engine, rows: Rows, name: str, emit: Any, gather: Any) -> Rows:
        step = Exchange(name=f"{_RULE}.{name}", emit=emit, gather=gather, partitions=self.partitions)
        return engine.exchange(step, rows)


@dataclass(frozen=True, kw_only=True)
class _Stars:
    """Choose who stays, as near duplicates do, under this operator's name."""

    threshold: float

    def emit(self, batch: Batch) -> Batch:
        return _stars.Stars(threshold=self.threshold).emit(batch)

    def gather(self, keyed: Iterator[Batch]) -> Iterable[Batch]:
        for batch in _stars.Stars(threshold=self.threshold).gather(keyed):
            rule = pc.if_else(batch.column("keep"), pa.scalar(None, pa.string()), pa.scalar(_RULE))
            at = DECISION.get_field_index("rule")
            yield batch.set_column(at, DECISION.field(at), rule)


EXAMPLES = (
    SemanticDuplicates(),
    SemanticDuplicates(threshold=0.5, probes=1, prefer="number", seed=7, partitions=3),
)
