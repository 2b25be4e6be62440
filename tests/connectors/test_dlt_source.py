"""dlt resources: run, landed, with their own incremental state; kills lose and double nothing."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
from pathlib import Path
from typing import Any

import pytest
from tests.connectors._landed import land, read

from tilth.connectors.dlt_source import DltSource
from tilth.core.connector import Lander, Landing
from tilth.core.errors import DataError, RecipeError, Stopped
from tilth.testing import check_declaration, check_source, storm

pytestmark = [
    pytest.mark.slow,
    # dlt's own: it leaves files of its working folder to the collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
CODE = """
import dlt, json, datetime, decimal
from pathlib import Path

HERE = Path(__file__).parent

def rows():
    return json.loads((HERE / "rows.json").read_text())

@dlt.resource(name="tickets", primary_key="id")
def tickets(count=3, updated=dlt.sources.incremental("updated", initial_value=0)):
    yield [row for row in rows() if row["updated"] >= (updated.last_value or 0)]

@dlt.resource
def all_tickets(count=3):
    for number in range(count):
        at = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
        yield {"id": number, "Some Text": f"row {number}", "at": at, "price": decimal.Decimal("1.5"),
               "tags": [{"a": 1}]}

@dlt.source
def shop():
    return [dlt.resource([{"id": 1}], name="orders"), dlt.resource([{"id": 2}, {"id": 3}], name="people")]

def plain(token):
    return [{"id": 1, "length": len(token)}]

def broken(token):
    yield {"id": 1}
    raise OSError(f"no way with {token}")

nothing = dlt.resource([], name="nothing")
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    (tmp_path / "shop.py").write_text(CODE)
    (tmp_path / "rows.json").write_text("[]")
    return tmp_path


def made(code: Path, function: str, **options: Any) -> DltSource:
    return DltSource(resource=f"shop.py:{function}", **options).anchored(code)


def test_a_resource_is_read_with_its_own_names_and_nested_values(code: Path):
    source = made(code, "all_tickets", args={"count": 2}, key="id")
    landed = land(source, code / "landing")
    rows = read(landed)[0]
    assert [(row["id"], row["Some Text"], row["price"], row["tags"]) for row in rows] == [
        (0, "row 0", 1.5, [{"a": 1}]), (1, "row 1", 1.5, [{"a": 1}])
    ]  # fmt: skip
    assert str(rows[0]["at"]).startswith("2024-01-01")
    check_source(landed)
    assert read(land(source, code / "landing"))[0] == rows
    assert len(read(land(source, code / "landing", refresh=False))[0]) == 2
    assert "RUNTIME__DLTHUB_TELEMETRY" not in os.environ
    assert not list((code / "landing").rglob("*.pickle"))


def test_dlts_own_incremental_state_is_kept(code: Path):
    source = made(code, "tickets", key="id", incremental=True)
    (code / "rows.json").write_text('[{"id": 1, "updated": 1, "t": "a"}, {"id": 2, "updated": 2, "t": "a"}]')
    cursor = read(land(source, code / "landing"))[3]
    (code / "rows.json").write_text('[{"id": 1, "updated": 1, "t": "late"}, {"id": 2, "updated": 3, "t": "b"}]')
    landed = land(source, code / "landing")
    assert read(landed, cursor)[0] == [{"id": 2, "updated": 3, "t": "b"}]
    assert sorted((row["id"], row["t"]) for row in read(landed)[0]) == [(1, "a"), (2, "b")]
    landed = land(source, code / "landing")
    assert sorted((row["id"], row["t"]) for row in read(landed)[0]) == [(1, "a"), (2, "b")]


def test_a_source_of_several_tables_needs_one_named(code: Path):
    assert read(land(made(code, "shop", table="people"), code / "landing"))[0] == [{"id": 2}, {"id": 3}]
    with pytest.raises(DataError, match="table"):
        land(made(code, "shop", table="none"), code / "none")


def test_plain_functions_and_secrets(code: Path, monkeypatch):
    monkeypatch.setenv("SHOP_TOKEN", "hush-hush-1")
    source = made(code, "plain", args={"token": "env:SHOP_TOKEN"})
    assert read(land(source, code / "landing"))[0] == [{"id": 1, "length": 11}]
    assert "hush" not in repr(source)
    with pytest.raises(DataError, match=r"the resource fails: OSError: no way with \*\*\*"):
        land(made(code, "broken", args={"token": "env:SHOP_TOKEN"}), code / "broken")
    cases = {"nothing": "yields nothing", "none": 'holds no "none"', "plain": "the resource fails: TypeError"}
    for function, what in cases.items():
        with pytest.raises(DataError, match=what):
            land(made(code, function), code / function)
    assert [found.ok for found in source.probe()] == [True]
    assert [found.ok for found in DltSource(resource="no.such.module:x").probe()] == [False]


def test_a_stop_keeps_what_was_extracted(code: Path):
    source = made(code, "all_tickets")
    with pytest.raises(Stopped):
        land(source, code / "landing", stop=lambda: True)
    (code / "shop.py").write_text(CODE.replace("count=3", "count=9"))
    assert len(read(land(source, code / "landing"))[0]) == 3


def test_what_it_declares_and_refuses():
    check_declaration(DltSource(resource="a.b:c", args={"n": [1]}, key=("x", "y")), "tilth.connectors")
    assert isinstance(DltSource(resource="a.py:c"), Lander)
    for wrong in ({"resource": "a.py"}, {"resource": "a b:c"}, {"incremental": True}):
        with pytest.raises(RecipeError):
            DltSource(**{"resource": "a:b", **wrong})


def _land(folder: str) -> None:
    source = made(Path(folder), "all_tickets", args={"count": 20_000})
    source.land(Landing(folder=Path(folder) / "landing"))


@pytest.mark.storm
def test_killed_landings_lose_and_double_nothing(code: Path):
    kills = storm(1, 30)
    chance = random.Random(3)
    context = multiprocessing.get_context("forkserver")
    (code / "landing").mkdir()
    struck = 0
    while struck < kills:
        process = context.Process(target=_land, args=(str(code),))
        process.start()
        process.join(chance.uniform(1.5, 6))
        if process.is_alive():
            os.kill(process.pid or 0, signal.SIGKILL)
            struck += 1
        process.join()
        assert process.exitcode in (0, -signal.SIGKILL)
    _land(str(code))
    source = made(code, "all_tickets", args={"count": 20_000})
    rows = read(land(source, code / "landing", refresh=False))[0]
    assert [row["id"] for row in rows] == list(range(20_000))
