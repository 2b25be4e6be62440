"""Tell how keys are written."""

from __future__ import annotations

from datetime import UTC, datetime

from tilth.connectors._finish import key_text


def test_a_key_is_text_whatever_its_type():
    assert key_text(7) == key_text("7") == "7"
    assert key_text(True) == "true"
    assert key_text(1.5) == "1.5"
    assert key_text(datetime(2024, 1, 2, tzinfo=UTC)) == "2024-01-02T00:00:00+00:00"
    assert key_text({"b": 1, "a": [2]}) == '{"a":[2],"b":1}'


def test_zero_is_a_key_and_nothing_is_none():
    assert key_text(0) == "0"
    assert key_text("") is None
    assert key_text(None) is None
