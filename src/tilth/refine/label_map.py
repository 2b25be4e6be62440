"""Rename and merge labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from tilth.core.batch import ID, Batch, with_column
from tilth.core.operator import Failure, Outcome, verdicts
from tilth.refine._labels import labels_of


@dataclass(frozen=True, kw_only=True)
class LabelMap:
    """Rename labels, merge several into one, and catch the ones nobody foresaw.

    >>> from tilth.testing import batch
    >>> rename = LabelMap(labels={"SPAM": "spam", "junk": "spam", "ok": "ham"})
    >>> rename.map(batch(label=["SPAM", "junk", "ham", None])).batch.column("label").to_pylist()
    ['spam', 'spam', 'ham', None]
    >>> rename.map(batch(label=["hm"])).failures[0].reason
    'label: unknown label'

    The known labels are the old names and the new ones; a row without a label is not judged.
    """

    labels: Mapping[str, str]
    """Old name to new name. To let a label stay as it is, map it to itself."""
    column: str = "label"
    """The label column; its labels become strings."""
    unknown: Literal["fail", "drop", "keep"] = "fail"
    """What to do with a row whose label is not listed: set it aside, drop it or keep it."""

    def map(self, batch: Batch) -> Batch | Outcome:
        """Return the batch with new names, and the rows with unknown labels if they fail."""
        labels = labels_of(batch, self.column, self)
        known = self._known()
        batch = with_column(
            batch,
            self.column,
            [None if label is None else self.labels.get(label, label) for label in labels],
            pa.string(),
        )
        if self.unknown != "fail":
            return batch
        good = [label is None or label in known for label in labels]
        failures = tuple(
            Failure(row, f"{self.column}: unknown label")
            for row, fine in zip(batch.column(ID).to_pylist(), good, strict=True)
            if not fine
        )
        return Outcome(batch.filter(pa.array(good, pa.bool_())), failures)

    def judge(self, batch: Batch) -> pa.StructArray:
        """Return a verdict for each row whose label is unknown, before or after `map`."""
        known = self._known()
        labels = labels_of(batch, self.column, self)
        return verdicts(
            [self.unknown == "drop" and label is not None and label not in known for label in labels], "label_map"
        )

    def _known(self) -> set[str]:
        return {*self.labels, *self.labels.values()}


EXAMPLES = (
    LabelMap(labels={"spam": "junk", "ham": "ham"}),
    LabelMap(labels={"spam": "junk"}, unknown="drop"),
    LabelMap(labels={"a": "b", "b": "a"}, unknown="keep"),
)
