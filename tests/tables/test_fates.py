"""What became of each row, counted and told in the order of the recipe."""

import pyarrow as pa
import pytest

from tilth.core.errors import DataError
from tilth.core.fate import FATE
from tilth.core.shard import RunKey, Shard
from tilth.tables.fates import Count, Fates, Happening
from tilth.tables.table import Table


def happenings(*lines):
    return pa.RecordBatch.from_pylist([dict(line) for line in lines], schema=FATE)


CHANGED = {"_id": "a", "fate": "changed", "operator": "refine[2] fix_text", "column": "text"}
DROPPED = {
    "_id": "a",
    "fate": "dropped",
    "operator": "refine[10] too_short",
    "rule": "too_short",
    "value": 2.0,
    "threshold": 5.0,
}


@pytest.fixture
def fates(tmp_path):
    return Fates(Table(str(tmp_path / "fates"), name="fates/tickets"))


def write(fates: Fates, shard: str, *lines):
    with fates.writer(Shard(id=shard)) as writer:
        writer.add(happenings(*lines))
        return writer.finish()


def test_one_pass_fills_the_rows_and_their_fates(tmp_path, fates):
    table = Table(str(tmp_path / "data"))
    with table.writer(Shard(id="0")) as rows, fates.writer(Shard(id="0")) as gone:
        for number in range(3):
            rows.add(pa.RecordBatch.from_pydict({"_id": [f"kept-{number}"]}))
            gone.add(happenings({**DROPPED, "_id": f"gone-{number}"}))
        receipts = rows.finish(), gone.finish()
    version = table.commit([receipts[0]], RunKey("k"), None, None)
    told = fates.commit([receipts[1]], RunKey("k"), None)
    assert (table.count(), fates.table.count()) == (3, 3)
    assert fates.version_of(version) == told


def test_a_writer_that_is_left_early_leaves_nothing(fates):
    with pytest.raises(RuntimeError), fates.writer(Shard(id="0")) as writer:
        writer.add(happenings(DROPPED))
        raise RuntimeError
    assert list(fates.table.folder.iterdir()) == []


def test_counts_are_by_operator_fate_and_rule_in_the_order_of_the_recipe(fates):
    first = write(fates, "0", DROPPED, CHANGED, {**CHANGED, "_id": "b"})
    second = write(fates, "1", {**DROPPED, "_id": "c"}, {**DROPPED, "_id": "d", "rule": "empty"})
    version = fates.commit([first, second], RunKey("k"), None)
    assert fates.counts(version) == [
        Count("refine[2] fix_text", "changed", None, 2),
        Count("refine[10] too_short", "dropped", "empty", 1),
        Count("refine[10] too_short", "dropped", "too_short", 2),
    ]


def test_counts_are_of_one_version(fates):
    first = fates.commit([write(fates, "0", DROPPED)], RunKey("1"), None)
    second = fates.commit([write(fates, "0", CHANGED)], RunKey("2"), first, mode="overwrite")
    assert [count.fate for count in fates.counts(first)] == ["dropped"]
    assert [count.fate for count in fates.counts(second)] == ["changed"]


def test_all_that_befell_a_row_is_told_in_order(fates):
    late = write(fates, "0", DROPPED, {**DROPPED, "_id": "other"})
    twice = [{**CHANGED, "start": 7, "end": 9, "new_end": 8}, {**CHANGED, "start": 1, "end": 2, "new_end": 2}]
    failed = {"_id": "a", "fate": "failed", "operator": "acquire[0] files", "reason": "tickets.csv record 17"}
    early = write(fates, "1", *twice, failed)
    fates.commit([late, early], RunKey("k"), None)
    told = fates.of("a")
    assert [(happening.operator, happening.start) for happening in told] == [
        ("acquire[0] files", None),
        ("refine[2] fix_text", 7),
        ("refine[2] fix_text", 1),
        ("refine[10] too_short", None),
    ]
    assert told[-1] == Happening(
        "a", "dropped", "refine[10] too_short", None, "too_short", 2.0, 5.0, None, None, None, None, None
    )
    assert fates.of("nobody") == []


def test_what_is_no_fate_is_refused(fates):
    with fates.writer(Shard(id="0")) as writer:
        with pytest.raises(DataError, match='fates/tickets: no fate "vanished"'):
            writer.add(happenings(DROPPED, {**DROPPED, "fate": "vanished"}))
        with pytest.raises(DataError, match="these rows are not fates"):
            writer.add(pa.RecordBatch.from_pydict({"_id": ["a"]}))
