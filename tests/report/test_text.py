"""The last screen of a run: short, complete, and nothing that a terminal obeys."""

from __future__ import annotations

import dataclasses

from tilth.report.summary import SourceLine, Summary
from tilth.report.text import terminal


def test_the_last_screen_of_a_run_with_a_model(topics_run: Summary) -> None:
    assert terminal(topics_run) == (
        "support-topics  run 20260314-101502-7be3  15 min 12 s\n"
        "\n"
        "  rows in           12,497  3 sources\n"
        "  rejected              17  could not be read: tickets 12, forum 5\n"
        "  grown              1,480  synonyms 1,480\n"
        "  dropped            1,551  near_duplicates 1,020, too_short 402, language 129\n"
        "  failed                21  the 17 unreadable, too_short 4\n"
        "  kept              12,405  87.4% of the rows in, and 1,480 grown; train 9,127, valid 1,093, test 2,185\n"
        "\n"
        "  macro F1           0.891  0.876 to 0.904  2,185 test rows, 1st look\n"
        "  best baseline      0.812  TF-IDF and logistic regression; the model is clearly better\n"
        "\n"
        "  ! tickets_2.csv: encoding guessed as gb18030 from 4 kB.\n"
        "  ! 17 records could not be read (tickets 12, forum 5).\n"
        "\n"
        "  report  .tilth/runs/20260314-101502-7be3/report.html\n"
        "  model   .tilth/models/support-tickets/2\n"
        "  serve   tilth serve support-tickets"
    )


def test_a_sample_and_a_model_that_gains_nothing_say_so(intents_run: Summary) -> None:
    screen = terminal(intents_run)
    assert "SAMPLE of 500 rows a source, not the full data" in screen.splitlines()[0]
    assert "the model is NOT clearly better" in screen and "3rd look" in screen


def test_rejects_are_shown_even_when_there_are_none() -> None:
    run = Summary(run="r1", name="demo", sources=(SourceLine(name="a", rows=3),), accounts={"rows_in": 3, "kept": 3})
    assert "  rejected               0  every record could be read\n" in terminal(run)


def test_a_flood_of_warnings_never_pushes_out_the_figures(topics_run: Summary) -> None:
    flooded = dataclasses.replace(topics_run, warnings=tuple(f"warning {at} " + "x" * 200 for at in range(90)))
    lines = terminal(flooded).splitlines()
    assert len(lines) <= 25 and all(len(line) <= 110 for line in lines)
    assert any(line.startswith("  macro F1") for line in lines) and lines[-1].startswith("  serve")
    assert sum(line.startswith("  ! ") for line in lines) == 9 and "  ! 83 more, in the report" in lines


def test_a_stranger_cannot_move_the_cursor_or_add_a_line(data_run: Summary) -> None:
    hostile = dataclasses.replace(data_run, name="demo\x1b[2J\nkept 0", warnings=("a\r\nb\u202e",))
    screen = terminal(hostile)
    assert "\x1b" not in screen and "\r" not in screen and "\u202e" not in screen
    assert screen.splitlines()[0].startswith("demo␛[2J kept 0")


def test_wide_characters_count_twice_and_paths_are_never_cut(data_run: Summary) -> None:
    long = "r/" * 80 + "report.html"
    lines = terminal(dataclasses.replace(data_run, warnings=("天" * 90,), report=long)).splitlines()
    assert f"  report  {long}" in lines
    assert f"  ! {'天' * 52}…" in lines
