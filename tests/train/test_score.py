import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics import f1_score as seqeval_f1
from sklearn.metrics import f1_score

from tilth.train import score

NAMES = ("B-A", "B-B", "I-A", "I-B", "O")
PAIRS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30)


@given(PAIRS)
def test_macro_f1_is_scikit_learns(pairs):
    predicted, gold = np.array(pairs).T
    assert score.macro_f1(predicted, gold) == pytest.approx(f1_score(gold, predicted, average="macro", zero_division=0))


@given(
    st.lists(
        st.tuples(st.lists(st.booleans(), min_size=3, max_size=3), st.lists(st.booleans(), min_size=3, max_size=3)),
        min_size=1,
        max_size=20,
    )
)
def test_macro_f1_of_sets_is_scikit_learns_over_the_labels_seen(pairs):
    predicted, gold = np.array([pair[0] for pair in pairs]), np.array([pair[1] for pair in pairs])
    seen = [at for at in range(3) if predicted[:, at].any() or gold[:, at].any()]
    wanted = f1_score(gold, predicted, labels=seen, average="macro", zero_division=0) if seen else 0.0
    assert score.macro_f1_of_sets(predicted, gold) == pytest.approx(wanted)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
@given(
    st.lists(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=8), min_size=1, max_size=6)
)
def test_entity_f1_is_seqevals(rows):
    predicted = [[NAMES[pair[0]] for pair in row] for row in rows]
    gold = [[NAMES[pair[1]] for pair in row] for row in rows]
    flat = np.array([pair for row in rows for pair in row])
    starts = np.concatenate(([0], np.cumsum([len(row) for row in rows])))
    wanted = seqeval_f1(gold, predicted, zero_division=0)
    assert score.entity_f1(flat[:, 0], flat[:, 1], starts, NAMES) == pytest.approx(float(wanted))


def test_nothing_to_score_scores_nothing():
    none = np.zeros(0, np.int64)
    assert score.accuracy(none, none) == score.macro_f1(none, none) == 0
    assert score.entity_f1(none, none, np.array([0]), NAMES) == 0
