"""Row-wise operators of a user's own: one maps, one judges, one does both, one only works on many rows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import ID, Batch, with_column
from tilth.core.operator import Failure, Outcome, verdicts


@dataclass(frozen=True, kw_only=True)
class OwnSpaces:
    """Collapse white space; a text with a NUL is set aside."""

    column: str = "text"

    def map(self, batch: Batch) -> Outcome:
        texts = batch.column(self.column).to_pylist()
        bad = [text is not None and "\0" in text for text in texts]
        ids = batch.column(ID).to_pylist()
        failures = tuple(Failure(id, "a NUL character") for id, wrong in zip(ids, bad, strict=True) if wrong)
        fixed = [None if text is None else re.sub(r"\s+", " ", text).strip() for text in texts]
        kept = pa.array([not wrong for wrong in bad], pa.bool_())
        return Outcome(with_column(batch, self.column, fixed, pa.string()).filter(kept), failures)


@dataclass(frozen=True, kw_only=True)
class OwnShort:
    """Drop texts of fewer than `least` characters."""

    version: ClassVar[int] = 3
    packages: ClassVar[tuple[str, ...]] = ("pyarrow",)

    least: int = 3

    def judge(self, batch: Batch) -> pa.StructArray:
        lengths = pc.fill_null(pc.utf8_length(batch.column("text")), 0).to_pylist()
        if "raise here" in batch.column("text").to_pylist():
            raise LookupError("raise here")
        return verdicts([n < self.least for n in lengths], "short", values=lengths, threshold=self.least)


@dataclass(frozen=True, kw_only=True)
class OwnShout:
    """Write in lower case, then drop what the mapping counted as shouting: both on one class."""

    most: float = 0.8
    words: tuple[str, ...] = ()

    def map(self, batch: Batch) -> Batch:
        texts = [text or "" for text in batch.column("text").to_pylist()]
        share = [sum(c.isupper() for c in text) / max(1, len(text)) for text in texts]
        batch = with_column(batch, "upper_share", share, pa.float64())
        return with_column(batch, "text", pc.utf8_lower(batch.column("text")))

    def judge(self, batch: Batch) -> pa.StructArray:
        share = batch.column("upper_share").to_pylist()
        return verdicts([part > self.most for part in share], "shout", values=share, threshold=self.most)


@dataclass(frozen=True, kw_only=True)
class OwnFold:
    """Count rows: a fold, which must not enter a bundle."""

    def observe(self, batch: Batch) -> pa.Table:
        return pa.table({"rows": [batch.num_rows]})

    def merge(self, left: pa.Table, right: pa.Table) -> pa.Table:
        return left

    def finish(self, state: pa.Table) -> int:
        return int(state.column("rows")[0].as_py())


@dataclass(frozen=True, kw_only=True)
class OwnTitle:
    """Make the text from a title and a body."""

    def map(self, batch: Batch) -> Batch:
        title, body = pc.fill_null(batch.column("title"), ""), batch.column("body")
        return with_column(batch, "text", pc.binary_join_element_wise(title, body, " "))
