"""Dates are read in the forms people write; which of day and month comes first is the column's to say."""

from __future__ import annotations

import datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.core.errors import DataError, RecipeError
from tilth.refine import _dates
from tilth.refine.dates import Dates
from tilth.testing import batch, check_operator

MAY = datetime.datetime(2024, 5, 1)


@pytest.mark.parametrize(
    "text",
    [
        *("2024-05-01", "2024/5/1", "2024.05.01", "20240501", " 2024-05-01 ", "２０２４-０５-０１"),
        *(
            "2024年5月1日",
            "2024年05月01号",
            "二〇二四年五月一日",
            "2024年5月1日 星期三",
            "2024년 5월 1일",
            "民國113年5月1日",
        ),
        *("May 1, 2024", "1 May 2024", "1st of May 2024", "1-May-24", "Wed, 1 May 2024", "Wednesday, May 1st, 2024"),
        *("1. Mai 2024", "1er mai 2024", "1 de mayo de 2024", "1 maggio 2024", "1 mei 2024", "2024-May-01"),
    ],
)
def test_a_day_in_many_forms(text: str) -> None:
    found = _dates.read(text)
    assert found is not None
    assert (found.moment, found.timed, found.swapped) == (MAY, False, None)


@pytest.mark.parametrize(
    ("text", "moment", "zoned"),
    [
        ("2024-05-01T12:30:45.5", MAY + datetime.timedelta(hours=12, minutes=30, seconds=45.5), False),
        ("2024-05-01 12:30:00+08:00", MAY + datetime.timedelta(hours=4, minutes=30), True),
        ("2024-05-01T00:00Z", MAY, True),
        ("May 1 2024 3:05 pm", MAY + datetime.timedelta(hours=15, minutes=5), False),
        ("1/5/2024 12:00 AM", MAY, False),
        ("2024年5月1日 下午3点20分", MAY + datetime.timedelta(hours=15, minutes=20), False),
        ("2024-04-30 24:00", MAY, False),
    ],
)
def test_a_time_with_and_without_a_zone(text: str, moment: datetime.datetime, zoned: bool) -> None:
    found = _dates.read(text)
    assert found is not None
    assert (found.moment, found.timed, found.zoned) == (moment, True, zoned)


@pytest.mark.parametrize(
    "text",
    [
        *("", "May 2024", "31/02/2024", "2024-13-01", "12:30", "5", "1.5", "10.12", "2024-05-01 25:00", "0000-01-01"),
        *("x" + "y" * 999, "2024-05-01 and more", "2024-05-011", "9999-12-31T24:00", "on 1 May 2024"),
    ],
)
def test_what_is_no_date(text: str) -> None:
    assert _dates.read(text) is None


@given(st.text())
def test_any_text_is_read_or_not(text: str) -> None:
    _dates.read(text)


@pytest.mark.slow
@given(st.dates(datetime.date(1970, 1, 1), datetime.date(2068, 12, 31)))
def test_what_was_written_is_read(day: datetime.date) -> None:
    for form in ("%Y-%m-%d", "%Y%m%d", "%d %B %Y", "%b %d, %Y", "%Y年%m月%d日", "%d.%m.%Y", "%d/%m/%y"):
        found = _dates.read(day.strftime(form))
        assert found is not None, form
        assert found.moment.date() == day


def read(texts: list[str | None], **options: Any) -> tuple[list[Any], list[str]]:
    rows = batch(due=pa.array(texts, pa.string()))
    fold = Dates(columns=("due",), **options)
    outcome = fold.finish(fold.observe(rows)).map(rows)
    return outcome.batch.column("due").to_pylist(), [failure.reason for failure in outcome.failures]


def test_one_clear_cell_tells_for_the_column() -> None:
    april, march = datetime.date(2024, 4, 3), datetime.date(2024, 3, 4)
    assert read(["03/04/2024", "25/04/2024"])[0][0] == april
    assert read(["03/04/2024", "04/25/2024"])[0][0] == march
    assert read(["03/04/2024", "04/25/2024"], order="day")[0][0] == april


def test_a_cell_that_reads_in_one_way_only_is_read_so() -> None:
    found, reasons = read(["25/04/2024", "26/04/2024", "04/27/2024"])
    assert found[2] == datetime.date(2024, 4, 27)
    assert reasons == []


def test_where_nothing_tells_the_row_is_set_aside_and_said_so() -> None:
    texts: list[str | None] = ["03/04/2024", "05/05/2024", None]
    assert read(texts) == ([datetime.date(2024, 5, 5), None], ["due: day or month first?"])
    assert read(texts, undecided="null")[0] == [None, datetime.date(2024, 5, 5), None]
    assert read(texts, undecided="month")[0][0] == datetime.date(2024, 3, 4)


def test_as_many_for_the_day_as_for_the_month_tell_nothing() -> None:
    assert read(["25/04/2024", "04/25/2024", "03/04/2024"])[1] == ["due: day or month first?"]


def test_what_is_no_date_is_set_aside_or_blanked() -> None:
    assert read(["soon", "2024-05-01"]) == ([MAY.date()], ["due: not a date"])
    assert read(["soon", "2024-05-01"], unread="null") == ([None, MAY.date()], [])


def test_times_and_zones_make_the_type() -> None:
    fold = Dates(columns=("a", "b", "c"))
    rows = batch(a=["2024-05-01"], b=["2024-05-01 10:00"], c=["2024-05-01T10:00+02:00"])
    found = fold.finish(fold.observe(rows)).map(rows).batch
    assert [found.schema.field(name).type for name in "abc"] == [
        pa.date32(),
        pa.timestamp("us"),
        pa.timestamp("us", tz="UTC"),
    ]
    assert found.column("c")[0].as_py() == datetime.datetime(2024, 5, 1, 8, tzinfo=datetime.UTC)


def test_a_column_of_dates_passes_and_one_of_numbers_is_refused() -> None:
    days = pa.array([19000], pa.date32())
    fold = Dates(columns=("due",))
    rows = batch(due=days)
    assert fold.finish(fold.observe(rows)).map(rows).batch.column("due").equals(days)
    with pytest.raises(DataError, match=r'dates: column "due" holds int64'):
        fold.observe(batch(due=[20240501]))
    with pytest.raises(RecipeError, match="dates: no columns"):
        Dates(columns=())


@pytest.mark.slow
def test_it_keeps_the_contract() -> None:
    rows = batch(due=["03/04/2024", "25/04/2024", "2024年5月1日", "soon", None])
    check_operator(Dates(columns=("due",)), rows)
    check_operator(Dates(columns=("due",), undecided="null", unread="null"), rows)
