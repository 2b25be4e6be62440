"""Clusters are counted and the largest shown, without holding all of them."""

from __future__ import annotations

import pyarrow as pa

from tilth.core.batch import with_column
from tilth.refine.exact_duplicates import ExactDuplicates
from tilth.refine.fix_text import FixText
from tilth.run.looks import twins
from tilth.run.looks.target import PLACE
from tilth.run.pipe import Link
from tilth.testing import InlineEngine, MemoryRows, batch


def rows(*texts: str) -> MemoryRows:
    some = batch(text=list(texts))
    some = with_column(some, PLACE, [f"row {number}" for number in range(len(texts))], pa.string())
    return MemoryRows(some.slice(0, 2), some.slice(2))


def test_sizes_drops_and_examples() -> None:
    link = Link(place="exact_duplicates", operator=ExactDuplicates())
    found = twins.search(link, rows("a", "b", "a", "a", "c", "b", "d", "a"), InlineEngine(), "text")
    assert (found.clusters, found.rows, found.dropped, found.sizes) == (2, 6, 4, {"2": 1, "4": 1})
    assert [(one.rows, one.dropped) for one in found.largest] == [(4, 3), (2, 1)]
    assert [(one.row, one.text) for one in found.largest[0].examples] == [
        ("row 0", "a"),
        ("row 2", "a"),
        ("row 3", "a"),
    ]


def test_without_a_text_column_whole_rows_are_shown() -> None:
    link = Link(place="exact_duplicates", operator=ExactDuplicates())
    found = twins.search(link, rows("same", "same"), InlineEngine(), None)
    assert found.largest[0].examples[0].text == "text: same"


def test_no_duplicates() -> None:
    found = twins.search(
        Link(place="exact_duplicates", operator=ExactDuplicates()), rows("a", "b"), InlineEngine(), "text"
    )
    assert (found.clusters, found.rows, found.largest) == (0, 0, ())


def test_a_decider_of_a_recipe_sees_what_the_operators_above_it_made() -> None:
    above = (Link(place="refine[0] fix_text", operator=FixText()),)
    some = rows("cafÃ©", "café")
    mapped = MemoryRows(*(part for shard in some.shards for part in twins.Mapped(links=above, read=some.read)(shard)))
    found = twins.search(Link(place="exact_duplicates", operator=ExactDuplicates()), mapped, InlineEngine(), "text")
    assert found.clusters == 1
