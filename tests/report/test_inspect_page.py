"""The page of a look stands alone, obeys no row's text, says what JSON says, and moves thresholds."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tilth.report.inspect_page import render, write
from tilth.report.inspection import (
    Cluster,
    ColumnLook,
    Duplicates,
    Example,
    Histogram,
    Inspection,
    OperatorLook,
    Overlap,
    RuleLook,
    Share,
    Statistic,
)

EVIL = "</blockquote><script>alert(1)</script><img src=x onerror=alert(2)>\u202e\x1b[31m\" ' &"
WORDS = Histogram(edges=(3.0, 5.0, 9.0), counts=(2, 3, 4, 1), whole=True, low=0.0, high=12.0, mean=5.0)
ZERO = Histogram(edges=(1.0,), counts=(10, 0), whole=True, low=0, high=0, mean=0)
SAME = Cluster(rows=3, dropped=2, examples=(Example(row="a:1", text=EVIL), Example(row="a:2", text=EVIL)))
FOUND = Inspection(
    data=f"{EVIL}.csv",
    rows=10,
    files=2,
    column="text",
    rejected=1,
    reasons=(EVIL,),
    notices=(EVIL,),
    columns=(ColumnLook(name=EVIL, type="text", nulls=1, distinct=2, distinct_exact=False, top=((EVIL, 4),)),),
    languages={"en": 7, EVIL: 3},
    statistics=(
        Statistic(name="words", definition="words of the text", histogram=WORDS),
        Statistic(name="curly", definition="{", histogram=ZERO),
    ),
    operators=(OperatorLook(name=EVIL, rows=10, changed=2, failed=1, dropped=5),),
    rules=(
        RuleLook(
            name=f"few {EVIL}",
            operator="set",
            side="least",
            threshold=5.0,
            judged=10,
            dropped=5,
            alone=3,
            languages=(Share(name="en", rows=7, dropped=4), Share(name=EVIL, rows=3, dropped=1)),
            histogram=WORDS,
            kept_nearest=(Example(row=EVIL, text=EVIL, value=5.0),),
            dropped_nearest=(Example(row="a:1", text=EVIL, value=4.0),),
        ),
        RuleLook(name="by verdict", operator="own", side=None, threshold=None, judged=10, dropped=1, alone=0),
        RuleLook(
            name="idle",
            operator="set",
            side="most",
            threshold=9.0,
            judged=0,
            dropped=0,
            alone=0,
            histogram=Histogram(edges=(9.0,), counts=(0, 0)),
        ),
    ),
    dropped=5,
    overlap=Overlap(names=(f"few {EVIL}", "by verdict"), rows=((5, 1), (1, 1))),
    duplicates=(
        Duplicates(kind="exact_duplicates", clusters=1, rows=3, dropped=2, sizes={"3": 1}, largest=(SAME,)),
        Duplicates(kind="near_duplicates", clusters=0, rows=0, dropped=0, sizes={}),
    ),
)


class Read(HTMLParser):
    """What a browser would find."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "br", "input"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page() -> str:
    return render(FOUND)


def test_no_text_of_a_row_becomes_markup(page: str) -> None:
    found = Read(page)
    assert found.open == [] and found.tags.count("script") == 1 and "img" not in found.tags
    assert not any(name.startswith("on") for name, _ in found.attributes)
    assert "\u202e" not in page and "\x1b" not in page and "[U+202E]" in page


def test_nothing_is_loaded_and_only_our_script_may_run(page: str) -> None:
    found = Read(page)
    assert not {"src", "href"} & {name for name, value in found.attributes if not (value or "").startswith("#")}
    script = re.search(r"<script>(.*?)</script>", page, re.DOTALL)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    policy = next(
        value or "" for name, value in found.attributes if name == "content" and "default-src" in (value or "")
    )
    assert "default-src 'none'" in policy and f"script-src 'sha256-{digest}'" in policy


def test_the_slider_has_the_numbers_it_needs(page: str) -> None:
    figure = re.search(r'<figure class="histogram-of"([^>]*)>', page)
    assert figure is not None
    data = {name: value.replace("&#34;", '"') for name, value in re.findall(r'data-(\w+)="([^"]*)"', figure[1])}
    assert data["side"] == "least" and json.loads(data["counts"]) == [2, 3, 4, 1]
    assert json.loads(data["edges"])[int(data["chosen"])] == 5.0
    assert len(json.loads(data["places"])) == 3


def test_a_rule_without_numbers_and_an_idle_one_are_there(page: str) -> None:
    assert page.count('<details class="rule"') == 3 and "1 rule would drop nothing" in page
    assert page.count('<figure class="histogram-of"') == 1


def test_a_statistic_that_never_varies_is_a_word_not_a_picture(page: str) -> None:
    assert "The same in every row" in page and page.count('<figure class="small"') == 1


def test_data_without_texts_or_rules_make_a_page() -> None:
    page = render(Inspection(data="numbers.csv", rows=3, files=1, column=None))
    assert Read(page).open == [] and "What rules would drop" not in page and "Duplicates" not in page


def test_the_page_is_written_whole_and_the_same_twice(tmp_path: Path, page: str) -> None:
    path = write(FOUND, tmp_path / "new" / "page.html")
    assert path.read_text(encoding="utf-8") == page == render(FOUND)
    assert [one.name for one in path.parent.iterdir()] == ["page.html"]
