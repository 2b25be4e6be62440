"""Pages of a GraphQL API: edges, nodes, offsets, errors in a 200."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.connectors._landed import HERE, changed, land, read, rows
from tests.servers.api import Space

from tilth.connectors.graphql import Graphql
from tilth.core.errors import DataError, RecipeError
from tilth.testing import check_declaration

QUERY = "query($after: String) { items(after: $after) { %s { id text } pageInfo { endCursor hasNextPage } } }"


@pytest.mark.parametrize("shape", ["nodes", "edges"])
def test_a_connection_brings_every_node_once(tmp_path: Path, shape: str):
    space = Space(rows=rows(8))
    source = Graphql(url=f"{space.base}/graphql", query=QUERY % shape, connection="items", key="id", allow_private=HERE)
    assert read(land(source, tmp_path))[0] == rows(8)
    assert len(space.log()) == 3


def test_pages_by_offset(tmp_path: Path):
    space = Space(rows=rows(7))
    query = "query($offset: Int, $kind: String) { items(offset: $offset, kind: $kind) { id text } }"
    source = Graphql(url=f"{space.base}/graphql", query=query, connection="items", offset_variable="offset",
                     variables={"kind": "open"}, allow_private=HERE)  # fmt: skip
    assert read(land(source, tmp_path))[0] == rows(7)
    assert '"kind": "open"' in space.log()[0]["body"]


def test_what_is_new_is_asked_for_by_a_variable(tmp_path: Path):
    space = Space(rows=changed(0, 2, "2024-05-01"))
    source = Graphql(url=f"{space.base}/graphql", query=QUERY % "nodes", connection="items", key="id",
                     incremental={"field": "updated", "param": "since"}, allow_private=HERE)  # fmt: skip
    cursor = read(land(source, tmp_path))[3]
    space.put(rows=changed(1, 2, "2024-05-02"))
    assert [row["id"] for row in read(land(source, tmp_path), cursor)[0]] == [1, 2]
    assert '"since": "2024-05-01"' in space.log()[-1]["body"]


def test_errors_in_an_answer_are_told(tmp_path: Path):
    space = Space(rows=rows(3))
    broken = "query($after: String) { items(after: $after) { broken } }"
    source = Graphql(url=f"{space.base}/graphql", query=broken, connection="items", allow_private=HERE)
    with pytest.raises(DataError, match='the API says: Cannot query field "broken"'):
        land(source, tmp_path)
    assert [finding.ok for finding in source.probe()] == [False]


def test_what_it_declares_and_refuses():
    options: dict[str, Any] = {"url": "https://api.test/graphql", "query": QUERY % "nodes", "connection": "items"}
    check_declaration(Graphql(**options, variables={"a": [1]}), "tilth.connectors")
    for wrong in ({"query": "{ items { id } }"}, {"connection": "a..b"}, {"offset_variable": "skip"},
                  {"incremental": {"field": "a", "param": "b"}}):  # fmt: skip
        with pytest.raises(RecipeError):
            Graphql(**{**options, **wrong})
