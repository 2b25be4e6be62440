from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities

from tilth.core.errors import DataError
from tilth.measure.tags import entities, entities_by_row, flatten, spans, to_bio, violations

TAGS = st.sampled_from(
    ["O", *(f"{prefix}-{kind}" for prefix in "BIES" for kind in ("PER", "LOC", "a-b")), "B", "I", "E", "S"]
)
ROWS = st.lists(st.lists(TAGS, max_size=12), min_size=1, max_size=5)


@settings(max_examples=300, deadline=None)
@given(st.lists(TAGS, max_size=15))
def test_entities_equal_seqeval_on_any_tags_valid_or_not(tags: list[str]) -> None:
    assert entities(tags) == [(kind, start, end + 1) for kind, start, end in get_entities(tags)]


@settings(max_examples=50, deadline=None)
@given(ROWS)
def test_entities_of_many_rows_at_once_equal_each_row_alone(rows: list[list[str]]) -> None:
    assert entities_by_row(rows) == [entities(row) for row in rows]
    assert len(spans(flatten(rows)).start) == len(get_entities(rows))


def test_two_entities_side_by_side_are_two() -> None:
    assert entities(["B-PER", "B-PER", "I-PER"]) == [("PER", 0, 1), ("PER", 1, 3)]
    assert entities(["B-PER", "I-LOC"]) == [("PER", 0, 1), ("LOC", 1, 2)]


def test_an_entity_does_not_run_into_the_next_row() -> None:
    assert to_bio([["B-PER"], ["I-PER"]]) == [["B-PER"], ["B-PER"]]


@settings(max_examples=50, deadline=None)
@given(ROWS)
def test_writing_as_bio_keeps_the_entities_and_is_valid(rows: list[list[str]]) -> None:
    written = to_bio(rows)
    assert entities_by_row(written) == entities_by_row(rows)
    assert [len(row) for row in written] == [len(row) for row in rows]
    assert violations(written) == []
    assert to_bio(written) == written


def test_iob1_becomes_bio() -> None:
    assert to_bio([["I-PER", "I-PER", "B-PER", "O", "I-LOC", "I-ORG"], []]) == [
        ["B-PER", "I-PER", "B-PER", "O", "B-LOC", "B-ORG"],
        [],
    ]
    assert to_bio([]) == []


def test_each_tag_that_strict_bio_forbids_is_named() -> None:
    rows = [["I-PER", "I-PER"], ["B-PER", "I-LOC", "O"], [], ["B-PER", "I-PER", "S-LOC"]]
    assert violations(rows) == [
        (0, 0, "I-PER", "O"),
        (1, 1, "I-LOC", "B-PER"),
        (3, 2, "S-LOC", "I-PER"),
    ]
    assert violations([[]]) == []


@settings(max_examples=50, deadline=None)
@given(ROWS)
def test_tags_are_valid_when_bio_would_write_them_the_same(rows: list[list[str]]) -> None:
    named = [[tag if len(tag) > 1 or tag == "O" else f"{tag}-_" for tag in row] for row in rows]
    assert (violations(named) == []) == (to_bio(named) == named)


@pytest.mark.parametrize("tag", ["X-PER", "PER", "", "b-PER", "O-PER", "B_PER"])
def test_a_tag_of_no_scheme_is_refused(tag: str) -> None:
    with pytest.raises(DataError, match="no tag scheme"):
        entities(["O", tag])


def test_arrow_columns_are_read_as_lists_are() -> None:
    column = pa.array([["O"], ["B-PER", "I-PER"]], pa.list_(pa.dictionary(pa.int8(), pa.string())))
    assert to_bio(column) == to_bio(column[0:2]) == [["O"], ["B-PER", "I-PER"]]


@pytest.mark.shared
def test_conll_test_set_has_the_published_counts(conll_test: tuple) -> None:
    written = to_bio(conll_test.tags)
    assert sum(map(len, written)) == 46_435
    found = spans(flatten(written))
    assert len(found.start) == 5_648
    by_type = Counter(entity.type for row in entities_by_row(written) for entity in row)
    assert by_type == {"LOC": 1668, "MISC": 702, "ORG": 1661, "PER": 1617}
    assert violations(conll_test.tags) != []
    assert violations(written) == []
