"""Labels are renamed and merged; a label nobody foresaw fails, leaves or stays, as asked."""

from __future__ import annotations

from typing import Literal

import pyarrow as pa
import pytest

from tilth.core.errors import DataError
from tilth.core.operator import Outcome
from tilth.refine.label_map import LabelMap
from tilth.testing import batch


def test_old_names_become_new_ones_and_new_ones_are_known() -> None:
    outcome = LabelMap(labels={"SPAM": "spam", "junk": "spam"}).map(batch(label=["SPAM", "junk", "spam", None]))
    assert isinstance(outcome, Outcome)
    assert outcome.batch.column("label").to_pylist() == ["spam", "spam", "spam", None]
    assert outcome.failures == ()


@pytest.mark.parametrize(("unknown", "kept"), [("fail", ["b"]), ("drop", ["b"]), ("keep", ["b", "x"])])
def test_an_unknown_label_goes_where_it_is_sent(unknown: Literal["fail", "drop", "keep"], kept: list[str]) -> None:
    operator = LabelMap(labels={"a": "b"}, unknown=unknown)
    found = operator.map(batch(label=["a", "x"]))
    rows = found.batch if isinstance(found, Outcome) else found
    stays = [verdict is None for verdict in operator.judge(rows).to_pylist()]
    assert rows.filter(pa.array(stays)).column("label").to_pylist() == kept


def test_two_labels_can_swap() -> None:
    operator = LabelMap(labels={"a": "b", "b": "a"}, unknown="drop")
    rows = operator.map(batch(label=["a", "b"]))
    assert not isinstance(rows, Outcome)
    assert rows.column("label").to_pylist() == ["b", "a"]
    assert operator.judge(rows).null_count == 2


def test_numbers_and_booleans_are_labels_too() -> None:
    for values, names in (
        (pa.array([0, 1]), {"0": "no", "1": "yes"}),
        (pa.array([False, True]), {"false": "no", "true": "yes"}),
    ):
        rows = LabelMap(labels=names, unknown="keep").map(batch(label=values))
        assert not isinstance(rows, Outcome)
        assert rows.column("label").to_pylist() == ["no", "yes"]


def test_a_column_of_lists_or_fractions_is_refused() -> None:
    for values, kind in ((pa.array([["a"]]), "list"), (pa.array([0.5]), "double")):
        with pytest.raises(DataError, match=f'label_map: column "label" holds {kind}'):
            LabelMap(labels={"a": "b"}).map(batch(label=values))
