"""Row groups end at the same rows, however the rows were batched."""

import itertools

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.tables._row_groups import RowGroups, weights


def groups(batches, **limits):
    cutter = RowGroups(**limits)
    return [group for batch in batches for group in cutter.add(batch)] + list(cutter.rest())


def cut(table: pa.Table, at: list[int]) -> list[pa.RecordBatch]:
    bounds = [0, *sorted(min(place, table.num_rows) for place in at), table.num_rows]
    return [
        batch
        for left, right in itertools.pairwise(bounds)
        for batch in table.slice(left, right - left).combine_chunks().to_batches()
    ]


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(st.none() | st.text(max_size=30), min_size=1, max_size=60),
    at=st.lists(st.integers(0, 60), max_size=6),
)
def test_cuts_of_the_batches_do_not_move_cuts_of_the_groups(texts, at):
    table = pa.table({"text": pa.array(texts, pa.string()), "n": pa.array(range(len(texts)))})
    whole = groups(table.to_batches(), rows=7, size=90)
    assert [group.num_rows for group in groups(cut(table, at), rows=7, size=90)] == [g.num_rows for g in whole]
    assert pa.Table.from_batches(whole).equals(table)


def test_a_group_ends_with_the_row_that_fills_it():
    batch = pa.RecordBatch.from_pydict({"text": ["x" * 40, "x" * 60, "x", "x" * 500, "x"]})
    assert [group.num_rows for group in groups([batch], size=100)] == [2, 2, 1]


def test_weights_count_values_and_not_buffers():
    nested = pa.array([[{"a": "xyz"}], None, [], [{"a": None}, {"a": "x"}]], pa.list_(pa.struct([("a", pa.string())])))
    assert weights(nested).tolist() == [7, 4, 4, 5]
    assert weights(nested.slice(3)).tolist() == [5]
    assert weights(pa.array([True, None])).tolist() == [1, 1]
    pairs = pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64()))
    assert weights(pairs).tolist() == [13, 4]
    assert weights(pa.array([b"ab", None])).tolist() == [2, 0]


def test_no_more_is_held_than_a_group_and_a_batch():
    batch = pa.RecordBatch.from_pydict({"text": ["x" * 1000] * 100})
    cutter = RowGroups(size=250_000)
    given_out = sum(group.nbytes for _ in range(50) for group in cutter.add(batch))
    assert given_out >= 50 * batch.nbytes * 0.94
