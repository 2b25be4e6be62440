"""Tell that a type is given to text only where nothing is lost, and the same way over a whole column."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from tilth.connectors._cells import WORDS, converted, inferred, words_of


@pytest.mark.parametrize(
    ("cells", "word"),
    [
        (["0", "-1", "999999999"], "int"),
        (["1", "1.5"], "float"),
        (["1e5", "-0.5"], "float"),
        (["0.30000000000000004"], "float"),
        (["true", "False", "NULL"], "bool"),
        (["2024-01-31", "2024-01-31 10:00", "2024-01-31T10:00:59.5Z"], "timestamp"),
        (["1234567890"], "string"),
        (["007", "1"], "string"),
        (["1.", "2"], "string"),
        (["+1"], "string"),
        (["1 ", "2"], "string"),
        (["-0"], "float"),
        (["yes", "no"], "string"),
        (["NA", "null"], "string"),
        (["2024-02-30"], "string"),
        (["1e400"], "string"),
        (["12345678901234567.5"], "string"),
        (["١٢"], "string"),
    ],
)
def test_a_type_is_inferred_where_nothing_is_lost(cells, word):
    assert inferred("value", cells) == WORDS[word]


@pytest.mark.parametrize("name", ["id", "ticketId", "ZIP Code", "order_no", "phone", "account-number"])
def test_numbers_under_such_names_stay_text(name):
    assert inferred(name, ["1", "2"]) == pa.string()


def test_nothing_is_inferred_from_nothing():
    assert inferred("a", ["", ""]) == pa.null()


def test_a_column_converts_with_the_cells_that_do_not():
    array, bad = converted(pa.array(["1", "", None, "x", "NA", "2.0"]), pa.int64())
    assert array.to_pylist() == [1, None, None, None, None, None]
    assert bad == [3, 5]


def test_times_with_and_without_a_zone_share_a_column():
    cells = ["2024-01-01", "2024-01-01 12:00:00+02:00", "2024-01-01T00:00:00.000001Z", "2024-02-30", "2024-01-01 24:00"]
    array, bad = converted(pa.array(cells), WORDS["timestamp"])
    assert array.to_pylist()[:3] == [
        datetime(2024, 1, 1, tzinfo=UTC),
        datetime(2024, 1, 1, 10, tzinfo=UTC),
        datetime(2024, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
    ]
    assert bad == [3, 4]


def test_what_is_asked_for_is_taken_more_freely():
    assert converted(pa.array([" +07", "-007"]), pa.int64(), asked=True)[0].to_pylist() == [7, -7]
    assert converted(pa.array(["Y", "0"]), pa.bool_(), asked=True)[0].to_pylist() == [True, False]
    assert converted(pa.array([".5", "5.", "+1e2"]), pa.float64(), asked=True)[0].to_pylist() == [0.5, 5.0, 100.0]


def test_a_column_of_a_type_that_text_has_not_takes_no_text():
    array, bad = converted(pa.array(["x", ""]), pa.list_(pa.int64()))
    assert (array.to_pylist(), bad) == ([None, None], [0])


def test_names_split_into_words():
    assert words_of("HTTPStatus code2") == ["httpstatus", "code", "2"]
    assert words_of("") == []
