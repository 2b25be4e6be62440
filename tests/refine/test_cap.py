"""Large groups are cut to the cap exactly, small ones stay whole, and only train rows leave."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pytest

from tilth.core.errors import DataError, RecipeError
from tilth.refine import cap
from tilth.refine.cap import Cap
from tilth.testing import batch, cut

ROWS = batch(
    _split=["train"] * 90 + ["test"] * 30,
    label=(["big"] * 50 + ["middle"] * 20 + ["small"] * 5 + [None] * 15) + ["big"] * 30,
)


def kept(operator: Cap, rows: pa.RecordBatch) -> pa.RecordBatch:
    train = rows.filter(pa.array([split == "train" for split in rows.column("_split").to_pylist()]))
    fitted = operator.finish(operator.observe(train if operator.fits_on == "train" else rows))
    return rows.filter(fitted.judge(rows).is_null())


def counts(rows: pa.RecordBatch) -> Counter[tuple[str, str | None]]:
    return Counter((row["_split"], row["label"]) for row in rows.to_pylist())


def test_each_group_keeps_exactly_the_cap_of_train_rows() -> None:
    assert counts(kept(Cap(by="label", at_most=10), ROWS)) == {
        ("train", "big"): 10,
        ("train", "middle"): 10,
        ("train", "small"): 5,
        ("train", None): 15,
        ("test", "big"): 30,
    }


def test_other_splits_count_together_when_asked() -> None:
    left = counts(kept(Cap(by="label", at_most=10, splits=("train", "valid", "test")), ROWS))
    assert left["train", "big"] + left["test", "big"] == 10
    assert left["train", "small"] == 5


def test_a_verdict_says_how_many_rows_the_group_has_and_the_cap() -> None:
    operator = Cap(by="label", at_most=20)
    found = [one for one in operator.finish(operator.observe(ROWS.slice(0, 90))).judge(ROWS).to_pylist() if one]
    assert len(found) == 30
    assert found[0] == {"rule": "cap", "value": 50.0, "threshold": 20.0, "other_id": None}


def test_a_new_row_displaces_one_of_its_group_at_most() -> None:
    before = set(kept(Cap(by="label", at_most=10), ROWS.slice(0, 40)).column("_id").to_pylist())
    after = set(kept(Cap(by="label", at_most=10), ROWS.slice(0, 41)).column("_id").to_pylist())
    assert len(before) == len(after) == 10 and len(before - after) <= 1


def test_shards_do_not_matter() -> None:
    operator = Cap(by="label", at_most=7)
    states = [operator.observe(part) for part in cut(ROWS, 11)]
    whole = states[0]
    for state in states[1:]:
        whole = operator.merge(whole, state)
    assert operator.finish(whole) == operator.finish(operator.observe(ROWS))


def test_more_groups_than_a_state_can_hold_are_refused_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cap, "STATE_LIMIT", 1000)
    with pytest.raises(DataError, match='column "n" has 400 groups.*Lower `at_most`, or cap by a column with fewer'):
        Cap(by="n", at_most=3).observe(batch(n=range(400)))


def test_a_cap_of_nothing_is_refused() -> None:
    with pytest.raises(RecipeError, match="at_most 0. Wanted: 1 or more"):
        Cap(by="label", at_most=0)
