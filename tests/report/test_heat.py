"""A large confusion matrix: only cells with rows are drawn, every label is named."""

from __future__ import annotations

import re

from tilth.report.heat import heat


def test_only_cells_that_hold_rows_are_drawn() -> None:
    size = 40
    rows = [[30 if across == down else 0 for across in range(size)] for down in range(size)]
    rows[3][7] = 5
    plot = heat({"labels": [f"label {at}" for at in range(size)], "rows": rows})
    assert plot
    cells = re.findall(r"var\(--(kept|lost)\)", plot.svg)
    assert cells.count("kept") == size and cells.count("lost") == 1
    assert ">label 39 40</text>" in plot.svg and plot.alt.startswith(
        "Heat map of 40 true by 40 predicted labels; 99.6%"
    )


def test_labels_without_rows_and_huge_matrices_do_no_harm() -> None:
    assert heat({"labels": ["a", "b"], "rows": [[0, 0], [0, 3]]})
    assert heat({"labels": ["a"] * 201, "rows": [[0] * 201] * 201}) is None
    assert heat({"labels": [], "rows": []}) is None
