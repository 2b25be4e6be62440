"""COPY in binary, decoded here, gives what ADBC gives; what it does not know is left to ADBC."""

import random
import struct
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from tests.servers import databases
from tests.servers import postgres as encrypted
from tests.servers.databases import run

from tilth.connectors._sql import _copy, _copy_rows, idle, postgres
from tilth.connectors._sql.address import address_of
from tilth.connectors._sql.dialect import Address
from tilth.connectors.sql import Sql
from tilth.core.errors import DataError, TilthError, Transient
from tilth.testing import storm

KINDS = {
    "id": ("bigint PRIMARY KEY", lambda draw: None),
    "a": ("smallint", lambda draw: draw.choice([0, -1, 32767, -32768])),
    "b": ("integer", lambda draw: draw.randint(-(2**31), 2**31 - 1)),
    "c": ("double precision", lambda draw: draw.choice(["'NaN'", "'-Infinity'", "5e-324", repr(draw.random())])),
    "d": ("real", lambda draw: draw.choice(["'Infinity'", "0.1", "3.4028235e38"])),
    "e": ("boolean", lambda draw: draw.choice(["true", "false"])),
    "f": ("text", lambda draw: draw.choice(["''", "'é𠮷'", "repeat('long', 5000)", "E'\\n\\t\\\\'"])),
    "g": ("bytea", lambda draw: draw.choice([r"'\x'", r"'\x00ff64'"])),
    "h": ("date", lambda draw: draw.choice(["'infinity'", "'-infinity'", "'1999-12-31'", "'5874897-12-31'"])),
    "i": ("timestamp", lambda draw: draw.choice(["'infinity'", "'294276-12-31 23:59:59.9'", "'1969-12-31 23:59:59'"])),
    "j": ("timestamptz", lambda draw: draw.choice(["'-infinity'", "'4713-01-01 BC'", "'2024-02-29 14:30:00.12+02'"])),
    "k": ("numeric(10,2)", lambda draw: draw.choice(["'NaN'", "0", "-0.01", "99999999.99", f"{draw.random():.2f}"])),
    "l": ("numeric(18,0)", lambda draw: draw.choice(["999999999999999999", "-999999999999999999", "10000", "1"])),
    "m": ("numeric(18,18)", lambda draw: draw.choice(["0.999999999999999999", "-0.000000000000000001", "0.0001"])),
    "n": ("numeric(18,7)", lambda draw: f"{draw.randint(-(10**18) + 1, 10**18 - 1) / Decimal(10**7)}"),
    "o": ("numeric(5,5)", lambda draw: f"{draw.randint(-99999, 99999) / Decimal(100000)}"),
    "p": ("char(3)", lambda draw: "'a'"),
}  # fmt: skip


@pytest.fixture
def url(tmp_path, monkeypatch):
    found = databases.fresh("postgresql", tmp_path)
    monkeypatch.setenv("COPY_TEST_URL", found)
    return found


def read(**options):
    source = Sql(url="env:COPY_TEST_URL", **{"table": "t", **options})
    records = [record for shard in source.plan()[0] for record in source.read(shard)]
    table = pa.Table.from_batches([record.batch for record in records if record.batch.num_rows])
    return (
        table,
        [note for record in records for note in record.notes],
        [r for record in records for r in record.rejects],
    )


@pytest.fixture
def ways(monkeypatch):
    """Which way each query went."""
    gone = []
    opened, stream = postgres.Postgres.opened, _copy.Copying.stream

    def counted(self, *args):
        gone.append("copy")
        return stream(self, *args)

    def other(self, *args):
        gone.append("adbc")
        return opened(self, *args)

    monkeypatch.setattr(_copy.Copying, "stream", counted)
    monkeypatch.setattr(postgres.Postgres, "opened", other)
    return gone


def fill(url, rows, seed):
    draw = random.Random(seed)
    run(url, f"CREATE TABLE t ({', '.join(f'{name} {kind}' for name, (kind, _) in KINDS.items())})")
    lines = []
    for row in range(rows):
        cells = ["NULL" if draw.random() < 0.1 else str(make(draw)) for _, make in KINDS.values()]
        lines.append(f"({', '.join([str(row), *cells[1:]])})")
    if lines:
        run(url, f"INSERT INTO t VALUES {', '.join(lines)}")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(storm(2, 30)))
@pytest.mark.parametrize("batch_rows", [1, 7, 65_536])
def test_both_ways_give_the_same(url, ways, monkeypatch, batch_rows, seed):
    fill(url, 150, seed)
    mine = read(batch_rows=batch_rows)
    assert "copy" in ways
    idle.close_all()
    ways.clear()
    with monkeypatch.context() as patch:
        patch.setattr(postgres, "connected", lambda *_: None)
        theirs = read(batch_rows=batch_rows)
    assert "copy" not in ways
    assert mine[0].num_rows == 150
    # NaN is not equal to itself.
    assert str(mine[0].to_pylist()) == str(theirs[0].to_pylist())
    assert mine[0].schema == theirs[0].schema and mine[2] == theirs[2] == []
    assert set(mine[1]) == set(theirs[1]) and any("are empty" in note for note in mine[1])


