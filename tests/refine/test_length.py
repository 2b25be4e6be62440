"""Too short and too long rows leave, counted in characters or words; a Chinese character is a word."""

from __future__ import annotations

import pytest

from tilth.core.errors import RecipeError
from tilth.refine.length import Length
from tilth.testing import batch


def rules(texts: list[str | None], **options: object) -> list[str | None]:
    found = Length(**options).judge(batch(text=texts)).to_pylist()  # type: ignore[arg-type]
    return [verdict and verdict["rule"] for verdict in found]


def test_characters_are_counted_not_bytes() -> None:
    assert rules(["中文字", "ab", "👍"], min=2, max=3) == [None, None, "too_short"]


def test_chinese_characters_count_as_words() -> None:
    assert rules(["我要取消订单", "cancel my order", "cancel"], unit="words", min=3) == [None, None, "too_short"]


def test_both_limits_are_inside() -> None:
    assert rules(["a", "ab", "abc", "abcd"], min=2, max=3) == ["too_short", None, None, "too_long"]


def test_a_null_has_no_length() -> None:
    assert rules([None, ""], min=1) == ["too_short", "too_short"]
    assert rules([None], min=0) == [None]


def test_the_verdict_tells_the_length_and_the_limit_crossed() -> None:
    verdict = Length(max=3).judge(batch(text=["abcde"]))[0].as_py()
    assert (verdict["value"], verdict["threshold"]) == (5.0, 3.0)


def test_limits_that_nothing_meets_are_refused() -> None:
    with pytest.raises(RecipeError, match="length: max 1 is less than min 2"):
        Length(min=2, max=1)
