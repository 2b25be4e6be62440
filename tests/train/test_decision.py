import numpy as np
import pytest

from tilth.core.errors import ModelError
from tilth.train.decision import Decision


def test_a_higher_temperature_claims_less_and_changes_no_order():
    logits = np.array([[2.0, 0.0, -1.0]])
    cold, warm = Decision().one_of(logits)[0], Decision(temperature=3.0).one_of(logits)[0]
    assert cold[0] > warm[0] > 1 / 3
    assert cold.sum() == warm.sum() == pytest.approx(1)
    assert list(np.argsort(cold)) == list(np.argsort(warm))


def test_huge_logits_stay_numbers():
    assert Decision().one_of(np.array([[1e4, -1e4]])).tolist() == [[1, 0]]
    assert Decision().each(np.array([[1e4, -1e4]]))[0] == pytest.approx([1, 0])


def test_wrong_settings_are_refused():
    with pytest.raises(ModelError, match="temperature"):
        Decision(temperature=0)
    with pytest.raises(ModelError, match="threshold 1"):
        Decision(thresholds={"a": 1})
    with pytest.raises(ModelError, match='Did you mean "spam"'):
        Decision(thresholds={"spm": 0.2}).check(["ham", "spam"])


def test_silence_is_off_until_it_is_asked_for():
    sure = np.array([0.2, 0.9])
    assert not Decision().silent(sure).any()
    assert Decision(abstain_below=0.5).silent(sure).tolist() == [True, False]