@pytest.mark.slow
def test_a_result_without_rows_and_rows_longer_than_any_buffer(url, ways):
    run(url, "CREATE TABLE t (id bigint PRIMARY KEY, text text)")
    source = Sql(url="env:COPY_TEST_URL", query="SELECT id, text FROM t WHERE id < 0", name="none", key="id")
    assert [r.batch.num_rows for shard in source.plan()[0] for r in source.read(shard) if r.batch.num_rows] == []
    run(url, "INSERT INTO t SELECT n, repeat('0123456789', CASE WHEN n % 3 = 0 THEN 3000000 ELSE 1 END)"
             " FROM generate_series(1, 9) n")  # fmt: skip
    rows = read()[0].to_pydict()
    assert rows["id"] == list(range(1, 10))
    assert [len(text) for text in rows["text"]] == [10, 10, 30_000_000] * 3
    assert ways.count("copy") >= 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("declared", "value", "becomes"),
    [
        ("integer[]", "'{1,2}'", [1, 2]),
        ("numeric(30,2)", "12345678901234567890.12", Decimal("12345678901234567890.12")),
        ('text COLLATE "C"', "'a'", "a"),
    ],
)
def test_types_that_are_not_known_here_are_read_all_the_same(url, ways, declared, value, becomes):
    run(url, f"CREATE TABLE t (id bigint PRIMARY KEY, v {declared})", f"INSERT INTO t VALUES (1, {value})")
    assert read()[0].to_pydict()["v"] == [becomes]
    assert ("copy" in ways) == declared.startswith("text")


@pytest.mark.slow
def test_what_the_server_says_while_it_sends_is_raised(url):
    run(url, "CREATE TABLE t (id bigint PRIMARY KEY, v integer NOT NULL)",
        "INSERT INTO t SELECT n, 5000 - n FROM generate_series(1, 9999) n")  # fmt: skip
    with pytest.raises(DataError, match="division by zero"):
        read(table=None, query="SELECT id, 1 / v AS w FROM t", name="q", key="id")
    # The next reader gets a connection that works.
    assert read()[0].num_rows == 9999


@pytest.mark.slow
def test_a_connection_whose_password_is_wrong_says_so_and_never_the_password(url, monkeypatch):
    run(url, "CREATE TABLE t (id bigint PRIMARY KEY)")
    monkeypatch.setenv("COPY_TEST_URL", url.replace("postgres-test-pw", "wrong-pw"))
    with pytest.raises(TilthError, match="authentication failed") as caught:
        read()
    assert "wrong-pw" not in str(caught.value)


@pytest.mark.slow
def test_an_encrypted_connection_is_verified(ways, monkeypatch, tmp_path):
    server = encrypted.start_encrypted()
    url = encrypted.database(server)
    run(url, "CREATE TABLE t (id bigint PRIMARY KEY, text text)",
        "INSERT INTO t SELECT n, repeat('x', 99) FROM generate_series(1, 30000) n")  # fmt: skip
    trusted = f"{url}?sslmode=verify-full&sslrootcert={server.facts['ca']}"
    monkeypatch.setenv("COPY_TEST_URL", trusted)
    assert read()[0].num_rows == 30_000 and "copy" in ways
    # Nobody vouches for it: neither way goes there.
    monkeypatch.setenv("COPY_TEST_URL", f"{url}?sslmode=verify-full")
    assert _copy.connected(address_of("env:COPY_TEST_URL", "t"), "", 20) is None
    with pytest.raises(TilthError, match="certificate"):
        read()
    # Plain is refused by the server: libpq's own way is left, which encrypts.
    monkeypatch.setenv("COPY_TEST_URL", url)
    assert _copy.connected(address_of("env:COPY_TEST_URL", "t"), "", 20) is None
    assert read()[0].num_rows == 30_000


def test_who_needs_more_than_an_address_is_left_to_libpq(monkeypatch):
    for name in ("PGPASSFILE", "PGSERVICE", "PGSSLMODE"):
        monkeypatch.delenv(name, raising=False)

    def asked(url):
        monkeypatch.setenv("COPY_TEST_URL", url)
        return _copy._asked(address_of("env:COPY_TEST_URL", "t"))

    assert asked("postgresql://u:p@127.0.0.1:5433/d") == {
        "host": "127.0.0.1", "port": 5433, "user": "u", "password": "p", "database": "d",
        "application_name": "tilth", "ssl_context": False,
    }  # fmt: skip
    context = asked("postgresql://u:p@db.example.com/d")["ssl_context"]
    assert context.check_hostname and context.verify_mode.name == "CERT_REQUIRED"
    assert _copy._asked(Address(scheme="postgresql", host="/run/pg", user="u"))["unix_sock"] == "/run/pg/.s.PGSQL.5432"
    for url in (
        "postgresql:///d", "postgresql://127.0.0.1/d", "postgresql://u:p@a,b/d", "postgresql://u:p@db/d?sslmode=require",
        "postgresql://u:p@db/d?sslcert=me.pem", "postgresql://u:p@db/d?sslrootcert=/no/such/file",
        "postgresql://u:p@localhost/d?passfile=x", "postgresql://u:p@localhost/d?sslmode=prefer&target_session_attrs=any",
    ):  # fmt: skip
        assert asked(url) is None, url
    monkeypatch.setenv("PGSSLMODE", "require")
    assert asked("postgresql://u:p@127.0.0.1/d") is None


