"""Keep the rows of a run as a Delta table: in a folder, S3, Google Cloud Storage or HDFS."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import pyarrow as pa

from tilth.bytes.opening import open_store
from tilth.connectors._delta_probe import probe
from tilth.core.batch import ID, Batch
from tilth.core.connector import Finding, Probed, Sink
from tilth.core.errors import DataError, RecipeError, TilthError
from tilth.core.secret import shown_url
from tilth.core.shard import Cursor, Receipt, RunKey, Shard, Version
from tilth.tables._parts import columns_of
from tilth.tables.table import Table


@dataclass(frozen=True, kw_only=True)
class Delta:
    """Keep rows in a Delta table, which any reader of Delta tables can open; every version stays readable.

    Each run makes one version in one act, whoever else writes to the table. Keys, endpoint and region come from the
    environment, by the variables that the systems' own clients read (`AWS_*`, `GOOGLE_*`, `HADOOP_*`).

    >>> Delta(path="datasets/support").anchored(Path("/project")).path
    '/project/datasets/support'
    """

    path: str
    """A folder, relative to the recipe, or a URL: s3://bucket/prefix, gs://bucket/prefix, hdfs://host:port/path."""
    mode: Literal["replace", "append", "upsert"] = "replace"
    """What becomes of the rows before: this run's replace them all; they stay; they stay but for those whose key this
    run's rows have."""
    key: str | tuple[str, ...] = ID
    """For upsert, the column or columns that say which row is which."""
    compact: bool = False
    """Whether to bundle small parts after each commit, in a version of its own."""
    name: str | None = None
    """What to call the table in messages; by default the path as written."""

    def __post_init__(self) -> None:
        try:
            open_store(self.path)
        except DataError as error:
            raise RecipeError(error.what, where="delta.path", wanted=error.wanted, do=error.do) from error
        if not self.key:
            raise RecipeError("no column is named", where="delta.key", wanted="a column, such as _id")

    @property
    def table(self) -> Table:
        """The table; opens nothing."""
        return self._table

    @property
    def _shown(self) -> str:
        return self.name or (shown_url(self.path) if "://" in self.path else self.path)

    @cached_property
    def _table(self) -> Table:
        return Table(self.path, name=self._shown)

    def anchored(self, base: Path) -> Delta:
        """Return a copy whose folder is absolute; the table's name stays what it was."""
        path = self.path if "://" in self.path else str(base.absolute() / self.path)
        return dataclasses.replace(self, path=path, name=self._shown)

    def write(self, shard: Shard, batches: Iterable[Batch]) -> Receipt:
        """Write a shard's rows to parts that no version names yet."""
        return self._table.write(shard, batches)

    def commit(
        self, receipts: Sequence[Receipt], key: RunKey, cursor: Cursor | None, expected: Version | None
    ) -> Version:
        """Make the parts a version, once per run key.

        An upsert reads the keys of the whole table here, and writes anew the parts that hold a row with one of the new
        keys. Raises `CommitConflict` unless `expected` is the newest version, `DataError` where an upsert's rows have
        no key or share one.
        """
        done = self._table.version_of(key)
        if done is not None:
            return self._after(done)
        if self.mode == "upsert":
            by = (self.key,) if isinstance(self.key, str) else tuple(self.key)
            version = self._table.upsert(receipts, key, cursor, expected, by=by)
        else:
            mode: Literal["append", "overwrite"] = "append" if self.mode == "append" else "overwrite"
            version = self._table.commit(
                receipts, key, cursor, expected, schema=self._columns(receipts, expected), mode=mode
            )
        if self.compact:
            self._compact()
        return self._after(version)

    def newest(self) -> Version | None:
        """Return the newest version, None when there is none."""
        return self._table.newest()

    def probe(self) -> Iterator[Finding]:
        """Try what a run needs: to list, to create where nothing is and nowhere else, to read, to delete."""
        yield from probe(self._table)

    def _columns(self, receipts: Sequence[Receipt], expected: Version | None) -> pa.Schema | None:
        """Return columns for a run without rows: those of the version before."""
        if any(len(columns_of(receipt)) for receipt in receipts):
            return None
        return self._table.schema(expected) if expected is not None else pa.schema([(ID, pa.string())])

    def _compact(self) -> None:
        try:
            self._table.compact()
        except TilthError:
            # The rows are committed: others are at work, or the store is; the next run's compaction does it.
            return

    def _after(self, version: Version) -> Version:
        """Return the last version that a compaction made of this one."""
        return self._table.compacted(version)


_fits: type[Sink] = Delta
_fits_too: type[Probed] = Delta
