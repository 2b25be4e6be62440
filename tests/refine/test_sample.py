"""Exactly so many train rows stay, test rows stay all, and growth changes as little as it must."""

from __future__ import annotations

import pyarrow as pa
import pytest

from tilth.core.errors import RecipeError
from tilth.refine.sample import Sample, Sampled
from tilth.testing import batch, cut

ROWS = batch(_split=["train"] * 300 + ["valid"] * 50 + ["test"] * 50 + [None], n=range(401))


def fitted(sample: Sample, rows: pa.RecordBatch) -> Sampled:
    """Fit as a run does: folds see the rows of the splits they ask for."""
    if sample.fits_on == "train":
        rows = rows.filter(pa.array([split == "train" for split in rows.column("_split").to_pylist()]))
    return sample.finish(sample.observe(rows))


def kept(sample: Sample, rows: pa.RecordBatch) -> set[str]:
    verdicts = fitted(sample, rows).judge(rows)
    return set(rows.column("_id").filter(verdicts.is_null()).to_pylist())


def of(rows: pa.RecordBatch, split: str | None) -> set[str]:
    return {row["_id"] for row in rows.to_pylist() if row["_split"] == split}


@pytest.mark.parametrize("wanted", [0, 1, 100, 299, 300, 1000])
def test_exactly_so_many_train_rows_stay_and_every_other_row(wanted: int) -> None:
    stays = kept(Sample(rows=wanted), ROWS)
    assert len(stays & of(ROWS, "train")) == min(wanted, 300)
    assert of(ROWS, "valid") | of(ROWS, "test") | of(ROWS, None) <= stays


def test_other_splits_are_thinned_when_asked() -> None:
    sample = Sample(rows=10, splits=("train", "test"))
    stays = kept(sample, ROWS)
    assert sample.fits_on == "all"
    assert len(stays & (of(ROWS, "train") | of(ROWS, "test"))) == 10
    assert of(ROWS, "valid") <= stays


def test_test_rows_do_not_change_what_is_fitted() -> None:
    train = ROWS.slice(0, 300)
    assert fitted(Sample(rows=20), train) == fitted(Sample(rows=20), ROWS)


def test_one_row_more_changes_one_row_at_most() -> None:
    before = kept(Sample(rows=50), ROWS.slice(0, 200))
    for more in range(201, 260):
        after = kept(Sample(rows=50), ROWS.slice(0, more))
        assert len(after) == 50 and len(before - after) <= 1
        before = after


def test_larger_samples_hold_smaller_ones_and_another_seed_keeps_others() -> None:
    assert kept(Sample(rows=20), ROWS) < kept(Sample(rows=60), ROWS)
    assert kept(Sample(rows=60), ROWS) != kept(Sample(rows=60, seed=1), ROWS)


@pytest.mark.slow
def test_every_row_has_the_same_chance() -> None:
    rows = batch(_split=["train"] * 20)
    times = [0] * 20
    for seed in range(400):
        verdicts = fitted(Sample(rows=5, seed=seed), rows).judge(rows)
        times = [count + (verdict is None) for count, verdict in zip(times, verdicts.to_pylist(), strict=True)]
    # 400 draws of a quarter: 100 each, with a standard deviation of 8.7.
    assert sum(times) == 2000 and all(60 < count < 140 for count in times)


def test_a_share_keeps_about_that_many_and_decides_each_row_for_good() -> None:
    stays = kept(Sample(share=0.25), ROWS) & of(ROWS, "train")
    assert 50 < len(stays) < 100
    assert kept(Sample(share=0.25), ROWS.slice(0, 100)) == kept(Sample(share=0.25), ROWS) & set(
        ROWS.slice(0, 100).column("_id").to_pylist()
    )
    assert kept(Sample(share=1), ROWS) == set(ROWS.column("_id").to_pylist())


def test_a_verdict_says_the_rows_lot_and_the_share_that_stays() -> None:
    verdicts = [verdict for verdict in fitted(Sample(rows=100), ROWS).judge(ROWS).to_pylist() if verdict]
    assert all(verdict["rule"] == "sample" and verdict["value"] >= verdict["threshold"] for verdict in verdicts)
    assert 0.2 < verdicts[0]["threshold"] < 0.47


def test_shards_do_not_matter() -> None:
    sample = Sample(rows=70)
    states = [sample.observe(part) for part in cut(ROWS, 9)]
    whole = states[0]
    for state in states[1:]:
        whole = sample.merge(whole, state)
    assert sample.finish(whole) == sample.finish(sample.observe(ROWS))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "either rows or share"),
        ({"rows": 5, "share": 0.5}, "either rows or share"),
        ({"rows": -1}, "0 to 1,000,000"),
        ({"rows": 2_000_000}, "Use `share` for a larger sample"),
        ({"share": 1.5}, "0 to 1"),
    ],
)
def test_a_sample_that_cannot_be_is_refused(options: dict[str, float], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        Sample(**options)  # type: ignore[arg-type]
