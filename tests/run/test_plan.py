"""A plan is data: what the run follows, in order, with fingerprints; deciders stand above what is fitted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tilth.core.errors import RecipeError
from tilth.recipe import check
from tilth.recipe.source import parse
from tilth.run.plan import Plan, lay_out


def plan(refine: str) -> Plan:
    text = f"acquire: [{{files: {{path: a.csv}}}}]\nrefine: {refine}\ntrain: {{task: text_classification}}\n"
    recipe, errors = check.check(parse(text), folder=Path())
    assert recipe is not None, errors
    return lay_out(recipe)


def test_steps_come_in_the_order_in_which_they_run() -> None:
    steps = plan("[fix_text, near_duplicates, {standardise: {columns: [x]}}, {length: {min: 3}}]").steps
    assert [(step.kind, step.place.rpartition(" ")[2]) for step in steps] == [
        ("scan", "files"),
        ("exchange", "near_duplicates"),
        ("exchange", "split"),
        ("fit", "standardise"),
        ("narrow", "fix_text"),
        ("narrow", "standardise"),
        ("narrow", "length"),
        ("train", "train"),
        ("evaluate", "evaluate"),
    ]
    assert [step.sees for step in steps if step.kind == "fit"] == ["train rows"]


def test_a_decider_sees_rows_after_the_row_wise_steps_above_it() -> None:
    (step,) = plan("[fix_text, near_duplicates, normalise_space]").deciders
    assert [link.place for link in step.links] == ["refine[0] fix_text"]


def test_a_decider_below_a_fold_is_refused_with_the_mend() -> None:
    with pytest.raises(RecipeError, match=r"Move near_duplicates above refine\[0\] standardise"):
        plan("[{standardise: {columns: [x]}}, near_duplicates]")


def test_without_deciders_duplicates_still_stay_together() -> None:
    steps = plan("[]").steps
    assert [step.sees for step in steps if step.stage == "cluster"] == ["all rows: near duplicates stay together"]


def test_an_option_that_only_decides_changes_only_the_second_fingerprint() -> None:
    one, other = (plan(f"[{{language: {{keep: [{word}]}}}}]").steps[3] for word in ("en", "zh"))
    assert one.place == "refine[0] language"
    assert one.decide != other.decide
    assert one.measure == other.measure


def test_the_same_recipe_has_the_same_fingerprints() -> None:
    assert plan("[fix_text]").steps == plan("[fix_text]").steps
