"""Sources come out in the proportions asked for, exactly, without a row repeated or a test row lost."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.core.errors import DataError, RecipeError
from tilth.refine import _order
from tilth.refine.mix import Mix, Mixed
from tilth.testing import batch, cut


def rows(**groups: int) -> pa.RecordBatch:
    names = [name for name, count in groups.items() for _ in range(count)]
    return batch(_source=pa.array(names, pa.string()), _split=pa.array(["train"] * len(names), pa.string()))


def fitted(mix: Mix, some: pa.RecordBatch) -> Mixed:
    return mix.finish(mix.observe(some))


def counts(mix: Mix, some: pa.RecordBatch) -> dict[str, int]:
    left = some.filter(fitted(mix, some).judge(some).is_null())
    return dict(Counter(left.column("_source").to_pylist()))


def test_the_shortest_source_stays_whole_and_others_are_thinned_to_it() -> None:
    assert counts(Mix(weights={"web": 0.5, "books": 0.5}), rows(web=90, books=30)) == {"web": 30, "books": 30}
    assert counts(Mix(weights={"web": 3, "books": 1}), rows(web=90, books=40)) == {"web": 90, "books": 30}


def test_a_weight_of_zero_leaves_a_source_out() -> None:
    assert counts(Mix(weights={"web": 1, "books": 0}), rows(web=9, books=3)) == {"web": 9}


def test_so_many_rows_in_all() -> None:
    assert counts(Mix(weights={"web": 0.75, "books": 0.25}, rows=40), rows(web=90, books=30)) == {
        "web": 30,
        "books": 10,
    }


def test_more_rows_than_the_shortest_source_allows_are_refused() -> None:
    with pytest.raises(DataError, match=r'"books" has 30 rows, and 50.0% of 100 is more. Wanted: rows up to 60'):
        fitted(Mix(weights={"web": 1, "books": 1}, rows=100), rows(web=90, books=30))


@pytest.mark.parametrize(
    ("temperature", "wanted"),
    [(1.0, {"en": 1000, "sw": 10}), (2.0, {"en": 100, "sw": 10}), (1e9, {"en": 10, "sw": 10})],
)
def test_temperature_evens_shares_out(temperature: float, wanted: dict[str, int]) -> None:
    # Of 1000 and 10 rows, shares to the power 1/2 are 10 to 1.
    assert counts(Mix(temperature=temperature), rows(en=1000, sw=10)) == wanted


def test_a_cold_temperature_sharpens() -> None:
    assert counts(Mix(temperature=0.5), rows(en=20, sw=10)) == {"en": 20, "sw": 5}


def test_a_name_that_data_or_weights_lack_is_an_error_with_the_likely_typo() -> None:
    with pytest.raises(DataError, match='"books" has rows and no weight.*Did you mean "bookz"'):
        fitted(Mix(weights={"web": 1, "bookz": 1}), rows(web=9, books=3))
    with pytest.raises(DataError, match='"video" has a weight and no rows. Wanted: one of web'):
        fitted(Mix(weights={"web": 1, "video": 1}), rows(web=9))


@pytest.mark.parametrize(
    "options",
    [{"weights": {"a": 0}}, {"weights": {"a": -1}}, {"weights": {"a": float("inf")}}, {"temperature": 0}, {"rows": 0}],
)
def test_what_is_no_proportion_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(RecipeError):
        Mix(**options)


def test_test_rows_and_rows_without_a_source_stay() -> None:
    some = batch(_source=["web"] * 9 + ["books"] + [None, "web"], _split=["train"] * 11 + ["test"])
    train = some.slice(0, 11)
    verdicts = fitted(Mix(weights={"web": 1, "books": 1}), train).judge(some).to_pylist()
    assert verdicts[9:] == [None, None, None]
    assert [verdict is None for verdict in verdicts[:9]].count(True) == 1


def test_a_verdict_says_the_lot_and_the_share_that_stays() -> None:
    some = rows(web=400, books=100)
    found = [one for one in fitted(Mix(weights={"web": 1, "books": 1}), some).judge(some).to_pylist() if one]
    assert len(found) == 300 and all(one["rule"] == "mix" and one["value"] >= one["threshold"] for one in found)
    assert 0.15 < found[0]["threshold"] < 0.35


@pytest.mark.slow
@given(
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=4),
    weights=st.lists(st.integers(1, 5), min_size=4, max_size=4),
    parts=st.integers(1, 6),
)
def test_shares_are_met_to_the_row_and_shards_do_not_matter(sizes: list[int], weights: list[int], parts: int) -> None:
    groups = {f"s{at}": size for at, size in enumerate(sizes)}
    mix = Mix(weights=dict(zip(groups, map(float, weights), strict=False)))
    some = rows(**groups)
    left = counts(mix, some)
    whole = min(groups[name] / weights[at] for at, name in enumerate(groups))
    assert all(abs(left.get(name, 0) - weights[at] * whole) <= 0.5 + 1e-9 for at, name in enumerate(groups))
    states = [mix.observe(part) for part in cut(some, parts)]
    joined = states[0]
    for state in states[1:]:
        joined = mix.merge(joined, state)
    assert mix.finish(joined) == fitted(mix, some)


def test_with_more_rows_than_bins_no_group_keeps_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_order, "_MOST", 256)
    left = counts(Mix(weights={"web": 1, "books": 1}), rows(web=3000, books=1000))
    assert left["books"] == 1000 and 960 <= left["web"] <= 1000
