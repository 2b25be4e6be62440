"""Every event is JSON, and a reader can build it again from its kind."""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import Mapping
from typing import Any

import pytest

from tilth.core import events
from tilth.core.events import KINDS, Event

EXAMPLES: dict[Any, Any] = {
    str: "a\u2028b",
    int: 3,
    float: 0.5,
    bool: True,
    tuple[str, ...]: ("acquire", "split"),
    Mapping[str, int]: {"rows": 3},
}


def example(kind: type[Event]) -> Event:
    hints = typing.get_type_hints(kind)
    return kind(**{field.name: EXAMPLES[hints[field.name]] for field in dataclasses.fields(kind)})


def test_no_kind_is_missing_from_the_list() -> None:
    assert set(KINDS.values()) == {kind for kind in Event.__subclasses__() if kind.__module__ == events.__name__}
    assert all(name == kind.kind != Event.kind for name, kind in KINDS.items())


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_an_event_is_json_and_can_be_read_again(kind: type[Event]) -> None:
    event = example(kind)
    said = event.to_json()
    assert next(iter(said)) == "kind"
    read = json.loads(json.dumps(said, allow_nan=False))
    assert read == said, "JSON values only: what is written is what is read"
    values = {
        name: tuple(value) if isinstance(value, list) else value for name, value in read.items() if name != "kind"
    }
    assert KINDS[read["kind"]](**values) == event


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_an_event_cannot_be_changed(kind: type[Event]) -> None:
    event = example(kind)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(event, dataclasses.fields(kind)[0].name, None)
