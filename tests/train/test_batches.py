import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.train.batches import Batches


@given(st.lists(st.integers(1, 60), min_size=1, max_size=200), st.integers(1, 9), st.integers(0, 5))
def test_every_item_comes_once_an_epoch(lengths, rows, seed):
    batches = Batches(lengths=np.array(lengths), rows=rows, seed=seed, window=3)
    epoch = batches.epoch(2)
    assert sorted(np.concatenate(epoch).tolist()) == list(range(len(lengths)))
    assert len(epoch) == batches.per_epoch
    assert max(map(len, epoch)) <= rows


def test_the_same_seed_gives_the_same_order_and_each_epoch_another():
    lengths = np.random.default_rng(0).integers(1, 50, 500)
    one, two = Batches(lengths=lengths, rows=8, seed=3), Batches(lengths=lengths, rows=8, seed=3)
    assert [b.tolist() for b in one.epoch(4)] == [b.tolist() for b in two.epoch(4)]
    assert [b.tolist() for b in one.epoch(4)] != [b.tolist() for b in one.epoch(5)]
    other = Batches(lengths=lengths, rows=8, seed=4)
    assert [b.tolist() for b in one.epoch(4)] != [b.tolist() for b in other.epoch(4)]


def test_rows_of_like_length_share_a_batch():
    lengths = np.random.default_rng(0).integers(1, 100, 3200)
    batches = Batches(lengths=lengths, rows=32, seed=0).epoch(0)
    padded = sum(len(batch) * lengths[batch].max() for batch in batches)
    at_random = sum(32 * lengths[at : at + 32].max() for at in range(0, 3200, 32))
    assert padded < 1.05 * lengths.sum() < 0.6 * at_random


def test_short_batches_do_not_all_come_first():
    lengths = np.random.default_rng(0).integers(1, 100, 3200)
    means = [lengths[batch].mean() for batch in Batches(lengths=lengths, rows=32, seed=0).epoch(0)]
    assert np.mean(means[:50]) == pytest.approx(np.mean(means[50:]), rel=0.2)


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 3)), min_size=1, max_size=200), st.integers(1, 9))
def test_an_epoch_reads_stage_after_stage(items, rows):
    lengths, stages = np.array(items).T
    batches = Batches(lengths=lengths, rows=rows, seed=1, window=3, stages=stages)
    epoch = batches.epoch(2)
    assert len(epoch) == batches.per_epoch
    assert sorted(np.concatenate(epoch).tolist()) == list(range(len(items)))
    read = [set(stages[batch].tolist()) for batch in epoch]
    assert all(len(stage) == 1 for stage in read)
    assert [max(stage) for stage in read] == sorted(max(stage) for stage in read)


def test_within_a_stage_items_are_shuffled_anew_each_epoch():
    lengths, stages = np.full(400, 5), np.repeat([0, 1], 200)
    batches = Batches(lengths=lengths, rows=8, seed=1, stages=stages)
    assert [b.tolist() for b in batches.epoch(0)] != [b.tolist() for b in batches.epoch(1)]
