from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from tilth.core.errors import DataError
from tilth.measure.labels import encode, indicator, list_column, owners, row_ids


def test_lists_arrays_and_arrow_columns_give_the_same_codes() -> None:
    truth, told = ["b", "a", "b"], ["b", "b", "c"]
    forms = [
        (truth, told),
        (np.array(truth), np.array(told)),
        (np.array(truth, dtype=object), np.array(told, dtype=object)),
        (pa.array(truth).dictionary_encode(), pa.array(told, pa.large_string())),
        (pa.chunked_array([["b"], ["a", "b"]]), pa.chunked_array([told])),
    ]
    for one, two in forms:
        coded = encode(one, two)
        assert coded.labels == ("a", "b", "c")
        assert coded.truth.tolist() == [1, 0, 1]
        assert coded.predicted.tolist() == [1, 1, 2]


def test_whole_numbers_sort_as_numbers() -> None:
    assert encode([10, 2], np.array([2, 10], dtype=np.int32)).labels == ("2", "10")


def test_labels_outside_the_list_are_coded_minus_one() -> None:
    coded = encode(["a", "z"], ["y", "a"], ["a"])
    assert (coded.truth.tolist(), coded.predicted.tolist(), coded.complete) == ([0, -1], [-1, 0], False)


@pytest.mark.parametrize(
    ("truth", "told", "labels", "says"),
    [
        ([], [], None, "no rows to measure"),
        (["a"], ["a", "b"], None, "truth has 1 rows, predicted has 2"),
        (["a", None], ["a", "b"], None, "truth holds 1 nulls, the first in row 1"),
        (["a", "b"], [None, "b"], None, "predicted holds 1 nulls, the first in row 0"),
        (["a"], [1], None, "truth holds string values, predicted holds int64"),
        ([0.5], [0.5], None, "truth holds double values"),
        ([float("nan")], [0.5], None, "truth holds double values"),
        (["a", 1], ["a", "b"], None, "truth does not hold values of one type"),
        (["a"], ["a"], ["a", "a"], "names a label twice"),
        (["a"], ["a"], [], "the list of labels is empty"),
        (["a"], ["a"], [1], "the list of labels holds int64 values, truth holds string"),
    ],
)
def test_labels_that_cannot_be_measured_are_refused(truth: list, told: list, labels: list | None, says: str) -> None:
    with pytest.raises(DataError, match=says):
        encode(truth, told, labels)


def test_an_answer_not_given_is_coded_minus_one_where_allowed() -> None:
    assert encode(["a", "b"], [None, "b"], unanswered=True).predicted.tolist() == [-1, 1]
    assert encode([1, 2], [None, None], unanswered=True).predicted.tolist() == [-1, -1]


def test_an_unknown_label_in_a_set_names_the_likely_typo() -> None:
    with pytest.raises(DataError, match=r'no label "spma".*Did you mean "spam"'):
        indicator([["spam"], ["spma"]], ["offer", "spam"])


def test_a_list_column_refuses_nulls_and_other_types() -> None:
    with pytest.raises(DataError, match="nulls"):
        list_column(pa.array([["a"], None]), "tags")
    with pytest.raises(DataError, match="nulls"):
        list_column(pa.array([["a", None]]), "tags")
    with pytest.raises(DataError, match="lists of int64"):
        list_column(pa.array([[1]]), "tags")
    with pytest.raises(DataError, match="string values"):
        list_column(pa.array(["a"]), "tags")


def test_owners_of_a_sliced_array_count_from_its_first_row() -> None:
    assert owners(pa.array([["x"], ["a", "b"], [], ["c"]])[1:]).tolist() == [0, 0, 2]


def test_ids_must_be_one_a_row() -> None:
    with pytest.raises(DataError, match="1 ids"):
        row_ids(["a"], 2)
    with pytest.raises(DataError, match="1 null"):
        row_ids(["a", None], 2)
