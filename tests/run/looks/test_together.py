"""What rules drop together is counted by pairs, and what one drops alone."""

from __future__ import annotations

import numpy as np
import pytest

from tilth.core.errors import OperatorError
from tilth.run.looks.together import Together


def test_overlap_counts_pairs_and_what_one_rule_drops_alone() -> None:
    one, two, never = (np.array(mask, bool) for mask in ([1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]))
    whole, part = Together(), Together()
    whole.add(["one", "two", "never"], [one, two, never])
    part.add(["one", "two", "never"], [one, one, never])
    whole.merge(part)
    overlap = whole.overlap()
    assert overlap.names == ("one", "two") and overlap.rows == ((4, 3), (3, 4))
    assert whole.alone.tolist() == [1, 1, 0] and whole.any == 5


def test_rules_must_be_the_same_in_every_batch() -> None:
    together = Together()
    together.add(["a"], [np.array([True])])
    with pytest.raises(OperatorError, match="differ from batch to batch"):
        together.add(["b"], [np.array([True])])