def message(*cells):
    body = struct.pack(">h", len(cells))
    for cell in cells:
        body += struct.pack(">i", -1) if cell is None else struct.pack(">i", len(cell)) + cell
    return b"d" + struct.pack(">i", len(body) + 4) + body


def find(raw, columns=2, most=10, end=None):
    starts, lengths = np.full((columns, most), -9, np.int64), np.full((columns, most), -9, np.int64)
    buffer = np.frombuffer(raw, np.uint8)
    at, row, how = _copy_rows.rows(buffer, 0, len(raw) if end is None else end, 0, starts, lengths)
    return at, row, how, starts[:, :row], lengths[:, :row]


def test_rows_are_found_in_any_bytes_and_never_outside_of_them():
    raw = message(b"one", None) + message(b"", b"two" * 100)
    at, row, how, starts, lengths = find(raw + b"c\0\0\0\4")
    assert (at, row, how) == (len(raw), 2, _copy_rows.OTHER)
    assert lengths.tolist() == [[3, 0], [-1, 300]] and raw[starts[0, 0] :][:3] == b"one"
    for end in range(len(raw)):
        at, row, how, *_ = find(raw, end=end)
        assert how == _copy_rows.MORE and at in (0, len(message(b"one", None)))
    assert find(raw, most=1)[2] == _copy_rows.FULL
    assert find(message(b"one"))[2] == _copy_rows.BROKEN
    assert find(b"d\0\0\0\6\xff\xff" + b"c\0\0\0\4")[:3] == (7, 0, _copy_rows.OTHER)
    draw = random.Random(3)
    for _ in range(storm(3_000, 100_000)):
        wrong = bytearray(raw)
        for _ in range(draw.randint(1, 6)):
            wrong[draw.randrange(len(wrong))] = draw.choice([0, 1, 0x64, 0x7F, 0x80, 0xFF, draw.randrange(256)])
        at, row, how, starts, lengths = find(bytes(wrong))
        assert 0 <= at <= len(wrong) and 0 <= how <= 3
        assert ((lengths == -1) | ((lengths >= 0) & (starts >= 0) & (starts + lengths <= len(wrong)))).all()


def test_decimals_that_are_none_are_told():
    def decode(*cells, scale=2):
        raw = b"".join(cells)
        ends = np.cumsum([len(cell) for cell in cells])
        lengths = np.array([len(cell) for cell in cells], np.int64)
        values, valid = np.zeros((len(cells), 2), np.int64), np.zeros(len(cells), np.uint8)
        buffer = np.frombuffer(raw or b"\0", np.uint8)
        return _copy_rows.decimals(buffer, ends - lengths, lengths, scale, values, valid), values[:, 0].tolist()

    def number(weight, sign, *digits):
        return struct.pack(f">hhHH{len(digits)}H", len(digits), weight, sign, 2, *digits)

    assert decode(number(0, 0, 1, 2300), number(0, 0x4000, 1), number(0, 0), number(-1, 0, 100)) == (
        (0, 0), [123, -100, 0, 1],
    )  # fmt: skip
    assert decode(number(0, 0xC000), number(0, 0xD000)) == ((2, 2), [0, 0])
    for wrong in (b"", b"\0" * 7, number(0, 0, 1)[:-1], number(0, 0, 10_000), number(0, 0, 1, 2345), number(5, 0, 1)):
        assert decode(wrong)[0][0] == -1
    draw = random.Random(5)
    for _ in range(storm(1_000, 50_000)):
        decode(draw.randbytes(draw.randrange(20)), scale=draw.randrange(19))


@pytest.mark.slow
def test_a_server_that_speaks_something_else_is_an_error(url, monkeypatch):
    run(url, "CREATE TABLE t (id bigint PRIMARY KEY)", "INSERT INTO t VALUES (1)")
    received = _copy.Copying._received

    def garbling(self, into):
        count = received(self, into)
        if (at := bytes(into[:count]).find(b"PGCOPY")) >= 0:
            into[at] ^= 1
        return count

    with monkeypatch.context() as patch:
        patch.setattr(_copy.Copying, "_received", garbling)
        with pytest.raises(Transient, match="do not agree"):
            read()
    assert read()[0].num_rows == 1
