"""Fences come from train rows alone; what lies outside is dropped, clipped or blanked."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from tilth.core.errors import DataError
from tilth.refine.outliers import Outliers, OutliersDropped, OutliersReplaced
from tilth.testing import batch

VALUES = [*map(float, range(1, 12)), 100.0]


def fitted(values: list[float], **options: object) -> OutliersDropped | OutliersReplaced:
    fold = Outliers(columns=("number",), **options)  # type: ignore[arg-type]
    return fold.finish(fold.observe(batch(number=values)))


def test_tukey_fences_stand_where_numpy_puts_them() -> None:
    operator = fitted(VALUES)
    first, third = np.quantile(VALUES, [0.25, 0.75])
    assert operator.low == (pytest.approx(first - 1.5 * (third - first)),)
    assert operator.high == (pytest.approx(third + 1.5 * (third - first)),)


def test_modified_z_score_of_iglewicz_and_hoaglin() -> None:
    operator = fitted(VALUES, method="mad")
    median = np.median(VALUES)
    deviation = np.median(np.abs(np.array(VALUES) - median))
    # |0.6745 (x - median) / MAD| > 3.5
    assert operator.high == (pytest.approx(median + 3.5 * deviation / 0.6745),)
    assert operator.low == (pytest.approx(median - 3.5 * deviation / 0.6745),)


def test_a_row_outside_leaves_with_its_value_and_the_fence() -> None:
    operator = fitted(VALUES)
    assert isinstance(operator, OutliersDropped)
    verdicts = operator.judge(batch(number=[5.0, 100.0, -math.inf, None, math.nan])).to_pylist()
    assert [verdict is None for verdict in verdicts] == [True, False, False, True, True]
    assert verdicts[1] == {"rule": "outliers number", "value": 100.0, "threshold": operator.high[0], "other_id": None}
    assert verdicts[2]["threshold"] == operator.low[0]


def test_clip_and_null() -> None:
    clipped, blanked = fitted(VALUES, action="clip"), fitted(VALUES, action="null")
    assert isinstance(clipped, OutliersReplaced)
    assert isinstance(blanked, OutliersReplaced)
    rows = batch(number=[5.0, 100.0, None])
    assert clipped.map(rows).column("number").to_pylist() == [5.0, clipped.high[0], None]
    assert blanked.map(rows).column("number").to_pylist() == [5.0, None, None]


def test_a_column_whose_middle_is_one_value_has_no_fences() -> None:
    for method in ("iqr", "mad"):
        operator = fitted([0.0] * 9 + [7.0], method=method)
        assert isinstance(operator, OutliersDropped)
        assert operator.columns == ()
        assert operator.judge(batch(number=[1e9])).null_count == 1


def test_the_first_column_outside_is_named() -> None:
    fold = Outliers(columns=("a", "b"))
    operator = fold.finish(fold.observe(batch(a=VALUES, b=VALUES)))
    assert isinstance(operator, OutliersDropped)
    verdicts = operator.judge(batch(a=[1e6, 1.0], b=[1e6, 1e6])).to_pylist()
    assert [verdict["rule"] for verdict in verdicts] == ["outliers a", "outliers b"]


def test_a_column_of_text_points_to_parse_number() -> None:
    with pytest.raises(DataError, match=r'outliers: column "number" holds string.*parse_number'):
        fitted(["1"])  # type: ignore[list-item]


def test_integers_and_decimals_are_numbers() -> None:
    fold = Outliers(columns=("number",))
    for kind in (pa.int8(), pa.uint64(), pa.float32(), pa.decimal128(9, 2)):
        state = fold.observe(batch(number=pa.array([1, 2, None], pa.int8()).cast(kind)))
        assert state["value"].to_pylist() == [1.0, 2.0]
