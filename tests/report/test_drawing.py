"""Drawings live inside a page: themed, escaped, the same every time, and they leave matplotlib as it was."""

from __future__ import annotations

import re
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tilth.report import drawing
from tilth.report.drawing import KEPT, Plot, Words, draw


def dots(*names: str, name: str = "dots", alt: str = "Two dots.") -> Plot:
    def paint(figure: Any, say: Words) -> None:
        axes = figure.add_subplot(xlabel=say("x"))
        axes.plot(range(len(names)), range(len(names)), "o", color=KEPT)
        axes.set_yticks(range(len(names)), [say(one) for one in names])

    return draw(name, (3.0, 2.0), paint, alt=alt)


def test_colours_are_the_pages_own() -> None:
    svg = dots("a", "b").svg
    assert "var(--kept)" in svg and "var(--line)" in svg
    assert not re.search(r"#0([1-7])0\1", svg)


def test_chinese_and_emoji_labels_neither_warn_nor_vanish() -> None:
    svg = dots("投诉 complaint", "🙂", "ا").svg
    assert ">投诉 complaint</text>" in svg and ">🙂</text>" in svg and ">ا</text>" in svg


def test_hostile_labels_are_words_not_markup_nor_formulas() -> None:
    svg = dots("</text><script>x</script>", "$\\frac{", "fill: #010101", "w0xx", "\ud800\x00").svg
    assert "<script" not in svg
    assert "&lt;/text&gt;&lt;script&gt;x" in svg and ">$\\frac{</text>" in svg
    assert ">fill: #010101</text>" in svg and ">w0xx</text>" in svg and ">\ufffd␀</text>" in svg
    assert 'aria-label="&quot;&gt;&lt;b&gt;"' in dots("a", alt='"><b>').svg


def test_nothing_is_fetched_and_no_style_leaks_into_the_page() -> None:
    svg = dots("a", "b").svg
    assert "http" not in svg and "<style" not in svg and "<metadata" not in svg and "<!--" not in svg


def test_ids_of_two_drawings_never_clash() -> None:
    first, second = (set(re.findall(r' id="([^"]+)"', dots("a", "b", name=name).svg)) for name in ("one", "two"))
    assert first and second and not first & second
    assert set(re.findall(r'(?:url\(|href=")#([\w-]+)', dots("a", "b", name="one").svg)) == first


def test_the_same_drawing_is_the_same_whatever_the_users_settings() -> None:
    import matplotlib

    before = dots("a", "b").svg
    with matplotlib.rc_context({"font.size": 30, "axes.grid": False, "lines.markersize": 20}):
        assert dots("a", "b").svg == before
        assert matplotlib.rcParams["font.size"] == 30


def test_drawing_in_threads_gives_the_same() -> None:
    alone = [dots("a", name=f"plot{at}").svg for at in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda at: dots("a", name=f"plot{at}").svg, range(4))) == alone


def test_a_missing_matplotlib_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawing.ready()
    for name in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)
    assert not drawing.ready()
