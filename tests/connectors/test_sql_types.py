"""What every type of each database becomes: its own in Arrow, or text with a note; never silently another value."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from tests.servers import databases
from tests.servers.databases import run

from tilth.connectors.sql import Sql

MOMENT = datetime(2024, 2, 29, 12, 30, 0, 123456, UTC)
POSTGRES = {
    # column's type: [(value in SQL, what it becomes)]
    "smallint": [("-32768", -32768)],
    "integer": [("2147483647", 2147483647)],
    "bigint": [("-9223372036854775808", -(2**63))],
    "real": [("'0.1'", 0.10000000149011612), ("'Infinity'", float("inf"))],
    "double precision": [("0.1", 0.1), ("1e308", 1e308)],
    "numeric(10,2)": [("-12345.67", Decimal("-12345.67")), ("'NaN'", None)],
    "numeric(18,0)": [("-999999999999999999", Decimal(-999999999999999999))],
    "numeric(38,10)": [("1234567890123456789012345678.0123456789", Decimal("1234567890123456789012345678.0123456789"))],
    "numeric": [("1e-20", "0.00000000000000000001"), ("'NaN'", "NaN")],
    "boolean": [("true", True), ("false", False)],
    "text": [("'𠮷 👩‍👩‍👧 ''x'' \\'", "𠮷 👩‍👩‍👧 'x' \\"), ("''", "")],
    "varchar(5)": [("'é'", "é")],
    "char(3)": [("'a'", "a  ")],
    "bytea": [("'\\x00ff'", b"\x00\xff")],
    "date": [("'2024-02-29'", date(2024, 2, 29)), ("'infinity'", None), ("'0044-03-15 BC'", None),
             ("'12000-01-01'", None), ("'0001-01-01'", date(1, 1, 1)), ("'9999-12-31'", date(9999, 12, 31))],
    "timestamp": [("'2024-02-29 12:30:00.123456'", MOMENT), ("'-infinity'", None)],
    "timestamptz": [("'2024-02-29 14:30:00.123456+02'", MOMENT), ("'infinity'", None)],
    "time": [("'23:59:59.5'", "23:59:59.5")],
    "timetz": [("'03:04:05+02'", "03:04:05+02")],
    "interval": [("'1 day 02:00:00'", "1 day 02:00:00")],
    "uuid": [("'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")],
    "json": [("'{\"b\": 1, \"a\":[]}'", '{"b": 1, "a":[]}')],
    "jsonb": [("'{\"b\": 1, \"a\":[]}'", '{"a": [], "b": 1}')],
    "integer[]": [("'{1,NULL,3}'", [1, None, 3]), ("'{}'", [])],
    "text[]": [("ARRAY['a','ö']", ["a", "ö"])],
    "date[]": [("ARRAY['2024-01-01'::date]", '["2024-01-01"]')],
    "mood": [("'sad'", "sad")],
    "bit(3)": [("B'101'", "101")],
    "inet": [("'10.0.0.1/8'", "10.0.0.1/8")],
    "money": [("'12.34'", "$12.34")],
    "point": [("'(1,2)'", "(1,2)")],
    "int4range": [("'[1,3)'", "[1,3)")],
    "email": [("'a@b'", "a@b")],
}  # fmt: skip
MYSQL = {
    "tinyint": [("-128", -128)],
    "tinyint unsigned": [("255", 255)],
    "tinyint(1)": [("1", True), ("0", False)],
    "smallint unsigned": [("65535", 65535)],
    "mediumint": [("-8388608", -8388608)],
    "int": [("-2147483648", -(2**31))],
    "int unsigned": [("4294967295", 2**32 - 1)],
    "bigint": [("-9223372036854775808", -(2**63)), ("9223372036854775807", 2**63 - 1)],
    "bigint unsigned": [("18446744073709551615", Decimal(2**64 - 1)), ("0", Decimal(0))],
    "float": [("0.1", 0.10000000149011612), ("16777217", 16777216.0)],
    "double": [("0.1", 0.1), ("5e-324", 5e-324)],
    "decimal(10,2)": [("-12345.67", Decimal("-12345.67")), ("0.05", Decimal("0.05")), ("-0.05", Decimal("-0.05"))],
    "decimal(18,0)": [("999999999999999999", Decimal(999999999999999999)), ("-999999999999999999",
                      Decimal(-999999999999999999))],
    "decimal(5,0) unsigned": [("99999", Decimal(99999))],
    "decimal(38,10)": [("-1234567890123456789012345678.0123456789",
                        Decimal("-1234567890123456789012345678.0123456789"))],
    "decimal(65,2)": [("9e60", "9" + "0" * 60 + ".00")],
    "date": [("'2024-02-29'", date(2024, 2, 29)), ("'0000-00-00'", None), ("'2024-00-10'", None),
             ("'1000-01-01'", date(1000, 1, 1)), ("'9999-12-31'", date(9999, 12, 31))],
    "datetime(6)": [("'2024-02-29 12:30:00.123456'", MOMENT), ("'0000-00-00 00:00:00'", None),
                    ("'9999-12-31 23:59:59.999999'", datetime(9999, 12, 31, 23, 59, 59, 999999, UTC)),
                    ("'2024-02-29 00:00:00'", datetime(2024, 2, 29, tzinfo=UTC))],
    "datetime": [("'1969-12-31 23:59:59'", datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC))],
    "timestamp(6) null": [("'2024-02-29 12:30:00.123456'", MOMENT)],
    "time": [("'-838:59:59'", "-838:59:59")],
    "year": [("2024", 2024)],
    "bit(1)": [("b'1'", True)],
    "bit(9)": [("b'100000001'", 257)],
    "bit(64)": [("x'ffffffffffffffff'", Decimal(2**64 - 1))],
    "char(3)": [("'a'", "a")],
    "varchar(20)": [("'𠮷 👩‍👩‍👧 \\\\'", "𠮷 👩‍👩‍👧 \\"), ("'nul\\0'", "nul\0")],
    "varchar(9) character set latin1": [("'é€'", "é€")],
    "longtext": [("repeat('é', 70000)", "é" * 70000)],
    "varbinary(9)": [("x'00ff'", b"\x00\xff")],
    "longblob": [("repeat(x'ff', 300)", b"\xff" * 300)],
    "enum('sad','ok')": [("'sad'", "sad")],
    "set('a','b')": [("'a,b'", "a,b")],
    "json": [("'{\"b\": 1}'", '{"b": 1}')],
    "point": [("point(1,2)", "POINT(1 2)")],
}  # fmt: skip
DUCK = {
    "TINYINT": [("-128", -128)],
    "UTINYINT": [("255", 255)],
    "UBIGINT": [("18446744073709551615", Decimal(2**64 - 1))],
    "HUGEINT": [("170141183460469231731687303715884105727", str(2**127 - 1))],
    "FLOAT": [("0.1", 0.10000000149011612)],
    "DOUBLE": [("'nan'", "nan"), ("'inf'", float("inf"))],
    "DECIMAL(10,2)": [("-12345.67", Decimal("-12345.67"))],
    "DECIMAL(38,10)": [("1234567890123456789012345678.0123456789", Decimal("1234567890123456789012345678.0123456789"))],
    "VARCHAR": [("'nul' || chr(0) || '𠮷'", "nul\0𠮷")],
    "BLOB": [("'\\x00\\xFF'", b"\x00\xff")],
    "DATE": [("'2024-02-29'", date(2024, 2, 29)), ("'infinity'", None), ("'0044-03-15 (BC)'", None)],
    "TIMESTAMP": [("'2024-02-29 12:30:00.123456'", MOMENT), ("'-infinity'", None)],
    "TIMESTAMP_NS": [("'2024-02-29 12:30:00.123456789'", MOMENT)],
    "TIMESTAMP_S": [("'2024-02-29 12:30:00'", MOMENT.replace(microsecond=0))],
    "TIMESTAMPTZ": [("'2024-02-29 14:30:00.123456+02'", MOMENT)],
    "TIME": [("'23:59:59.5'", "23:59:59.5")],
    "INTERVAL": [("INTERVAL 1 DAY", "1 day")],
    "UUID": [("'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")],
    "JSON": [("'{\"b\": 1}'", '{"b": 1}')],
    "ENUM('sad', 'ok')": [("'sad'", "sad")],
    "INTEGER[]": [("[1, NULL, 3]", [1, None, 3])],
    "INTEGER[2]": [("[1, 2]", "[1,2]")],
    "STRUCT(a INTEGER)": [("{'a': 1}", '{"a":1}')],
    "MAP(VARCHAR, INTEGER)": [("MAP {'a': 1}", '{"a":1}')],
    "BIT": [("'101'", "101")],
}
SQLITE = {
    "INTEGER": [("9223372036854775807", 2**63 - 1)],
    "UNSIGNED BIG INT": [("1", 1)],
    "REAL": [("0.1", 0.1), ("1", 1.0), ("9e999", float("inf"))],
    "NUMERIC": [("1.5", 1.5)],
    "TEXT": [("'𠮷 ''x'''", "𠮷 'x'"), ("5", "5")],
    "VARCHAR(3)": [("'longer'", "longer")],
    "BLOB": [("x'00ff'", b"\x00\xff")],
    "BOOLEAN": [("1", True), ("false", False)],
    "DATE": [("'2024-02-29'", date(2024, 2, 29))],
    "DATETIME": [("'2024-02-29 12:30:00.123456'", MOMENT), ("'2024-02-29T14:30:00.123456+02:00'", MOMENT),
                 ("1709209800", MOMENT.replace(microsecond=0))],
    "TIME": [("'12:30'", "12:30")],
    "JSON": [("'{\"b\": 1}'", '{"b": 1}')],
}  # fmt: skip
TYPES = {"postgresql": POSTGRES, "mysql": MYSQL, "duckdb": DUCK, "sqlite": SQLITE}


def _prepare(system, url):
    if system == "postgresql":
        run(url, "CREATE TYPE mood AS ENUM ('sad', 'ok')", "CREATE DOMAIN email AS text")


def _mode(system):
    return ["SET sql_mode = 'ALLOW_INVALID_DATES'"] if system == "mysql" else []


@pytest.fixture(params=databases.SYSTEMS)
def system(request):
    return request.param


@pytest.fixture
def url(system, tmp_path, monkeypatch):
    found = databases.fresh(system, tmp_path)
    monkeypatch.setenv("SQL_TEST_URL", found)
    return found


def read(**options):
    source = Sql(**{"url": "env:SQL_TEST_URL", "table": "t", "key": "k", **options})
    records = [record for shard in source.plan()[0] for record in source.read(shard)]
    found = [row for record in records for row in record.batch.to_pylist()]
    return found, [reject.reason for record in records for reject in record.rejects], [
        note for record in records for note in record.notes
    ]  # fmt: skip


def test_every_value_is_what_it_was(system, url):
    _prepare(system, url)
    cases = list(TYPES[system].items())
    columns = ", ".join(f"c{number} {kind}" for number, (kind, _) in enumerate(cases))
    statements = [*_mode(system), f"CREATE TABLE t (k integer PRIMARY KEY, {columns})", "INSERT INTO t (k) VALUES (0)"]
    longest = max(len(values) for _, values in cases)
    for row in range(longest):
        given = {number: values[row][0] for number, (_, values) in enumerate(cases) if row < len(values)}
        names, values = ", ".join(f"c{number}" for number in given), ", ".join(given.values())
        statements.append(f"INSERT INTO t (k, {names}) VALUES ({row + 1}, {values})")
    run(url, *statements)
    found, rejects, notes = read()
    assert rejects == []
    assert set(found[0].values()) == {0, None}
    for number, (kind, values) in enumerate(cases):
        for row, (said, wanted) in enumerate(values):
            value = found[row + 1][f"c{number}"]
            same = str(value) == wanted if wanted == "nan" else value == wanted and type(value) is type(wanted)
            assert same, f"{kind}: {said} became {value!r}, not {wanted!r}"
            if wanted is None:
                assert any(f'"c{number}"' in note and "are empty" in note for note in notes), f"{kind}: no note"


@pytest.mark.parametrize(
    ("kind", "value", "systems"),
    [
        ("tinyint(1)", "7", ("mysql",)),
        ("integer[]", "'{{1,2},{3,4}}'", ("postgresql",)),
        ("INTEGER", "'many'", ("sqlite",)),
        ("DATETIME", "'yesterday'", ("sqlite",)),
        ("REAL", "'x'", ("sqlite",)),
    ],
)
def test_a_value_that_is_none_of_its_type_makes_its_row_a_reject(tmp_path, monkeypatch, kind, value, systems):
    url = databases.fresh(systems[0], tmp_path)
    monkeypatch.setenv("SQL_TEST_URL", url)
    run(url, f"CREATE TABLE t (k integer PRIMARY KEY, c {kind})", f"INSERT INTO t VALUES (1, {value}), (2, NULL)")
    found, rejects, _ = read()
    assert [row["k"] for row in found] == [2]
    assert len(rejects) == 1 and 'column "c"' in rejects[0] and "types: {c: " in rejects[0]
    assert len(read(types={"c": "string"})[0]) == 2


def test_a_row_of_more_than_a_packet_is_read(tmp_path, monkeypatch):
    url = databases.fresh("mysql", tmp_path)
    monkeypatch.setenv("SQL_TEST_URL", url)
    run(url, "CREATE TABLE t (k integer PRIMARY KEY, c longtext, d double)",
        "INSERT INTO t VALUES (1, 'a', 1), (2, repeat('é', 9000000), 2.5), (3, NULL, NULL)")  # fmt: skip
    found, _, _ = read()
    assert [(row["k"], row["c"] and len(row["c"]), row["d"]) for row in found] == [
        (1, 1, 1.0), (2, 9_000_000, 2.5), (3, None, None),
    ]  # fmt: skip


def test_numbers_and_truth_values_have_types_of_their_own(system, url):
    run(url, "CREATE TABLE t (k integer PRIMARY KEY, b bigint)")
    source = Sql(url="env:SQL_TEST_URL", table="t")
    run(url, "INSERT INTO t VALUES (1, 2)")
    (shard,), _ = source.plan()
    (record,) = [record for record in source.read(shard) if record.batch.num_rows]
    assert record.batch.schema.field("b").type == pa.int64()
