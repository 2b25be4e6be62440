"""Find values that stand in two rows, in all of a source: through an exchange of hashes, in constant memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.agreement import Agreement
from tilth.core.batch import ID, Batch, canonical, cell_bytes, for_python
from tilth.core.engine import KEY, Engine, Exchange, Rows
from tilth.core.groups import whole

PARTITIONS = 16
_COUNTS = pa.schema([("column", pa.int32()), ("rows", pa.int64())])


def repeated(agreement: Agreement, rows: Rows, engine: Engine, salt: bytes) -> Mapping[str, int]:
    """Count, for each unique column in which a value repeats, the rows beyond the first of each value.

    `rows` are all rows that are about to be committed, once each, with `_id`. Values travel as 128-bit hashes under
    the salt (BLAKE2b); only counts come to the driver. Nulls don't count.
    """
    columns = agreement.unique
    if not columns or not rows.shards:
        return {}
    step = Exchange(name="agreement-unique", emit=_Emit(columns, salt), gather=_count, partitions=PARTITIONS)
    found: dict[str, int] = {}
    for batch in engine.exchange(step, rows).batches():
        for column, count in zip(batch.column("column").to_pylist(), batch.column("rows").to_pylist(), strict=True):
            found[columns[column]] = found.get(columns[column], 0) + count
    return {name: found[name] for name in columns if name in found}


@dataclass(frozen=True)
class _Emit:
    """Key each value of each unique column by its hash."""

    columns: tuple[str, ...]
    salt: bytes

    def __call__(self, batch: Batch) -> Batch:
        parts = [
            self._column(batch, number, name) for number, name in enumerate(self.columns) if name in batch.schema.names
        ]
        parts.append(_keyed(b"", batch.column(ID).slice(0, 0), 0))
        return pa.Table.from_batches(parts).combine_chunks().to_batches()[0] if _some(parts) else parts[-1]

    def _column(self, batch: Batch, number: int, name: str) -> Batch:
        present = batch.column(name).is_valid()
        cells, ids = batch.column(name).filter(present), batch.column(ID).filter(present)
        if pa.types.is_dictionary(cells.type):
            cells = cells.cast(cells.type.value_type)
        base = hashlib.blake2b(f"{name}\0".encode("utf-8", "surrogatepass"), digest_size=16, key=self.salt[:64])
        digests = []
        for cell in _bytes(cells):
            hasher = base.copy()
            hasher.update(cell)
            digests.append(hasher.digest())
        return _keyed(b"".join(digests), ids, number)


def _bytes(cells: pa.Array) -> Iterator[bytes | memoryview]:
    if pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type):
        return (b"" if cell is None else cell for cell in cell_bytes(cells))
    return (canonical(cell).encode("utf-8", "surrogatepass") for cell in for_python(cells).to_pylist())


def _keyed(digests: bytes, ids: pa.Array, number: int) -> Batch:
    halves: npt.NDArray[np.uint64] = np.frombuffer(digests, "<u8").reshape(-1, 2)
    columns = [pa.array(halves[:, 0]), ids, pa.array(halves[:, 1]), pa.repeat(pa.scalar(number, pa.int32()), len(ids))]
    return pa.RecordBatch.from_arrays(columns, names=[KEY, ID, "rest", "column"])


def _some(parts: list[Batch]) -> bool:
    return any(part.num_rows for part in parts)


def _count(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Count, in one partition, by column, the rows beyond the first of each value."""
    totals: dict[int, int] = {}
    for batch in whole(batches, KEY):
        groups = pa.Table.from_batches([batch]).group_by([KEY, "rest", "column"]).aggregate([([], "count_all")])
        more = groups.filter(pc.greater(groups.column("count_all"), 1))
        for column, count in zip(more.column("column").to_pylist(), more.column("count_all").to_pylist(), strict=True):
            totals[column] = totals.get(column, 0) + count - 1
    if totals:
        yield pa.RecordBatch.from_pydict({"column": list(totals), "rows": list(totals.values())}, schema=_COUNTS)
