"""The drawing of the rows' way: widths are to scale, branches are where rows leave or join."""

from __future__ import annotations

import dataclasses
import re

import pytest

from tilth.report import flow
from tilth.report.summary import StepLine, Summary


def width(path: str) -> float:
    found = re.match(r"M0 0H([\d.]+)V", path)
    assert found
    return float(found[1])


def test_widths_are_to_scale_and_each_band_starts_as_wide_as_the_last_one_ends(data_run: Summary) -> None:
    drawn = flow.bands(data_run)
    assert [band.title for band in drawn] == [
        "read",
        "near_duplicates",
        "fix_text",
        "language",
        "too_short",
        "synonyms",
    ]
    assert [band.before for band in drawn[1:]] == [band.rows for band in drawn[:-1]]
    assert width(drawn[0].through) / width(drawn[1].through) == pytest.approx(12_480 / 11_460, rel=1e-3)
    assert width(drawn[0].through) < 100


def test_only_steps_that_lose_or_gain_rows_have_branches(data_run: Summary) -> None:
    found = {band.title: (bool(band.lost), bool(band.new)) for band in flow.bands(data_run)}
    assert found == {
        "read": (True, False),
        "near_duplicates": (True, False),
        "fix_text": (False, False),
        "language": (True, False),
        "too_short": (True, False),
        "synonyms": (False, True),
    }


def test_every_number_of_a_step_stands_beside_its_band(data_run: Summary) -> None:
    sides = {band.title: [(side.rows, side.what) for side in band.sides] for band in flow.bands(data_run)}
    assert sides["read"] == [(17, "unreadable")]
    assert sides["too_short"] == [(402, "dropped"), (4, "failed")]
    assert sides["fix_text"] == [(1_204, "changed")]
    assert sides["synonyms"] == [(1_480, "grown")]


def test_the_splits_fill_the_last_band(data_run: Summary) -> None:
    train, valid, test = flow.pieces(data_run)
    assert (train.split, valid.split, test.split) == ("train", "valid", "test")
    assert train.start == 0 and valid.start == train.width
    last = flow.bands(data_run)[-1]
    assert test.start + test.width == pytest.approx(72.0 * last.rows / 12_497, rel=1e-3)


def test_steps_that_drop_all_rows_or_meet_none_are_drawn() -> None:
    steps = (
        StepLine(place="refine[0]", operator="language", rows_in=10, dropped=10),
        StepLine(place="refine[1]", operator="too_short"),
    )
    first, second = flow.bands(Summary(run="r1", name="demo", steps=steps))
    assert (first.through, first.rows) == ("", 0) and first.lost
    assert (second.through, second.lost, second.new) == ("", "", "")


def test_rows_made_of_rows_and_rows_merged_are_told_apart() -> None:
    pages = StepLine(place="refine[0]", operator="pages", rows_in=10, kept=45, expanded=35)
    joined = dataclasses.replace(pages, operator="join", kept=4, expanded=-6)
    first, second = flow.bands(Summary(run="r1", name="demo", steps=(pages, joined)))
    assert [(side.rows, side.what) for side in first.sides] == [(35, "more by expanding")]
    assert [(side.rows, side.what) for side in second.sides] == [(6, "merged into others")]


def test_nothing_is_drawn_of_no_steps() -> None:
    assert flow.bands(Summary(run="r1", name="demo")) == [] == flow.pieces(Summary(run="r1", name="demo"))
