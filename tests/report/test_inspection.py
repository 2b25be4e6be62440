"""A histogram says how many rows a moved threshold would drop."""

from __future__ import annotations

import json

from tilth.report.inspection import Histogram, Inspection


def test_what_lies_beyond_an_edge() -> None:
    found = Histogram(edges=(1.0, 5.0, 9.0), counts=(2, 3, 4, 1))
    assert [found.beyond(edge, "least") for edge in range(3)] == [2, 5, 9]
    assert [found.beyond(edge, "most") for edge in range(3)] == [8, 5, 1]


def test_all_of_it_is_json() -> None:
    found = Inspection(data="a.csv", rows=1, files=1, column="text", reasons=("why",))
    assert json.loads(json.dumps(found.to_json()))["reasons"] == ["why"]
