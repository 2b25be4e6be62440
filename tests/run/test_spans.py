"""Where two versions of a text differ: against a comparison letter by letter."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.run.spans import spans

TEXTS = st.text("ab é中丮😀😁\u0301", max_size=12)


def plain(old: str, new: str) -> tuple[int, int, int]:
    limit = min(len(old), len(new))
    start = next((at for at in range(limit) if old[at] != new[at]), limit)
    tail = next((at for at in range(limit - start) if old[-1 - at] != new[-1 - at]), limit - start)
    return start, len(old) - tail, len(new) - tail


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_spans_are_in_characters_and_as_short_as_can_be(before: str, old: str, new: str, after: str):
    was, now = before + old + after, before + new + after
    for kind in (pa.string(), pa.large_string(), pa.string_view()):
        found = spans(pa.array(["x", was], kind), pa.array(["x", now], kind), [1])
        assert found == [plain(was, now)]


@pytest.mark.parametrize(
    ("old", "new"), [(pa.array([1]), pa.array([2])), (pa.array(["a"]), pa.array([None], pa.string()))]
)
def test_what_is_no_text_has_no_span(old: pa.Array, new: pa.Array):
    assert spans(old, new, [0]) == [(None, None, None)]


def test_a_slice_of_a_column_has_its_own_texts():
    old, new = pa.array(["x", "one two", "y"])[1:], pa.array(["x", "one too", "y"])[1:]
    assert spans(old, new, [0]) == [(5, 6, 6)]
