"""Read MongoDB: types, ranges, what is new, what is gone, what can't be read."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import bson
import pyarrow as pa
import pymongo
import pytest
from bson.datetime_ms import DatetimeMS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.servers import mongodb as servers

from tilth.connectors._mongodb.ranges import packed, ranges, unpacked
from tilth.connectors._mongodb.values import extended, plain
from tilth.connectors.mongodb import Mongodb
from tilth.core.errors import DataError, RecipeError, Terminal, Transient
from tilth.testing import check_source

DAY = datetime(2024, 1, 1)


@contextlib.contextmanager
def emptied(server) -> Iterator[tuple[Mongodb, pymongo.collection.Collection]]:
    """A source, and the collection that it reads, of which only this test knows."""
    name = servers.new_database()
    with pymongo.MongoClient(servers.url(server), serverMonitoringMode="poll") as client:
        yield Mongodb(url=servers.url(server), database=name, collection="tickets"), client[name]["tickets"]
        client.drop_database(name)


@pytest.fixture
def quick():
    with emptied(servers.start()) as both:
        yield both


@pytest.fixture
def typed():
    with emptied(servers.start_typed()) as both:
        yield both


def changed(source: Mongodb, **options) -> Mongodb:
    return Mongodb(**{**{name: getattr(source, name) for name in source.__dataclass_fields__}, **options})


def read(source: Mongodb, since=None):
    """All rows, with the rest of what the records say, and the cursor."""
    shards, cursor = source.plan(since)
    records = [record for shard in shards for record in source.read(shard)]
    rows = [row for record in records for row in record.batch.to_pylist()]
    return rows, records, cursor


def ticket(number: int, **fields) -> dict:
    return {
        "text": f"ticket {number} é",
        "n": number,
        "score": number / 2,
        "tags": ["a", None] if number % 2 else [],
        "who": {"name": f"ann {number}", "age": None if number % 3 else number},
        "updated": DAY + timedelta(seconds=number),
        **fields,
    }


@pytest.mark.slow
def test_the_contract_holds(typed):
    source, collection = typed
    collection.insert_many([ticket(number) for number in range(60)])
    growing = changed(source, incremental="updated", shard_rows=20)

    def grow() -> None:
        collection.insert_many([ticket(number) for number in range(60, 80)])

    check_source(growing, moved=changed(growing, name=source.source), grow=grow)


def test_documents_come_with_their_types_in_ranges_of_the_id(typed):
    source, collection = typed
    collection.insert_many([{"_id": number, **ticket(number)} for number in range(100)])
    split = changed(source, shard_rows=30)
    shards, _ = split.plan()
    assert [sum(record.batch.num_rows for record in split.read(shard)) for shard in shards] == [30, 30, 30, 10]
    rows, records, _ = read(split)
    assert [row["mongo_id"] for row in rows] == list(range(100))
    assert rows[3] == {
        "mongo_id": 3,
        "text": "ticket 3 é",
        "n": 3,
        "score": 1.5,
        "tags": ["a", None],
        "who": {"name": "ann 3", "age": 3},
        "updated": datetime(2024, 1, 1, 0, 0, 3, tzinfo=UTC),
    }
    assert [name for record in records for name in record.names] == [f'"{number}"' for number in range(100)]
    assert not [note for record in records for note in record.notes]


def test_only_the_fields_asked_for_are_sent(typed):
    source, collection = typed
    collection.insert_many([ticket(number) for number in range(5)])
    chosen = changed(source, columns=("n", "words"), rename={"text": "words"}, filter={"n": {"$gte": 2}})
    rows, records, _ = read(chosen)
    assert rows[0] == {"n": 2, "words": "ticket 2 é"} and len(rows) == 3
    assert all(len(name) == 26 for record in records for name in record.names)
    with contextlib.closing(collection.find({}, chosen._projection())) as cursor:
        assert set(next(cursor)) == {"_id", "n", "text"}


def test_another_type_than_planned_is_a_reject_and_never_another_value(quick):
    source, collection = quick
    odd = {1200: "many", 1201: {"a": 1}, 1202: True, 1203: 2.5, 1204: 4.0}
    collection.insert_many([{"_id": f"{number:04}", "n": odd.get(number, number)} for number in range(2000)])
    rows, records, _ = read(source)
    rejects = [reject for record in records for reject in record.rejects]
    assert [reject.ordinal for reject in rejects] == [1200, 1201, 1202, 1203]
    assert {reject.reason for reject in rejects} == {
        '"n" is not an int, as in the sample; "types: {n: string}" keeps it as text'
    }
    assert len(rows) == 1996 and {row["mongo_id"]: row["n"] for row in rows}["1204"] == 4
    kept, _, _ = read(changed(source, types={"n": "string"}))
    assert [kept[number]["n"] for number in range(1200, 1205)] == ["many", '{"a":1}', "true", "2.5", "4.0"]


def test_several_kinds_of_values_in_the_sample_are_json_text_and_said(typed):
    source, collection = typed
    collection.insert_many([{"_id": 1, "v": 5}, {"_id": 2, "v": "5"}, {"_id": 3, "v": [1]}, {"_id": 4, "v": None}])
    rows, records, _ = read(source)
    assert [row["v"] for row in rows] == ["5", "5", "[1]", None]
    assert [note for record in records for note in record.notes] == [
        f'{source.source}: "v" holds values of several kinds, or none: read as JSON text'
    ]


def test_a_field_that_the_sample_lacks_is_left_out_and_said(quick):
    source, collection = quick
    collection.insert_many(
        [{"_id": f"{number:04}", **({"rare": 1} if number == 1500 else {})} for number in range(2000)]
    )
    _, records, _ = read(source)
    (note,) = [note for record in records for note in record.notes]
    assert '1 records hold "rare"' in note
    rows, records, _ = read(changed(source, types={"rare": "int"}))
    assert rows[1500]["rare"] == 1 and not [note for record in records for note in record.notes]


def test_later_runs_read_what_is_new_changed_or_gone(typed):
    source, collection = typed
    growing = changed(source, incremental="updated", deleted="deleted_at", key="n")
    collection.insert_many([ticket(number) for number in range(10)])
    _, _, cursor = read(growing)
    assert read(growing, cursor)[0] == []
    later = DAY + timedelta(days=1)
    collection.update_one({"n": 3}, {"$set": {"text": "changed", "updated": later}})
    collection.update_one({"n": 4}, {"$set": {"deleted_at": later, "updated": later}})
    collection.insert_one(ticket(11, updated=later, fresh="new"))
    rows, records, cursor = read(growing, cursor)
    assert sorted((row["n"], row["text"], row["fresh"]) for row in rows) == [
        (3, "changed", None),
        (11, "ticket 11 é", "new"),
    ]
    assert [name for record in records for name in record.gone] == ['"4"']
    notes = [note for record in records for note in record.notes]
    assert f'{source.source}: new field "fresh"' in notes
    rows, _, again = read(growing, cursor)
    assert rows == [] and again == cursor
    rows, _, _ = read(growing)
    assert sorted(row["n"] for row in rows) == [0, 1, 2, 3, 5, 6, 7, 8, 9, 11]


def test_what_was_written_late_comes_with_an_overlap(typed):
    source, collection = typed
    growing = changed(source, incremental="updated", overlap=5)
    collection.insert_many([ticket(number) for number in range(10)])
    _, _, cursor = read(growing)
    collection.insert_one(ticket(100, updated=DAY + timedelta(seconds=7)))
    rows, _, _ = read(growing, cursor)
    assert sorted(row["n"] for row in rows) == [5, 6, 7, 8, 9, 100]


def test_a_source_that_cannot_tell_changes_is_read_again_each_run(quick):
    source, collection = quick
    collection.insert_one({"_id": 1})
    _, cursor = source.plan()
    assert source.fingerprint(cursor) != source.fingerprint(cursor)
    growing = changed(source, incremental="_id")
    _, cursor = growing.plan()
    assert growing.fingerprint(cursor) == growing.fingerprint(cursor)


def test_every_type_of_bson_arrives(typed):
    source, collection = typed
    one = bson.ObjectId("65920080a1b2c3d4e5f60718")
    made = {
        "_id": one,
        "decimal": bson.Decimal128("1.50"),
        "uuid": bson.Binary.from_uuid(uuid.UUID(int=5)),
        "bytes": b"\x00\xff",
        "pattern": bson.Regex("a.*", "i"),
        "code": bson.Code("f()"),
        "stamp": bson.Timestamp(5, 6),
        "nan": float("nan"),
        "deep": [{"id": one, "at": DAY, "re": bson.Regex("x")}],
        "min": bson.MinKey(),
    }
    collection.insert_one(made)
    rows, _, _ = read(source)
    assert repr(rows[0].pop("nan")) == "nan"
    assert rows[0] == {
        "mongo_id": str(one),
        "decimal": "1.50",
        "uuid": str(uuid.UUID(int=5)),
        "bytes": b"\x00\xff",
        "pattern": '{"$regularExpression":{"options":"i","pattern":"a.*"}}',
        "code": "f()",
        "stamp": '{"$timestamp":{"i":6,"t":5}}',
        "deep": [
            {"id": str(one), "at": DAY.replace(tzinfo=UTC), "re": '{"$regularExpression":{"options":"","pattern":"x"}}'}
        ],
        "min": '{"$minKey":1}',
    }


def test_ids_of_several_kinds_are_cut_by_kind_and_stay_apart(typed):
    source, collection = typed
    ids = [5, 2.5, "5", "a", bson.ObjectId(), DatetimeMS(0), {"a": 1}, b"x"]
    collection.insert_many([{"_id": each, "n": number} for number, each in enumerate(ids)])
    split = changed(source, shard_rows=1)
    rows, records, _ = read(split)
    assert sorted(row["n"] for row in rows) == list(range(len(ids)))
    names = [name for record in records for name in record.names]
    assert len(set(names)) == len(ids)


def test_filters_hold_dates_and_ids(typed):
    source, collection = typed
    collection.insert_many([{"_id": number, "at": DAY + timedelta(days=number)} for number in range(4)])
    late = changed(source, filter={"at": {"$gte": {"$date": "2024-01-03T00:00:00Z"}}})
    assert [row["mongo_id"] for row in read(late)[0]] == [2, 3]


def test_a_broken_document_costs_no_other(quick):
    from tilth.connectors._mongodb.reading import chunks
    from tilth.connectors._values import Seen

    class Raw:
        def __init__(self, raw: bytes) -> None:
            self.raw = raw

    good = bson.encode({"_id": 1, "a": "ok"})
    torn = bson.encode({"_id": 2, "a": "ok"}).replace(b"ok", b"\xff\xfe")
    schema = pa.schema([("_id", pa.int64()), ("a", pa.string())])
    ((rows, gone),) = chunks([Raw(good), Raw(torn), Raw(good)], schema, Seen(), None)
    assert rows.ordinals == [0, 2] and gone.ordinals == []
    assert rows.rejects == ((1, "the document is not valid BSON, such as a text that is not UTF-8"),)


BSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text()
    | st.binary(max_size=20)
    | st.integers(-(2**62), 2**62).map(DatetimeMS)
    | st.decimals(allow_nan=False, places=3, min_value=-1000, max_value=1000).map(bson.Decimal128)
    | st.binary(min_size=12, max_size=12).map(bson.ObjectId),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.mark.slow
@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(BSON_VALUES, min_size=1, max_size=6))
def test_any_values_of_bson_become_rows_that_say_the_same(values):
    from tilth.connectors._mongodb.reading import _decoded, schema_of
    from tilth.connectors._mongodb.values import columns_of
    from tilth.connectors._values import Seen

    documents = [_decoded(bson.encode({"_id": number, "v": value})) for number, value in enumerate(values)]
    schema, _ = schema_of(documents, None, {})
    found = columns_of(documents, schema, Seen())
    found.batch.validate(full=True)
    # The sample was all of them, so that nothing is a reject but what a wider number could not hold exactly.
    big = any(isinstance(value, int) and abs(value) > 1 << 53 for value in values)
    assert not found.wrong or big
    kept = [value for number, value in enumerate(values) if number not in found.wrong]
    for cell, value in zip(found.batch.column("v").to_pylist() if not _times(schema) else [], kept, strict=False):
        if value is None:
            assert cell is None
        elif isinstance(cell, str) and not isinstance(value, str):
            assert cell in (extended(plain(value)), str(value))
        elif isinstance(value, (str, bytes, bool)):
            assert cell == value
        elif isinstance(value, (int, float)):
            assert cell == value or value != value


def _times(schema: pa.Schema) -> bool:
    return "timestamp" in str(schema)


@given(BSON_VALUES)
def test_a_value_survives_a_shard(value):
    assert repr(unpacked(packed({"v": value}))) == repr(_canonical({"v": value}))


def _canonical(value):
    return bson.decode(bson.encode(value), _options())


def _options():
    from tilth.connectors._mongodb.reading import options

    return options()


def test_a_walk_of_the_index_cuts_the_same_though_documents_are_added(quick):
    _, collection = quick
    collection.insert_many([{"_id": number} for number in range(10)])
    first = list(ranges(collection, "_id", {}, 4))
    collection.insert_many([{"_id": number} for number in range(10, 20)])
    assert list(ranges(collection, "_id", {}, 4))[:2] == first[:2]
    assert [(each.low, each.high) for each in first] == [(None, 3), (3, 7), (7, 9)]


@pytest.mark.slow
def test_probe_says_what_is_well_and_what_is_not(quick, monkeypatch):
    source, collection = quick
    collection.insert_one({"_id": 1})
    assert [(each.ok, each.what) for each in source.probe()] == [
        (True, "mongodb: the server answers"),
        (True, f"{source.source}: about 1 documents"),
    ]
    monkeypatch.setenv("MONGO_NOWHERE", "mongodb://ann:hunter2-secret@127.0.0.1:1/?serverSelectionTimeoutMS=200")
    (finding,) = changed(source, url="env:MONGO_NOWHERE").probe()
    assert not finding.ok and "hunter2" not in finding.what + finding.do


@pytest.mark.slow
def test_errors_say_whether_to_try_again_and_hold_no_secret(monkeypatch):
    server = servers.start_locked()
    monkeypatch.setenv("MONGO_LOCKED", f"mongodb://{servers.USER}:wrong-password-1@{server.address}/")
    with pytest.raises(Terminal, match="Authentication failed") as told:
        Mongodb(url="env:MONGO_LOCKED", database="a", collection="b").plan()
    assert "wrong-password-1" not in str(told.value) and server.address in str(told.value)
    monkeypatch.setenv("MONGO_GONE", "mongodb://ann:hunter2-secret@127.0.0.1:1/?serverSelectionTimeoutMS=200")
    with pytest.raises(Transient) as lost:
        Mongodb(url="env:MONGO_GONE", database="a", collection="b").plan()
    assert "hunter2" not in str(lost.value)


def test_a_collection_without_documents_is_an_error(quick):
    with pytest.raises(DataError, match="no documents"):
        quick[0].plan()


@pytest.mark.parametrize(
    "options",
    [{"collection": ""}, {"types": {"a": "number"}}, {"overlap": 1}, {"shard_rows": 0}, {"split": "dev"}, {"key": ()}],
)
def test_options_that_cannot_be_meant_are_refused(options):
    with pytest.raises(RecipeError, match=next(iter(options))):
        Mongodb(**{"url": "env:X", "database": "a", "collection": "b", **options})


def test_decimals_beyond_a_float_stay_text():
    assert plain(bson.Decimal128(Decimal("1E+6000"))) == "1E+6000"
