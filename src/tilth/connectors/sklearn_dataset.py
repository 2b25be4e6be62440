"""Read a small public data set that comes with scikit-learn: no network, to try things."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import pyarrow as pa

from tilth.connectors._reading import ROWS
from tilth.core.batch import canonical
from tilth.core.connector import Finding, Record, Source
from tilth.core.errors import missing_extra
from tilth.core.shard import Cursor, Shard

_LOADERS = {"iris": 150, "wine": 178, "breast_cancer": 569, "digits": 1797, "diabetes": 442, "linnerud": 20}
"""The sets that lie in the package, and their rows."""


@dataclass(frozen=True, kw_only=True)
class SklearnDataset:
    """Read a data set that comes with scikit-learn, such as iris, wine or digits.

    Columns are named as the set names them, with `_` for what is no letter or digit; the answer is `target`, in words
    where there are classes.

    >>> SklearnDataset(dataset="iris").source
    'sklearn:iris'
    """

    dataset: Literal["iris", "wine", "breast_cancer", "digits", "diabetes", "linnerud"]
    """Which one."""
    licence: str | None = None
    """The licence that the rows come under; the sets are public, and their pages say how."""
    name: str | None = None
    """What to call the source; by default sklearn:<dataset>. Row ids depend on it."""
    split: Literal["train", "valid", "test"] | None = None
    """Put all rows of this source into one split."""
    subject: ClassVar[str | None] = None

    @property
    def source(self) -> str:
        """The source's name."""
        return self.name or f"sklearn:{self.dataset}"

    def plan(self, since: Cursor | None = None) -> tuple[Sequence[Shard], Cursor]:
        """Return one shard; none where it was read before."""
        cursor = Cursor(position={"dataset": self.dataset, "rows": _LOADERS[self.dataset]})
        if since is not None and since == cursor:
            return (), cursor
        where = {"dataset": self.dataset}
        return [Shard(id=self.dataset, where=where, rows=_LOADERS[self.dataset], bytes=1 << 16)], cursor

    def read(self, shard: Shard) -> Iterator[Record]:
        """Read the rows; a row's name is its number."""
        batch = _table(shard.where["dataset"])
        for at in range(0, batch.num_rows, ROWS):
            part = batch.slice(at, ROWS)
            yield Record(batch=part, names=tuple(canonical(str(at + row)) for row in range(part.num_rows)))

    def probe(self) -> Iterator[Finding]:
        """Load it."""
        batch = _table(self.dataset)
        yield Finding(True, f"{batch.num_rows} rows, {batch.num_columns} columns")


def _table(dataset: str) -> pa.RecordBatch:
    try:
        import sklearn.datasets as sets
    except ModuleNotFoundError as error:
        raise missing_extra("scikit-learn", "train", "reading its data sets") from error
    found: Any = getattr(sets, f"load_{dataset}")()
    columns = {_named(name): found.data[:, at].tolist() for at, name in enumerate(found.feature_names)}
    if dataset == "linnerud":
        columns |= {_named(name): found.target[:, at].tolist() for at, name in enumerate(found.target_names)}
    elif hasattr(found, "target_names"):
        columns["target"] = [str(found.target_names[number]) for number in found.target]
    else:
        columns["target"] = found.target.tolist()
    return pa.RecordBatch.from_pydict(columns)


def _named(name: str) -> str:
    return "_".join("".join(letter if letter.isalnum() else " " for letter in name.lower()).split())


_: type[Source] = SklearnDataset
