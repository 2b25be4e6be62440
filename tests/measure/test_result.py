from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from tilth.measure.result import Result, plain


@dataclass(frozen=True, kw_only=True)
class Inner(Result):
    share: float


@dataclass(frozen=True, kw_only=True)
class Outer(Result):
    rows: tuple[Inner, ...]
    by_name: dict[str, Inner]
    curve: np.ndarray


def test_a_result_inside_a_result_becomes_json_that_json_can_write() -> None:
    made = Outer(rows=(Inner(share=0.5),), by_name={"a": Inner(share=1.0)}, curve=np.array([1, 2])).to_json()
    assert json.loads(json.dumps(made, allow_nan=False)) == {
        "rows": [{"share": 0.5}],
        "by_name": {"a": {"share": 1.0}},
        "curve": [1, 2],
    }


def test_a_number_that_json_cannot_write_becomes_null() -> None:
    assert plain([float("nan"), float("inf"), np.float64("-inf"), 1.5]) == [None, None, None, 1.5]
