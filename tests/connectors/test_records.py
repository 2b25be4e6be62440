"""Tell that a broken CSV record costs its first line only, in linear time."""

from __future__ import annotations

import time

from tilth.connectors._files.records import MOST_LINES, Marks, parsed


def lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def test_a_record_that_is_not_finished_is_left_for_more_lines():
    found = parsed(lines('1,a\n2,"b\nc\n'), Marks(","), final=False)
    assert found.records == [["1", "a"]]
    assert found.rest == 1


def test_at_the_end_it_is_broken_and_reading_goes_on_after_its_first_line():
    found = parsed(lines('1,a\n2,"b\nc,d\n'), Marks(","), final=True)
    assert found.records == [["1", "a"], "a quotation mark opens a field and nothing closes it", ["c", "d"]]


def test_a_field_over_very_many_lines_is_broken_though_it_closes():
    text = '1,"' + "x\n" * (MOST_LINES + 1) + '"\n2,b\n'
    found = parsed(lines(text), Marks(","), final=True)
    assert isinstance(found.records[0], str)
    assert found.records[-1] == ["2", "b"]


def test_a_lone_carriage_return_breaks_its_record():
    found = parsed(["1,a\rb\n", "2,c\n"], Marks(","), final=True)
    assert found.records == ["a carriage return stands in a field without quotation marks", ["2", "c"]]


def test_quotes_that_open_on_every_line_take_linear_time():
    def seconds(count: int) -> float:
        text = lines('a,"b\n' * count)
        start = time.perf_counter()
        parsed(text, Marks(","), final=True)
        return time.perf_counter() - start

    seconds(100)
    assert seconds(20_000) < 100 * max(seconds(2_000), 0.002)


def test_without_quotes_every_line_is_a_record():
    assert parsed(['"a,b"\n'], Marks(",", quote=""), final=True).records == [['"a', 'b"']]
