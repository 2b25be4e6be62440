"""Look at data before there is a recipe: what its columns are, and what a recipe could say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tilth.connectors._cells import WORDS, converted
from tilth.connectors._files.dialect import looks_like_data
from tilth.connectors._files.guesses import Column, Guesses, guessed
from tilth.connectors._files.tags import is_tag
from tilth.connectors._finish import key_text
from tilth.connectors.files import Files
from tilth.core.connector import Record, Reject

ROWS_EACH = 2000
"""How many rows of each file are looked at."""
MOST_FILES = 64
MOST_VALUES = 1000
"""Of a column with more different values than this, they are not kept."""
LONGEST_VALUE = 200


@dataclass(frozen=True, kw_only=True)
class Glance:
    """What a look at some rows of each file says."""

    path: str
    files: tuple[str, ...]
    formats: tuple[str, ...]
    rows: int
    """How many rows were looked at."""
    all_rows: bool
    """Whether there are no more."""
    rejects: int
    columns: tuple[Column, ...]
    guesses: Guesses
    options: Mapping[str, Any]
    """Options of `files` that these data need, such as {"header": False}."""
    notes: tuple[str, ...]
    reasons: tuple[str, ...] = ()
    """Why the first few records that cannot be read cannot."""


def look(path: str, **options: Any) -> Glance:
    """Look at the first 2,000 rows of each file (of up to 64) and guess what the data are for.

    `options` are those of `Files`. A CSV file whose first line looks like a row is read without a header, and a text
    file whose lines have even columns of tabs as one; `options` of the answer says so.
    """
    files = Files(path=path, **options)
    taken = _take(files)
    if "header" not in options and taken.formats & {"csv", "tsv"} and taken.first_is_row():
        return _without_header(path, options)
    if "format" not in options and taken.formats == {"text"} and taken.tabs:
        return look(path, **{**options, "format": "tsv"})
    columns = tuple(tally.column() for tally in taken.tallies.values())
    return Glance(
        path=path,
        files=tuple(taken.files),
        formats=tuple(sorted(taken.formats)),
        rows=taken.rows,
        all_rows=taken.all_rows,
        rejects=taken.rejects,
        columns=columns,
        guesses=guessed(
            columns,
            lambda left, right: taken.tallies[left].sizes == taken.tallies[right].sizes,
            all_rows=taken.all_rows,
        ),
        options=options,
        notes=tuple(dict.fromkeys(taken.notes)),
        reasons=tuple(f"{reject.path}, record {reject.ordinal + 1}: {reject.reason}" for reject in taken.reasons),
    )


def _without_header(path: str, options: Mapping[str, Any]) -> Glance:
    """Read without a header; name the columns after what they are guessed to be."""
    glance = look(path, **{**options, "header": False})
    roles = {"text": glance.guesses.text, "label": glance.guesses.label}
    named = {guess.value: role for role, guess in roles.items() if guess}
    if len(named) < 2 or "names" in options:
        return glance
    return look(path, **{**glance.options, "names": tuple(named.get(each.name, each.name) for each in glance.columns)})


@dataclass
class _Taken:
    files: list[str]
    formats: set[str]
    names: list[str]
    tallies: dict[str, _Tally]
    rows: int = 0
    rejects: int = 0
    all_rows: bool = True
    tabs: bool = False
    notes: list[str] = field(default_factory=list)
    reasons: list[Reject] = field(default_factory=list)

    def first_is_row(self) -> bool:
        """Tell whether what was read as a header is a row: it looks like one, or a name is a value of its column."""
        return looks_like_data(self.names) or any(
            (self.tallies[name].values or Counter())[name] > 1 for name in self.names if name in self.tallies
        )


def _take(files: Files) -> _Taken:
    shards, _ = files.plan(None)
    names = list(dict.fromkeys(str(shard.where["file"]) for shard in shards))
    taken = _Taken(names, {str(shard.where["format"]) for shard in shards} - {""}, [], {})
    wanted = set(names[:: max(1, -(-len(names) // MOST_FILES))])
    taken.all_rows = len(wanted) == len(names)
    counts: Counter[str] = Counter()
    lines: list[str] = []
    for shard in shards:
        file = str(shard.where["file"])
        if file not in wanted or counts[file] >= ROWS_EACH:
            taken.all_rows = taken.all_rows and file in wanted and shard.rows == 0
            continue
        for record in _first(files.read(shard), ROWS_EACH - counts[file], taken):
            counts[file] += record.batch.num_rows
            taken.rows += record.batch.num_rows
            taken.rejects += len(record.rejects)
            taken.notes += record.notes
            taken.reasons += record.rejects[: 5 - len(taken.reasons)]
            taken.names = record.batch.schema.names
            for name, column in zip(record.batch.schema.names, record.batch.columns, strict=True):
                taken.tallies.setdefault(name, _Tally(name, column.type)).add(column)
            if taken.formats == {"text"} and not files.whole and len(lines) < 200:
                lines += record.batch.column("text").to_pylist()[:200]
    counts_of_tabs = {line.count("\t") for line in lines}
    taken.tabs = len(lines) > 1 and len(counts_of_tabs) == 1 and counts_of_tabs != {0}
    return taken


def _first(records: Iterator[Record], rows: int, taken: _Taken) -> Iterator[Record]:
    left = rows
    for record in records:
        if record.batch.num_rows > left:
            taken.all_rows = False
            yield record._replace(batch=record.batch.slice(0, left), names=record.names[:left])
            return
        left -= record.batch.num_rows
        yield record


class _Tally:
    """Count what a column's values are like, a batch at a time, without keeping them."""

    def __init__(self, name: str, type: pa.DataType) -> None:
        self.name, self.type = name, type
        self.rows = self.nulls = self.times = self.tags = self.elements = 0
        self.sizes: list[int] = []
        """The length of each row's value; -1 for null."""
        self.weight = 0.0
        self.hashes: set[int] = set()
        self.values: Counter[str] | None = Counter()

    def add(self, array: pa.Array) -> None:
        """Count a batch's values."""
        self.rows += len(array)
        self.nulls += array.null_count
        listed = pa.types.is_list(self.type) and pa.types.is_string(self.type.value_type)
        if pa.types.is_string(self.type):
            self.times += len(array) - array.null_count - len(converted(array, WORDS["timestamp"])[1])
            self.times -= pc.sum(pc.equal(array, "")).as_py() or 0
        elif pa.types.is_timestamp(self.type) or pa.types.is_date(self.type):
            self.times += len(array) - array.null_count
        for value in array.to_pylist():
            if value is None:
                self.sizes.append(-1)
                continue
            text = key_text(value) or ""
            self.hashes.add(hash(text))
            self.sizes.append(len(value) if listed else len(text))
            self.weight += len(text) + 1.5 * sum("\u2e80" <= char <= "\uffdc" for char in text[:500])
            parts: Sequence[str] = [part or "" for part in value] if listed else [text]
            if listed:
                self.elements += len(parts)
                self.tags += sum(map(is_tag, parts))
            self._count(parts)

    def _count(self, parts: Sequence[str]) -> None:
        if self.values is None:
            return
        if any(len(part) > LONGEST_VALUE for part in parts):
            self.values = None
            return
        self.values.update(parts)
        if len(self.values) > MOST_VALUES:
            self.values = None

    def column(self) -> Column:
        """Say what the values are like."""
        sizes = sorted(size for size in self.sizes if size >= 0)
        filled = max(1, len(sizes))
        places = (0, filled // 4, filled // 2, 3 * filled // 4, filled - 1)
        return Column(
            name=self.name,
            type=_word(self.type),
            rows=self.rows,
            null_share=self.nulls / max(1, self.rows),
            distinct=len(self.hashes),
            mean_length=sum(sizes) / filled,
            lengths=tuple(sizes[place] for place in places) if sizes else (),
            values=dict(sorted((self.values or {}).items())),
            tag_share=self.tags / max(1, self.elements),
            time_share=self.times / filled,
            weight=self.weight / filled,
        )


def _word(kind: pa.DataType) -> str:
    if pa.types.is_list(kind) and pa.types.is_string(kind.value_type):
        return "list of strings"
    return next((word for word, known in WORDS.items() if known == kind), str(kind))
