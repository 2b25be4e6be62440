"""Read items that training rows must not hold from a file of their own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from tilth.core.batch import ID, Batch, canonical
from tilth.core.engine import Rows
from tilth.core.errors import DataError, did_you_mean
from tilth.core.shard import Shard

ITEM = "_item"
"""A column that only items of a file have."""
KINDS = (".txt", ".jsonl", ".csv", ".parquet")
_ROWS = 4096


def items(path: str, columns: tuple[str, ...]) -> Rows:
    """Return a file's items as rows with `columns` as strings and ids such as `quiz.jsonl:3`, counted from 1."""
    file = _found(path)
    shard = Shard(id=file.name, where={"path": path}, bytes=file.stat().st_size)
    return Rows(shards=(shard,), read=_Read(columns=columns))


def file_digest(path: str) -> str:
    """Hash a file's content, so that a changed file is looked at anew."""
    with _found(path).open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _found(path: str) -> Path:
    file = Path(path)
    if file.suffix.lower() not in KINDS:
        raise DataError(f"{path} is no file of items", where="decontaminate", wanted=f"one of {', '.join(KINDS)}")
    if not file.is_file():
        raise DataError(f"no file {path}", where="decontaminate", do="Give its path, relative to the recipe")
    return file


@dataclass(frozen=True, kw_only=True)
class _Read:
    columns: tuple[str, ...]

    def __call__(self, shard: Shard) -> Iterator[Batch]:
        path = Path(shard.where["path"])
        number = 0
        for records in _records(path, self.columns[0]):
            cells: list[list[str | None]] = [[_text(record.get(name)) for record in records] for name in self.columns]
            if records and not any(self.columns[0] in record for record in records):
                known = sorted({str(name) for record in records for name in record})
                raise DataError(
                    f'{path.name} has no column "{self.columns[0]}"',
                    where="decontaminate",
                    wanted=f"one of {', '.join(known)}",
                    do=did_you_mean(self.columns[0], known),
                )
            ids = [f"{path.name}:{number + at + 1}" for at in range(len(records))]
            number += len(records)
            arrays = [pa.array(values, pa.string()) for values in (ids, *cells)]
            found = pa.RecordBatch.from_arrays(arrays, names=[ID, *self.columns])
            yield found.append_column(ITEM, pa.array([True] * len(ids), pa.bool_()))


def _records(path: Path, column: str) -> Iterator[list[dict[str, Any]]]:
    kind = path.suffix.lower()
    if kind == ".parquet":
        import pyarrow.parquet as pq

        with pq.ParquetFile(path) as file:
            yield from (part.to_pylist() for part in file.iter_batches(batch_size=_ROWS))
    elif kind == ".csv":
        import pyarrow.csv as csv

        with csv.open_csv(path, parse_options=csv.ParseOptions(newlines_in_values=True)) as reader:
            yield from (part.to_pylist() for part in reader)
    else:
        yield from _lines(path, column, json_lines=kind == ".jsonl")


def _lines(path: Path, column: str, *, json_lines: bool) -> Iterator[list[dict[str, Any]]]:
    waiting: list[dict[str, Any]] = []
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        for number, line in enumerate(file, 1):
            record = _record(line, path.name, number) if json_lines and line.strip() else {column: line.strip()}
            waiting.append(record)
            if len(waiting) == _ROWS:
                yield waiting
                waiting = []
    if waiting:
        yield waiting


def _record(line: str, name: str, number: int) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise DataError(
            "not JSON", where=f"{name}:{number}", do="Mend the line: an item that is skipped is not looked for"
        ) from error
    if not isinstance(found, dict):
        raise DataError("not an object", where=f"{name}:{number}", wanted='a line such as {"text": "…"}')
    return found


def _text(value: Any) -> str | None:
    if value is None:
        return None
    said = value if isinstance(value, str) else canonical(value)
    return said.encode("utf-8", "replace").decode("utf-8")
