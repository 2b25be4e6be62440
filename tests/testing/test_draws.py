"""Random recipes: drawn by a seed, valid, and odd enough."""

from __future__ import annotations

import random

import pytest

from tilth.core import registry
from tilth.core.spec import from_spec, spec_of
from tilth.refine.length import Length
from tilth.testing import ODD_TEXTS, draw_rows, example_batch, examples, varied


def test_every_operator_of_the_room_is_among_the_examples() -> None:
    assert {registry.name_of(one) for one in examples()} == set(registry.names("tilth.refine"))


@pytest.mark.parametrize("seed", range(3))
def test_options_drawn_anew_are_ones_that_a_recipe_may_hold(seed: int) -> None:
    for one in examples():
        other = varied(one, random.Random(seed))
        assert from_spec("tilth.refine", spec_of(other)) == other
        assert varied(one, random.Random(seed)) == other, "the seed alone decides"


def test_options_do_vary() -> None:
    assert len({varied(Length(), random.Random(seed)) for seed in range(20)}) > 3


def test_an_operator_that_refuses_options_stays_as_it_is() -> None:
    for seed in range(50):
        found = varied(Length(min=3, max=3), random.Random(seed))
        assert found.max is None or found.min <= found.max, "Length refuses a least above the most"


def test_rows_have_the_columns_of_the_examples_nulls_odd_cells_and_cells_that_stand_twice() -> None:
    rows = draw_rows(random.Random(1), 300)
    assert rows.schema == example_batch().schema
    assert rows == draw_rows(random.Random(1), 300)
    assert all(rows.column(name).null_count for name in rows.schema.names if name != "_id")
    texts = rows.column("text").to_pylist()
    assert set(texts) & set(ODD_TEXTS)
    assert 10 < len(set(texts)) < len(texts)
    assert draw_rows(random.Random(1), 0).num_rows == 0
