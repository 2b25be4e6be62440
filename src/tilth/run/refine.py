"""Refine: fit on train rows what must be fitted, then run every operator once and commit rows and fates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import AT, ID, PARENTS, SPLIT, Batch, with_column
from tilth.core.edit import Editor
from tilth.core.engine import Rows, Step
from tilth.core.errors import DataError, OperatorError
from tilth.core.events import ShardDone, StageStarted
from tilth.core.fold import STATE_LIMIT, Fold
from tilth.core.shard import RunKey, Shard, Version
from tilth.core.spec import from_spec, spec_of
from tilth.recipe.model import Entry
from tilth.run import edits
from tilth.run.acquire import Acquired
from tilth.run.assign import Assigned
from tilth.run.fingerprint import decides, digest
from tilth.run.ledger import Ledger, Tally
from tilth.run.measures import Measures
from tilth.run.pipe import Link, flow
from tilth.run.prefix import Beside, Prefixed, measuring
from tilth.run.sidecar import Sidecar
from tilth.run.stages import Book, Work, receipt_from, receipt_json
from tilth.tables.lineage import COLUMNS
from tilth.tables.table import Table

STAGE = "refine"
ROOM = "tilth.refine"


@dataclass(frozen=True, kw_only=True)
class Refined:
    """What refine left: the stored data set, the fitted operators, and what each place did."""

    version: Version
    table: Table
    key: str
    skipped: bool
    links: tuple[Link, ...]
    """The row-wise operators as fitted, in order."""
    tallies: dict[str, Tally]
    rows: int


def refine(work: Work, acquired: Acquired, assigned: Assigned) -> Refined:
    """Fit, refine and commit rows and fates under one key."""
    key = digest(STAGE, assigned.key, [decides(entry.part) for entry in work.recipe.refine], work.recipe.tolerance)
    table = work.project.table(work.data)
    book = Book(work.project.stages / f"{STAGE}-{key}")
    raw = acquired.table.scan(acquired.version)
    done = table.version_of(RunKey(key))
    skipped = done is not None and book.get("_facts") is not None
    if not skipped:
        beside = assigned.beside(work.engine)
        links = _fit(work, raw, beside, book)
        _run_all(work, acquired, raw, beside, links, table, book, key)
        done = table.version_of(RunKey(key))
    assert done is not None
    if not skipped:
        _record_lineage(work, table, done)
    facts = book.get("_facts") or {}
    return Refined(
        version=done,
        table=table,
        key=key,
        skipped=skipped,
        links=tuple(Link(place=one["place"], operator=from_spec(ROOM, one["spec"])) for one in facts["links"]),
        tallies={place: Tally(**tally) for place, tally in facts["tallies"].items()},
        rows=facts["rows"],
    )


def _fit(work: Work, raw: Rows, beside: Sidecar, book: Book) -> tuple[Link, ...]:
    """Replace each fold by what it finishes into, learnt from the train rows that reach its place."""
    links: list[Link] = []
    for step in work.plan.narrow:
        number, entry = step.number, step.entry
        operator = entry.part
        if isinstance(operator, Editor):
            operator = edits.Cutting(place=entry.place, column=operator.column)
        elif isinstance(operator, Fold):
            fitted = book.get(f"_fit-{number:03d}")
            if fitted is None:
                operator = _fitted(work, entry, tuple(links), raw, beside)
                book.keep(f"_fit-{number:03d}", spec_of(operator))
            else:
                operator = from_spec(ROOM, fitted)
        links.append(Link(place=entry.place, operator=operator, where=entry.where))
    return tuple(links)


def _fitted(work: Work, entry: Entry, links: tuple[Link, ...], raw: Rows, beside: Sidecar) -> Any:
    fold = entry.part
    only = None if getattr(fold, "fits_on", "train") == "all" else "train"
    read = Prefixed(links=links, read=raw.read, sidecar=beside, split=only, measures=work.measures)
    work.tell(StageStarted(stage=f"fit {entry.place}", shards=len(raw.shards)))
    step = Step(name=f"fit {entry.place}", work=partial(_observe, fold=fold, read=read))
    states = {shard.id: state for shard, state in work.engine.run(step, raw.shards)}
    whole: pa.Table | None = None
    for shard in raw.shards:
        state = states[shard.id]
        if state is not None:
            whole = state if whole is None else fold.merge(whole, state)
    if whole is None:
        raise DataError(
            f"no train row reaches {entry.name}", where=entry.at, do="Look at what the steps before it drop."
        )
    return fold.finish(whole)


def _observe(shard: Shard, *, fold: Any, read: Prefixed) -> pa.Table | None:
    whole: pa.Table | None = None
    for batch in read(shard):
        state = fold.observe(batch)
        whole = state if whole is None else fold.merge(whole, state)
    if whole is not None and whole.nbytes > STATE_LIMIT:
        raise OperatorError(
            f"the state is {whole.nbytes >> 20} MiB",
            where=type(fold).__name__,
            wanted=f"at most {STATE_LIMIT >> 20} MiB",
        )
    return whole


def _run_all(
    work: Work,
    acquired: Acquired,
    raw: Rows,
    beside: Sidecar,
    links: tuple[Link, ...],
    table: Table,
    book: Book,
    key: str,
) -> None:
    fates = work.project.fates(work.data)
    tables = {"rows": table, "fates": fates.table}
    kept = {shard.id: found for shard in raw.shards if (found := book.finished(shard.id, tables)) is not None}
    waiting = [shard for shard in raw.shards if shard.id not in kept]
    work.tell(StageStarted(stage=STAGE, shards=len(raw.shards), done=len(kept)))
    job = RefineShard(
        links=links,
        beside=Beside(read=raw.read, sidecar=beside),
        rows=table,
        fates=fates.table,
        measures=work.measures,
    )
    for shard, result in work.engine.run(Step(name=STAGE, work=job), waiting):
        book.keep(shard.id, result)
        kept[shard.id] = result
        work.tell(ShardDone(stage=STAGE, shard=shard.id, rows=result["rows"]["rows"]))
    work.measures.keep(kept.keys())
    results = [kept[shard.id] for shard in sorted(raw.shards, key=lambda shard: shard.id)]
    tallies: dict[str, Tally] = {}
    for result in results:
        for place, tally in result["tallies"].items():
            tallies.setdefault(place, Tally()).add(Tally(**tally))
    _check_tolerance(work, tallies)
    schema = pa.unify_schemas(
        [pa.ipc.read_schema(pa.py_buffer(bytes.fromhex(r["schema"]))) for r in results if r["schema"]]
        or [_without_at(acquired.table.schema(acquired.version))],
        promote_options="permissive",
    )
    receipts = [receipt_from(result["rows"]) for result in results]
    rows = sum(receipt.rows for receipt in receipts)
    if rows == 0:
        raise DataError("no row is left", where=STAGE, do="Look at what each step drops: " + _drops(tallies))
    fates.commit(
        [receipt_from(result["fates"]) for result in results] + [receipt_from(one) for one in acquired.fates],
        RunKey(key),
        fates.table.newest(),
        mode="overwrite",
        fingerprint=key,
    )
    book.keep(
        "_facts",
        {
            "rows": rows,
            "tallies": {place: vars(tally) for place, tally in tallies.items()},
            # What other rows say is not a served row's concern.
            "links": [
                {"place": link.place, "spec": spec_of(link.operator)}
                for link in links
                if not isinstance(link.operator, edits.Cutting)
            ],
        },
    )
    table.commit(
        receipts, RunKey(key), acquired.version.cursor, table.newest(), schema=schema, mode="overwrite", fingerprint=key
    )


@dataclass(frozen=True, kw_only=True)
class RefineShard:
    """Refine one shard of acquired rows (on a worker)."""

    links: tuple[Link, ...]
    beside: Beside
    rows: Table
    fates: Table
    measures: Measures | None = None

    def __call__(self, shard: Shard) -> dict[str, Any]:
        """Write kept rows and fates; returns receipts and counts as JSON values."""
        ledger = Ledger()
        seen: list[pa.Schema] = []
        receipt = self.rows.write(shard, self._kept(shard, ledger, seen))
        fates = self.fates.write(shard, ledger.batches())
        return {
            "rows": receipt_json(receipt),
            "fates": receipt_json(fates),
            "tallies": {place: vars(tally) for place, tally in ledger.tallies.items()},
            "schema": pa.unify_schemas(seen, promote_options="permissive").serialize().to_pybytes().hex()
            if seen
            else None,
        }

    def _kept(self, shard: Shard, ledger: Ledger, seen: list[pa.Schema]) -> Iterator[Batch]:
        with measuring(self.measures, self.links, shard) as measured:
            for batch, note in self.beside.pairs(shard):
                batch = edits.beside(with_column(batch, SPLIT, note.column("split")), note, self.links)
                note = with_column(note, ID, batch.column(ID))
                leaves = note.column("rule").is_valid()
                _write_leaving(note.filter(leaves), ledger)
                batch = flow(batch.filter(pc.invert(leaves)), self.links, ledger, measured)
                batch = edits.without(batch).drop_columns([AT])
                if batch.num_rows:
                    if batch.schema not in seen:
                        seen.append(batch.schema)
                    yield batch


def _write_leaving(gone: Batch, ledger: Ledger) -> None:
    """Write the fates of rows that clusters, splits or repeated keys let go."""
    for place in sorted(set(gone.column("place").to_pylist())):
        part = gone.filter(pc.equal(gone.column("place"), place))
        tally = ledger.tally(place)
        tally.dropped += part.num_rows
        for rule in part.column("rule").to_pylist():
            tally.by_rule[rule] = tally.by_rule.get(rule, 0) + 1
        columns = {name: part.column(name) for name in ("rule", "value", "threshold", "other_id")}
        ledger.write(place, "dropped", {ID: part.column(ID), **columns}, part.num_rows)


def _record_lineage(work: Work, table: Table, version: Version) -> None:
    """Write down which rows were made of which: from the first version on, since an erasure follows these."""
    lineage = work.project.lineage
    rows = table.scan(version, COLUMNS)
    made = [
        shard
        for shard in rows.shards
        if any(batch.column(PARENTS).null_count < batch.num_rows for batch in rows.read(shard))
    ]
    receipts = [
        lineage.write(Shard(id=f"{version.table.replace('/', '-')}-{shard.id}"), rows.read(shard), version)
        for shard in made
    ]
    lineage.commit(receipts, version)


def _check_tolerance(work: Work, tallies: dict[str, Tally]) -> None:
    entries = {entry.place: entry for entry in work.recipe.refine}
    for place, tally in tallies.items():
        if tally.failed and tally.failed > work.recipe.tolerance * tally.rows_in:
            where = entries[place].at if place in entries else place
            raise OperatorError(
                f"failed on {tally.failed} of {tally.rows_in} rows",
                where=where,
                wanted=f"at most {work.recipe.tolerance:.1%} (tolerance)",
                do="Mend the operator or the rows, or raise `tolerance:`. Nothing was committed.",
            )


def _drops(tallies: dict[str, Tally]) -> str:
    said = [f"{place} drops {tally.dropped}" for place, tally in sorted(tallies.items()) if tally.dropped]
    return "; ".join(said) or "none"


def _without_at(schema: pa.Schema) -> pa.Schema:
    return schema.remove(schema.get_field_index(AT))
