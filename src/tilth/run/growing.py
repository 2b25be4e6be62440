"""Read what is new, changed or gone since the last run, and join it to what was acquired before."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa

from tilth.core.batch import AT, ID, REV
from tilth.core.shard import Cursor, RunKey, Version
from tilth.run import increment
from tilth.run.agreed import judged
from tilth.run.collect import (
    Receipts,
    check_bad_rows,
    finish,
    in_common_types,
    latest,
    numbered,
    parts_of_source,
    readers,
    schema_of,
    source_facts,
    spec_with_agreement,
    stable,
    unified,
)
from tilth.run.fingerprint import digest
from tilth.run.landing import STAGE, Planned
from tilth.run.reading import GONE, schema_from
from tilth.run.stages import Book, Work, cursor_json, receipt_from
from tilth.tables.table import Table


@dataclass(frozen=True, kw_only=True)
class Carried:
    """What an earlier run left of a source, which this one adds to."""

    cursor: Cursor
    generation: int
    schema: str | None
    facts: Mapping[str, Any]


class Grown(NamedTuple):
    """What there is after the join."""

    version: Version
    key: str
    changed: bool
    facts: list[dict[str, Any]]


def before(work: Work, names: Sequence[str], base: Version | None) -> dict[int, Carried]:
    """Return what is known of sources that stand where they stood, with the options that they had."""
    if base is None or base.cursor is None or work.sample is not None:
        return {}
    told = base.cursor.position.get("_sources")
    book = Book(work.project.stages / f"{STAGE}-{base.fingerprint}").get("_sources") or {}
    facts = {one["name"]: one for one in book.get("sources", ())}
    found: dict[int, Carried] = {}
    for at, (entry, name) in enumerate(zip(work.recipe.acquire, names, strict=True)):
        one = told.get(name) if isinstance(told, Mapping) else None
        if one and one["at"] == at and one["spec"] == digest(spec_with_agreement(entry)) and name in facts:
            position = base.cursor.position[name]
            found[at] = Carried(
                cursor=Cursor(position=position),
                generation=one["generation"],
                schema=one["schema"],
                facts=facts[name],
            )
    return found


def cursor_of(planned: Sequence[Planned], states: Mapping[str, Any]) -> Cursor:
    """Return how far all sources were read, and what is to be known of each the next time."""
    return Cursor(position={**{one.name: cursor_json(one.cursor) for one in planned}, "_sources": dict(states)})


def state_of(at: int, one: Planned, generation: int, schema: str | None) -> dict[str, Any]:
    """Return what is to be known of a source the next time."""
    return {
        "at": at,
        "spec": digest(spec_with_agreement(one.entry)),
        "generation": generation,
        "schema": schema,
    }


class Growing:
    """Read what is new, and join it to what was acquired before."""

    def __init__(
        self, work: Work, planned: list[Planned], before: dict[int, Carried], table: Table, base: Version
    ) -> None:
        self.work, self.planned, self.before, self.table, self.base = work, planned, before, table, base
        # A source that is read whole and has not changed stays as it is, like the old rows of one that grows.
        self.carried = {
            at: before[at]
            for at, one in enumerate(planned)
            if at in before and (one.since is not None or cursor_json(one.cursor) == before[at].cursor.position)
        }
        due = [[one.name, stable(one), at in self.carried] for at, one in enumerate(planned)]
        self.book = Book(work.project.stages / f"{STAGE}-{digest('growing', base.key, base.fingerprint, due)}")

    def grown(self) -> Grown:
        """Read, join, commit; where nothing changed, only the cursors move."""
        work, table = self.work, self.table
        tombstones = work.project.decisions(f"{work.data}.gone")
        shards = [
            numbered(at, self._generation(at), shard)
            for at, one in enumerate(self.planned)
            if one.since is not None or at not in self.carried
            for shard in one.shards
        ]
        reading = readers(work, self.planned, table, tombstones)
        receipts = finish(work, self.book, shards, reading)
        schemas = {name: schema_from(one["schema"]) for name, one in receipts.items() if one["schema"]}
        known = {f"{at:03d}-": schema_from(one.schema) for at, one in self.carried.items() if one.schema}
        whole = unified({**known, **schemas}, self.planned)
        receipts |= in_common_types(work, self.book, shards, reading, schemas, whole)
        joined = self._join(receipts, tombstones, whole)
        replaced = [name for name in receipts if int(name[:3]) not in self.carried]
        facts = [self._facts(at, one, receipts, joined) for at, one in enumerate(self.planned)]
        for one, fact in zip(self.planned, facts, strict=True):
            check_bad_rows(work, one, fact)
        run = digest(
            "judged", self.base.number, [[name, one["rows"]["parts"]] for name, one in sorted(receipts.items())]
        )
        judged(work, self.planned, receipts, facts, self._held(joined, receipts), table, run, grows=True)
        changed = joined.changed or len(facts) != len(self.carried)
        key = self._key(joined) if changed else self.base.fingerprint
        states = {one.name: self._standing(at, one, joined, schemas, known) for at, one in enumerate(self.planned)}
        if changed:
            Book(work.project.stages / f"{STAGE}-{key}").keep("_sources", {"sources": facts})
        else:
            # What could not be read again was told when it was read first.
            facts = [{**self.carried[at].facts, "notes": fact["notes"]} for at, fact in enumerate(facts)]
        version = self._commit(joined, [receipts[name] for name in replaced], key, states, whole, receipts, tombstones)
        # The same plan may find other rows the next time: an overlap is read anew.
        shutil.rmtree(self.book.folder, ignore_errors=True)
        return Grown(version, key, changed, facts)

    def _held(self, joined: increment.Joined, receipts: Receipts) -> dict[int, list[str]]:
        """Return the parts that hold each source's rows after the join."""
        held = {at: parts_of_source(receipts, at) for at in range(len(self.planned)) if at not in self.carried}
        paths = [*joined.keep, *(part.path for receipt in joined.receipts for part in receipt.parts)]
        for at in self.carried:
            held[at] = [path for path in paths if increment.shard_of(path).startswith(f"{at:03d}-")]
        return held

    def _generation(self, at: int) -> int:
        return self.carried[at].generation + 1 if at in self.carried else 0

    def _parts(self) -> dict[str, tuple[str, ...]]:
        """Return the parts of the base that may stay, by shard."""
        held = increment.shards_of(self.table.parts(self.base))
        return {name: paths for name, paths in held.items() if int(name[:3]) in self.carried}

    def _join(self, receipts: Mapping[str, Any], tombstones: Table, whole: pa.Schema) -> increment.Joined:
        parts = self._parts()
        mine = {name: one for name, one in receipts.items() if int(name[:3]) in self.carried}
        # Delta holds one type a column: where one changes, the rows that stay are written anew in it.
        held = self.table.schema(self.base)
        retyped = any(f.name in held.names and held.field(f.name).type != f.type for f in whole)
        gone = [path for one in mine.values() if "gone" in one for path in (p["path"] for p in one["gone"]["parts"])]
        return increment.join(
            self.table,
            increment.Base(parts=parts, cast=frozenset(parts if retyped else ())),
            self.table.scan(self.base, [ID, REV, AT]),
            [receipt_from(mine[name]["rows"]) for name in sorted(mine)],
            increment.parts_of(tombstones, gone),
            whole,
            self.work.engine,
        )

    def _facts(self, at: int, one: Planned, receipts: Mapping[str, Any], joined: increment.Joined) -> dict[str, Any]:
        facts = source_facts(at, one, receipts)
        if at not in self.carried:
            return facts
        held = self.carried[at].facts
        prefix = f"{at:03d}-"
        stay = set(joined.keep)
        rows = sum(receipt.rows for receipt in joined.receipts if receipt.shard.startswith(prefix))
        rows += increment.rows_in(self.table, [path for path in stay if increment.shard_of(path).startswith(prefix)])
        return {
            **facts,
            "rows": rows,
            "rejected": held["rejected"] + facts["rejected"],
            "set_aside": held.get("set_aside", 0) + facts["set_aside"],
            "newest": latest([held.get("newest"), facts["newest"]]),
            "reasons": [*held["reasons"], *facts["reasons"]][:5],
            "fates": [*held["fates"], *facts["fates"]],
        }

    def _key(self, joined: increment.Joined) -> str:
        """Name what there is now by what there was and what came and went."""
        came = [[one.shard, [part.path for part in one.parts]] for one in joined.receipts]
        whole = [[at, stable(one)] for at, one in enumerate(self.planned) if at not in self.carried]
        return digest(STAGE, "grown", self.base.fingerprint, came, list(joined.keep), whole)

    def _standing(
        self,
        at: int,
        one: Planned,
        joined: increment.Joined,
        schemas: Mapping[str, pa.Schema],
        known: Mapping[str, pa.Schema],
    ) -> dict[str, Any]:
        """Return what is to be known of a source the next time; of one that gave nothing new, what was known."""
        prefix = f"{at:03d}-"
        held = self.carried.get(at)
        generation = self._generation(at)
        reading = f"{prefix}{generation:06d}-"
        if held and not any(receipt.rows for receipt in joined.receipts if receipt.shard.startswith(reading)):
            return state_of(at, one, held.generation, held.schema)
        mine = {name: schema for name, schema in {**known, **schemas}.items() if name.startswith(prefix)}
        return state_of(at, one, generation, schema_of(at, mine))

    def _commit(
        self,
        joined: increment.Joined,
        replaced: Sequence[Mapping[str, Any]],
        key: str,
        states: Mapping[str, Any],
        whole: pa.Schema,
        receipts: Mapping[str, Any],
        tombstones: Table,
    ) -> Version:
        cursor = cursor_of(self.planned, states)
        if key == self.base.fingerprint and self.base.cursor == cursor:
            return self.base
        gone = [receipt_from(one["gone"]) for one in receipts.values() if one.get("gone", {}).get("parts")]
        # A version that only moves cursors has the rows, and so the key, of the one before.
        run = RunKey(digest(key, self.base.number, cursor_json(cursor)))
        if gone:
            tombstones.commit(gone, run, cursor, tombstones.newest(), schema=GONE, mode="append", fingerprint=key)
        changed = key != self.base.fingerprint
        new = [receipt_from(one["rows"]) for one in replaced] + list(joined.receipts) if changed else []
        return self.table.commit(
            new,
            run,
            cursor,
            self.base,
            schema=whole if changed else self.table.schema(self.base),
            mode="overwrite",
            fingerprint=key,
            keep=joined.keep if changed else self.table.parts(self.base),
        )
