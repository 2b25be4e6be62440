"""Data sets that come with scikit-learn."""

from __future__ import annotations

from typing import Any

import pytest
from tests.connectors._landed import read

from tilth.connectors.sklearn_dataset import _LOADERS, SklearnDataset
from tilth.testing import check_declaration, check_source


@pytest.mark.slow
@pytest.mark.parametrize("dataset", _LOADERS)
def test_every_set_is_read(dataset: Any):
    source = SklearnDataset(dataset=dataset)
    rows = read(source)[0]
    assert len(rows) == _LOADERS[dataset]
    assert dataset == "linnerud" or "target" in rows[0]


@pytest.mark.slow
def test_iris_reads_as_a_table():
    source = SklearnDataset(dataset="iris")
    assert read(source)[0][0] == {
        "sepal_length_cm": 5.1, "sepal_width_cm": 3.5, "petal_length_cm": 1.4, "petal_width_cm": 0.2, "target": "setosa"
    }  # fmt: skip
    check_source(source)
    check_declaration(source, "tilth.connectors")
