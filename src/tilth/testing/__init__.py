"""Test parts: rows by hand, an engine in memory, and the contract that every part of a kind keeps.

    from tilth.testing import check_operator

    def test_my_operator_keeps_the_contract():
        check_operator(MyOperator(threshold=3))

`check_operator` finds out what an operator is (Mapper, Filter, Fold, Decider, Editor) and runs what that kind promises:
on no rows, one row, nulls and odd Unicode; with the rows cut into 1 or 7 shards; after a trip through a recipe and a
pickle. `check_source`, `check_sink` and `check_engine` do the same for the other seams. A breach is an AssertionError
that names the promise.
"""

from __future__ import annotations

from tilth.testing.caches import check_cache
from tilth.testing.deciders import check_decider, decide
from tilth.testing.declarations import check_declaration
from tilth.testing.draws import draw_rows, examples, varied
from tilth.testing.editors import check_editor, edited, edits
from tilth.testing.engines import check_engine
from tilth.testing.files import small_files
from tilth.testing.hostile import hostile_text, mutated
from tilth.testing.inline import InlineEngine
from tilth.testing.operators import check_filter, check_fold, check_mapper, check_memoised, check_operator
from tilth.testing.rows import ODD_TEXTS, MemoryRows, batch, cut, example_batch, variants
from tilth.testing.sinks import check_sink
from tilth.testing.sources import check_source
from tilth.testing.stores import check_store
from tilth.testing.storms import storm

__all__ = [
    "ODD_TEXTS",
    "InlineEngine",
    "MemoryRows",
    "batch",
    "check_cache",
    "check_decider",
    "check_declaration",
    "check_editor",
    "check_engine",
    "check_filter",
    "check_fold",
    "check_mapper",
    "check_memoised",
    "check_operator",
    "check_sink",
    "check_source",
    "check_store",
    "cut",
    "decide",
    "draw_rows",
    "edited",
    "edits",
    "example_batch",
    "examples",
    "hostile_text",
    "mutated",
    "small_files",
    "storm",
    "variants",
    "varied",
]
