"""Find out what there is to look at: files by themselves, or what a recipe reads and does."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from tilth.connectors._files.look import look
from tilth.connectors.files import Files
from tilth.core import registry
from tilth.core.batch import AT, ID, SYSTEM_FIELDS, Batch, row_ids, with_column
from tilth.core.connector import Source
from tilth.core.engine import Rows
from tilth.core.errors import DataError, RecipeError, did_you_mean
from tilth.core.fold import Fold
from tilth.core.operator import Decider, Filter, Mapper
from tilth.core.shard import Shard
from tilth.recipe import check as checking
from tilth.recipe.model import Recipe
from tilth.run.pipe import Link

ROOM = "tilth.refine"
PLACE = AT
"""The column that says where a row stands, for people; no data set's own column has its name."""
_SALT = b"tilth inspect"
"""Ids here choose examples and duplicates; they are not a project's."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """What to look at."""

    data: str
    rows: Rows
    files: int
    column: str | None
    trials: tuple[Link, ...]
    """Operators to try."""
    chained: bool
    """Whether each operator sees what those before it made of the rows, as in a recipe; else each sees the raw rows."""
    deciders: tuple[Link, ...]
    code: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


class Read(NamedTuple):
    """One batch, how many records beside it could not be read, and why some could not."""

    batch: Batch
    rejected: int
    reasons: list[str]


@dataclass(frozen=True, kw_only=True)
class ReadSources:
    """Read a shard with ids; of a shard with a limit, an even choice of so many rows."""

    sources: tuple[tuple[str, Source], ...]

    def __call__(self, shard: Shard) -> Iterator[Batch]:
        return (batch for batch, _, _ in self.records(shard))

    def records(self, shard: Shard) -> Iterator[Read]:
        """Yield batches, how many records could not be read, and some reasons."""
        limit = shard.where["limit"]
        if limit is None:
            yield from self._all(shard)
            return
        held: pa.Table | None = None
        for batch, rejected, reasons in self._all(shard):
            part = pa.Table.from_batches([batch])
            held = part if held is None else pa.concat_tables([held, part], promote_options="permissive")
            if held.num_rows > limit:
                # Ids are hashes, so the smallest are an even choice, and the same one each time.
                order = pc.sort_indices(held, sort_keys=[(ID, "ascending")]).slice(0, limit)
                held = held.take(pa.array(sorted(order.to_pylist()), pa.int64()))
            yield Read(batch.slice(0, 0), rejected, reasons)
        for batch in [] if held is None else held.combine_chunks().to_batches(max_chunksize=8192):
            yield Read(batch, 0, [])

    def _all(self, shard: Shard) -> Iterator[Read]:
        name, source = self.sources[shard.where["source"]]
        for record in source.read(Shard(**shard.where["inner"])):
            taken = [one for one in record.batch.schema.names if one in SYSTEM_FIELDS]
            if taken:
                raise DataError(f'the column name "{taken[0]}" is taken by Tilth', where=name, do="Rename it.")
            batch = with_column(record.batch, ID, row_ids(record.names, name, _SALT), pa.string())
            batch = with_column(batch, PLACE, list(record.names), pa.string())
            reasons = [f"{one.path} record {one.ordinal + 1}: {one.reason}" for one in record.rejects[:5]]
            yield Read(batch, len(record.rejects), reasons)


def of(data: str, *, column: str | None, rules: Sequence[str] | None, limit: int | None) -> Target:
    """Return what to look at. Raises `RecipeError` for a recipe or a rule that is wrong, `DataError` for the data."""
    if Path(data).suffix in (".yaml", ".yml"):
        return _recipe(data, column, rules, limit)
    path = data if Path(data).is_absolute() else str(Path.cwd() / data)
    glance = look(path)
    source = Files(path=path, name=data, **glance.options)
    known = {one.name: one.type for one in glance.columns}
    guess = glance.guesses.text
    chosen = _text_column(column, known, str(guess.value) if guess else None, data)
    rows, files = _rows([(data, source)], limit)
    return Target(
        data=data,
        rows=rows,
        files=files,
        column=chosen,
        trials=_named(rules, chosen) if chosen else (),
        chained=False,
        deciders=_duplicates(chosen, list(known)),
        notices=tuple(_said(name, value) for name, value in glance.options.items()),
    )


def _said(option: str, value: Any) -> str:
    """Say how the files had to be read."""
    if option == "header":
        return "read without a header line: the first line looks like a row"
    told = ", ".join(value) if isinstance(value, tuple) else value
    return f"columns named by a guess: {told}" if option == "names" else f"read with {option}: {told}"


def _recipe(path: str, column: str | None, rules: Sequence[str] | None, limit: int | None) -> Target:
    recipe = checking.load(Path(path))
    folder = Path(recipe.path).resolve().parent
    sources: list[tuple[str, Source]] = []
    for entry, source in recipe.sources():
        name = getattr(source, "name", None) or getattr(source, "path", None) or entry.name
        sources.append((str(name), source.anchored(folder) if hasattr(source, "anchored") else source))
    rows, files = _rows(sources, limit)
    schema = _schema(rows)
    known = {field.name: "string" if _is_text(field.type) else str(field.type) for field in schema}
    chosen = _text_column(column, known, _read_by_model(recipe, known), path)
    links, deciders, fitted = _links(recipe)
    notices = [f"{place} learns from train rows first: not tried here" for place in fitted]
    if rules is not None:
        links = _named(rules, chosen or "text")
    return Target(
        data=path,
        rows=rows,
        files=files,
        column=chosen,
        trials=links,
        chained=rules is None,
        deciders=deciders or _duplicates(chosen, list(known)),
        code=recipe.code,
        notices=tuple(notices),
    )


def _links(recipe: Recipe) -> tuple[tuple[Link, ...], tuple[Link, ...], list[str]]:
    links, deciders, fitted = [], [], []
    for entry in recipe.refine:
        link = Link(place=entry.place, operator=entry.part, where=entry.where)
        if isinstance(entry.part, Decider):
            deciders.append(link)
        elif isinstance(entry.part, Fold):
            fitted.append(entry.place)
        elif isinstance(entry.part, (Mapper, Filter)):
            links.append(link)
    return tuple(links), tuple(deciders), fitted


def _rows(sources: list[tuple[str, Source]], limit: int | None) -> tuple[Rows, int]:
    shards: list[Shard] = []
    files: set[str] = set()
    planned = [(number, shard) for number, (_, source) in enumerate(sources) for shard in source.plan(None)[0]]
    total = sum(max(shard.bytes, 1) for _, shard in planned) or 1
    for number, shard in planned:
        files.add(f"{number} {shard.where.get('file', shard.id)}")
        share = None if limit is None else -(-limit * max(shard.bytes, 1) // total)
        where = {"source": number, "inner": dataclasses.asdict(shard), "limit": share}
        shards.append(Shard(id=f"{number:03d}-{shard.id}", where=where, bytes=shard.bytes))
    return Rows(shards=tuple(shards), read=ReadSources(sources=tuple(sources))), len(files)


def _schema(rows: Rows) -> pa.Schema:
    for shard in rows.shards:
        for batch in rows.read(shard):
            if batch.num_rows:
                return batch.drop_columns([ID, PLACE]).schema
    raise DataError("the sources hold no readable row", where="acquire")


def _text_column(asked: str | None, known: dict[str, str], guess: str | None, where: str) -> str | None:
    texts = [name for name, kind in known.items() if kind in ("string", "list of strings")]
    if asked is None:
        return guess or ("text" if "text" in texts else None)
    if asked not in known:
        raise DataError(
            f'no column "{asked}"',
            where=where,
            wanted=f"one of {', '.join(known)}",
            do=did_you_mean(asked, known),
        )
    if asked not in texts:
        raise DataError(f'column "{asked}" holds {known[asked]}', where=where, wanted="a column of strings")
    return asked


def _read_by_model(recipe: Recipe, known: dict[str, str]) -> str | None:
    part = recipe.train.part if recipe.train else None
    wanted = [getattr(part, name, None) for name in ("text", "tokens")]
    return next((str(name) for name in wanted if isinstance(name, str) and name in known), None)


def _named(rules: Sequence[str] | None, column: str) -> tuple[Link, ...]:
    """Return the operators asked for, or every rule set of thresholds, each with its defaults on the text column."""
    names = [name for name in registry.names(ROOM) if _is_rule_set(name)] if rules is None else list(rules)
    links = []
    for name in names:
        kind = registry.find(ROOM, name, where="--rules")
        options = {option.name: option for option in registry.options(kind)}
        missing = [one for one, option in options.items() if option.required]
        if not (hasattr(kind, "judge") and not missing):
            raise RecipeError(
                f"{name} " + (f"needs {', '.join(missing)}" if missing else "drops no row by itself"),
                where="--rules",
                wanted="operators that judge each row, with defaults",
                do="Write it into a recipe and inspect that." if missing else None,
            )
        given: dict[str, Any] = {"column": column} if "column" in options else {}
        given |= {"columns": (column,)} if "columns" in options else {}
        links.append(Link(place=name, operator=kind(**given)))
    return tuple(links)


def _is_rule_set(name: str) -> bool:
    return hasattr(registry.find(ROOM, name), "rules")


def _duplicates(column: str | None, names: list[str]) -> tuple[Link, ...]:
    exact = registry.find(ROOM, "exact_duplicates")
    links = [Link(place="exact_duplicates", operator=exact(columns=(column,) if column else tuple(names)))]
    if column:
        near = registry.find(ROOM, "near_duplicates")
        links.append(Link(place="near_duplicates", operator=near(column=column)))
    return tuple(links)


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind))
