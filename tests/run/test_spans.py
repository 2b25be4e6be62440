"""Where two versions of a text differ: against a comparison letter by letter."""

from __future__ import annotations

import random

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


def test_many_at_once_are_as_each_alone():
    rng = random.Random(7)
    letters = "ab é中丮😀😁\u0301"

    def some(most: int) -> str:
        return "".join(rng.choices(letters, k=rng.randint(0, most)))

    pairs = [(f"{a}{some(6)}{b}", f"{a}{some(6)}{b}") for a, b in ((some(60), some(60)) for _ in range(1500))]
    pairs += [("a" * 40, "a" * 39), ("", "x"), ("x", ""), ("丮" * 20, "丮" * 19 + "丯")]
    for kind in (pa.string(), pa.large_string()):
        # A column cut from a longer one, with nulls, of which only some rows are asked for.
        old = pa.array(["before", *(was for was, _ in pairs), None, "now"], kind)[1:]
        new = pa.array(["before it", *(now for _, now in pairs), "was", None], kind)[1:]
        rows = [row for row in range(len(old)) if row % 5]
        expected = [plain(*pairs[row]) if row < len(pairs) else (None, None, None) for row in rows]
        assert len(rows) > 256
        assert spans(old, new, rows) == expected
