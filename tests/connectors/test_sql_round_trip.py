"""Odd values, written by the sink and read by the source, are what they were, but for what is documented."""

import math
from datetime import UTC, date, datetime

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.servers import databases

from tilth.connectors.sql import Sql
from tilth.connectors.sql_table import SqlTable
from tilth.core.errors import DataError
from tilth.core.shard import RunKey, Shard
from tilth.testing import ODD_TEXTS, batch, storm

EXAMPLES = storm(6, 80)
KINDS = {
    "text": pa.string(),
    "whole": pa.int64(),
    "small": pa.int8(),
    "real": pa.float64(),
    "single": pa.float32(),
    "truth": pa.bool_(),
    "day": pa.date32(),
    "moment": pa.timestamp("us", "UTC"),
    "sum": pa.decimal128(12, 3),
    "large": pa.decimal128(38, 10),
    "raw": pa.binary(),
}
TEXT = st.one_of(st.sampled_from(ODD_TEXTS[:-1]), st.text(st.characters(codec="utf-8"), max_size=20))
ROW = st.fixed_dictionaries(
    {
        "text": TEXT,
        "whole": st.integers(-(2**63), 2**63 - 1),
        "small": st.integers(-128, 127),
        "real": st.floats(),
        "single": st.floats(width=32),
        "truth": st.booleans(),
        "day": st.dates(min_value=date(1000, 1, 1)),
        "moment": st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.just(UTC)),
        "sum": st.decimals(-999_999_999, 999_999_999, places=3),
        "large": st.decimals(-(10**27), 10**27, places=10),
        "raw": st.binary(max_size=20),
    }
)
SOME_EMPTY = ROW.flatmap(
    lambda row: st.fixed_dictionaries({name: st.one_of(st.none(), st.just(cell)) for name, cell in row.items()})
)
ROWS = st.lists(SOME_EMPTY, min_size=1, max_size=25)


def wanted(system, name, value):
    """What a value becomes, as the sink's documentation says."""
    if value is None:
        return None
    if system == "postgresql" and name == "text":
        return value.replace("\0", "␀")
    if isinstance(value, float) and math.isnan(value):
        return None if system in ("mysql", "sqlite") else "nan"
    if system == "sqlite" and name in ("sum", "large"):
        return format(value, "f")
    return value


def same(found, value):
    if isinstance(found, float) and math.isnan(found):
        return value == "nan"
    return found == value


@pytest.mark.slow
@pytest.mark.parametrize("system", databases.SYSTEMS)
def test_what_is_written_is_read(system, tmp_path, monkeypatch):
    monkeypatch.setenv("SQL_TEST_URL", databases.fresh(system, tmp_path))
    sink = SqlTable(url="env:SQL_TEST_URL", table="t", mode="replace")
    runs = iter(range(100_000))

    @example([dict.fromkeys(KINDS) | {"single": 3.4028234663852886e38}])
    @settings(max_examples=EXAMPLES, database=None, suppress_health_check=list(HealthCheck))
    @given(ROWS)
    def check(rows):
        columns = {name: pa.array([row[name] for row in rows], kind) for name, kind in KINDS.items()}
        written = batch(**columns)
        if system == "mysql" and any(isinstance(v, float) and math.isinf(v) for row in rows for v in row.values()):
            with pytest.raises(DataError, match="infinite"):
                sink.write(Shard(id="s"), iter([written]))
            return
        receipt = sink.write(Shard(id="s"), iter([written]))
        sink.commit([receipt], RunKey(f"run-{next(runs)}"), None, sink.newest())
        source = Sql(url="env:SQL_TEST_URL", table="t", shard_rows=10)
        records = [record for shard in source.plan()[0] for record in source.read(shard)]
        assert [reject for record in records for reject in record.rejects] == []
        found = [row for record in records for row in record.batch.to_pylist()]
        assert len(found) == len(rows)
        for before, after in zip(written.to_pylist(), found, strict=True):
            for name in KINDS:
                expected = wanted(system, name, before[name])
                assert same(after[name], expected), f"{name}: {before[name]!r} became {after[name]!r}"

    check()
