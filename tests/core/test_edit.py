"""A text without its cuts is the rest of it, in order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tilth.core.edit import EDIT, Editor, cut
from tilth.refine.exact_duplicates import ExactDuplicates
from tilth.refine.repeated_lines import RepeatedLines


@given(st.lists(st.tuples(st.booleans(), st.text(max_size=5)), max_size=8))
def test_what_is_not_cut_stays_in_order(parts: list[tuple[bool, str]]) -> None:
    cuts, at = [], 0
    for goes, part in parts:
        if goes:
            cuts.append({"start": at, "end": at + len(part)})
        at += len(part)
    assert cut("".join(part for _, part in parts), cuts) == "".join(part for goes, part in parts if not goes)


def test_an_editor_is_told_from_a_decider_by_its_method() -> None:
    assert isinstance(RepeatedLines(), Editor)
    assert not isinstance(ExactDuplicates(), Editor)
    assert EDIT.names == ["_id", "cuts"]
