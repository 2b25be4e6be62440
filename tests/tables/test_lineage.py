"""Both ways: what a row was made from and made into; what used it, and what an artefact used."""

import threading

import pyarrow as pa
import pytest

from tilth.core.batch import SYSTEM_FIELDS
from tilth.core.shard import RunKey, Shard
from tilth.tables.lineage import COLUMNS, Lineage, Link, Use, Uses
from tilth.tables.table import Table

SCHEMA = pa.schema([(name, SYSTEM_FIELDS[name]) for name in COLUMNS])


@pytest.fixture
def data(tmp_path):
    table = Table(str(tmp_path / "data"), name="data/tickets")
    lines = [
        {"_id": "a"},
        {"_id": "b", "_parents": []},
        {"_id": "ab", "_parents": ["a", "b"], "_operator": "augment[0] mix"},
        {"_id": "a2", "_parents": ["a"], "_operator": "augment[1] swap"},
    ]
    receipt = table.write(Shard(id="0"), [pa.RecordBatch.from_pylist(lines, schema=SCHEMA)])
    version = table.commit([receipt], RunKey("run"), None, None)
    return table, version


def record(lineage: Lineage, table, version):
    rows = table.scan(version, COLUMNS)
    return lineage.commit([lineage.write(shard, rows.read(shard), version) for shard in rows.shards], version)


def test_parents_and_children(tmp_path, data):
    lineage = Lineage(Table(str(tmp_path / "lineage")))
    assert lineage.parents("ab") == []
    record(lineage, *data)
    mixed = [Link("ab", parent, "augment[0] mix", "data/tickets", 0) for parent in "ab"]
    assert lineage.parents("ab") == mixed
    assert lineage.children("a") == [Link("a2", "a", "augment[1] swap", "data/tickets", 0), mixed[0]]
    assert lineage.parents("a") == []


def test_the_links_of_a_version_are_kept_once(tmp_path, data):
    lineage = Lineage(Table(str(tmp_path / "lineage")))
    assert record(lineage, *data) == record(lineage, *data)
    assert lineage.table.count() == 3


def test_what_used_a_row_and_which_rows_an_artefact_used(tmp_path, data):
    table, version = data
    uses = Uses(Table(str(tmp_path / "uses")))
    assert uses.of_row("a") == []
    assert list(uses.of_artefact("models/support/1").batches()) == []
    for artefact, wanted in (("models/support/1", ["a", "b"]), ("models/support/2", ["a"])):
        rows = table.scan(version, ["_id"], where={"_id": wanted})
        receipts = [uses.write(shard, rows.read(shard), artefact, version) for shard in rows.shards]
        uses.commit(receipts, artefact, version)
    assert uses.of_row("a") == [
        Use("models/support/1", "data/tickets", 0),
        Use("models/support/2", "data/tickets", 0),
    ]
    assert uses.of_row("ab") == []
    used = uses.of_artefact("models/support/1")
    assert [line["_id"] for batch in used.batches() for line in batch.to_pylist()] == ["a", "b"]


def test_artefacts_that_are_recorded_at_once_are_all_kept(tmp_path, data):
    table, version = data
    uses = Uses(Table(str(tmp_path / "uses")))
    barrier = threading.Barrier(3)

    def go(number: int) -> None:
        rows = table.scan(version, ["_id"])
        artefact = f"models/support/{number}"
        receipts = [uses.write(shard, rows.read(shard), artefact, version) for shard in rows.shards]
        barrier.wait()
        uses.commit(receipts, artefact, version)

    threads = [threading.Thread(target=go, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [use.artefact for use in uses.of_row("a")] == [f"models/support/{number}" for number in range(3)]
