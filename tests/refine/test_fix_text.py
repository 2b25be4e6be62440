"""Wrong text is mended; right text, Chinese and emoji above all, stays as it is."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import pyarrow as pa
import pytest

from tilth.refine.fix_text import FixText
from tilth.testing import batch


def fixed(text: str, **options: object) -> str:
    return str(FixText(**options).map(batch(text=[text])).column("text")[0].as_py())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("schÃ¶n", "schön"),
        ("ä¸­æ–‡å®¢æœ\x8d", "中文客服"),
        ("ðŸ‘\x8d", "👍"),
        ("Itâ€™s", "It’s"),
        ("that\x92s", "that’s"),
        ("Fish &amp; chips &lt;3", "Fish & chips <3"),
        ("&#20013;&#25991;", "中文"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("ﬁne ﬂow", "fine flow"),
    ],
)
def test_mends(wrong: str, right: str) -> None:
    assert fixed(wrong) == right


@pytest.mark.parametrize(
    "right",
    [
        "中文，“引号”！全角：ＡＢＣ１２３（括号）……",
        "繁體中文「引號」",
        "日本語のテキスト。ｶﾀｶﾅ",
        "👩‍👩‍👧‍👦👍🏽🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f ❤️",
        "naïve café, Größe, ÅÄÖ, Ã la carte",
        "שלום עולם",
        "lines\r\nstay\n\ttabs",
        "if a<b && c>d",
        "<p>Fish &amp; chips</p>",
    ],
)
def test_leaves_right_text_alone(right: str) -> None:
    assert fixed(right) == right


def test_each_kind_of_repair_can_be_turned_off() -> None:
    assert fixed("schÃ¶n &amp; ﬁn", mojibake=False, entities="never", ligatures=False) == "schÃ¶n &amp; ﬁn"


def test_width_quotes_and_tags_change_only_by_request() -> None:
    assert fixed("Ａ，“b”", width=True, quotes=True) == 'A,"b"'
    assert fixed("<p>a &amp; b</p>", entities="always") == "<p>a & b</p>"


def test_the_column_keeps_its_text_type() -> None:
    rows = batch(text=pa.array(["Ã¶", None], pa.large_string()))
    assert FixText().map(rows).schema.field("text").type == pa.large_string()
    assert FixText().map(rows).column("text").to_pylist() == ["ö", None]


@pytest.mark.shared
def test_nothing_changes_in_clean_german_english_and_chinese_questions(shared: Path) -> None:
    for language in ("de", "en", "zh"):
        page = json.loads((shared / "xquad" / f"xquad.{language}.json").read_text(encoding="utf-8"))
        texts = [one["question"] for article in page["data"] for part in article["paragraphs"] for one in part["qas"]]
        rows = batch(text=texts[:400])
        assert FixText().map(rows).equals(rows)


@pytest.mark.shared
def test_real_chinese_reviews_change_only_where_they_hold_entities(shared: Path) -> None:
    with gzip.open(shared / "zh_chnsenticorp_hotel" / "ChnSentiCorp_htl_all.csv.gz", "rt", encoding="utf-8") as lines:
        texts = [row["review"] for row, _ in zip(csv.DictReader(lines), range(2000), strict=False)]
    found = FixText().map(batch(text=texts)).column("text").to_pylist()
    changed = [old for old, new in zip(texts, found, strict=True) if old != new]
    assert all("&#" in text or "&nbsp" in text or "&amp" in text for text in changed)
