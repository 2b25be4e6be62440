"""The forest finds what scikit-learn's finds, and its answer does not depend on neighbours, cuts or order."""

from __future__ import annotations

import numpy as np
import pytest

from tilth.core.errors import RecipeError
from tilth.refine import _isolation
from tilth.refine.outliers import Outliers, OutliersIsolated
from tilth.testing import batch, check_operator


def drawn() -> np.ndarray:
    chance = np.random.default_rng(0)
    return np.vstack([chance.normal(size=(500, 3)), chance.normal(size=(10, 3)) + 7])


def fitted(**options: object) -> OutliersIsolated:
    rows = drawn()
    data = batch(a=rows[:, 0], b=rows[:, 1], c=rows[:, 2])
    fold = Outliers(columns=("a", "b", "c"), method="isolation_forest", trees=50, **options)  # type: ignore[arg-type]
    found = fold.finish(fold.observe(data))
    assert isinstance(found, OutliersIsolated)
    return found


def judged(operator: OutliersIsolated, rows: np.ndarray) -> list[int]:
    verdicts = operator.judge(batch(a=rows[:, 0], b=rows[:, 1], c=rows[:, 2]))
    return [at for at, verdict in enumerate(verdicts.to_pylist()) if verdict]


@pytest.mark.slow
def test_the_far_cluster_is_out_and_the_others_are_in() -> None:
    found = judged(fitted(), drawn())
    assert set(found) >= set(range(500, 510))
    assert len(found) < 20


def test_share_sets_the_score() -> None:
    assert len(judged(fitted(share=0.02), drawn())) == pytest.approx(0.02 * 510, abs=2)


def test_nulls_count_as_the_median_and_infinities_as_far() -> None:
    rows = np.array([[np.nan] * 3, [np.inf] * 3, [-np.inf, np.inf, 0]])
    assert judged(fitted(), rows) == [1, 2]


def test_a_verdict_carries_the_score_and_does_not_depend_on_neighbours() -> None:
    operator, rows = fitted(), drawn()
    alone = operator.judge(batch(a=[7.0], b=[7.0], c=[7.0]))[0].as_py()
    many = np.vstack([rows, [[7.0, 7.0, 7.0]]])
    assert operator.judge(batch(a=many[:, 0], b=many[:, 1], c=many[:, 2]))[510].as_py() == alone
    assert alone["value"] > alone["threshold"] == 0.6
    assert alone["rule"] == "outliers isolation_forest"


@pytest.mark.slow
def test_it_ranks_as_scikit_learn_does() -> None:
    ensemble = pytest.importorskip("sklearn.ensemble")
    rows = drawn()
    theirs = -ensemble.IsolationForest(random_state=0).fit(rows).score_samples(rows)
    ours = _isolation.scores(_isolation.grow(rows, 1), rows)
    assert np.corrcoef(ours, theirs)[0, 1] > 0.95


def test_a_constant_column_or_one_row_isolates_nothing() -> None:
    fold = Outliers(columns=("a",), method="isolation_forest", trees=5)
    for values in ([5.0] * 20, [5.0], []):
        rows = batch(a=np.array(values))
        operator = fold.finish(fold.observe(rows))
        assert isinstance(operator, OutliersIsolated)
        assert operator.judge(batch(a=[1e300, None])).null_count == 2


@pytest.mark.parametrize(
    "options", [{"action": "clip"}, {"share": 0.7}, {"columns": ()}, {"trees": 0}, {"method": "iqr", "share": 0.1}]
)
def test_options_that_do_not_go_together_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(RecipeError, match=r"outliers: "):
        Outliers(**{"columns": ("a",), "method": "isolation_forest", **options})  # type: ignore[arg-type]


@pytest.mark.slow
def test_it_keeps_the_contract() -> None:
    check_operator(Outliers(columns=("a",), method="isolation_forest", trees=3), batch(a=[1.0, 2.0, 3.0, 50.0, None]))
