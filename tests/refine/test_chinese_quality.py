"""Ordinary Chinese text stays, however short; menus, number tables, spam and page furniture go."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pytest

from tilth.refine.chinese_quality import ChineseQuality
from tilth.testing import batch

PROSE = "我上周在网上订了两本书，到今天还没有送到。客服说已经发货，可是查不到物流信息，请帮我看一下现在到了哪里，谢谢。"

GOES = [
    ("首页\n新闻\n体育\n财经\n科技\n教育\n" * 5, "too_many_brief_lines"),
    ("办公室电话分机号码：88203、88234、88256，传真机：88264，值班室全天都有人：88271、88299", "too_many_digits"),
    ("不错" + "！" * 60, "too_little_chinese"),
    ("版权所有，未经授权不得转载本站内容\n" * 3 + "上一篇：关于开展工作的通知\n" * 3, "too_many_boilerplate_lines"),
    ("很好的书值得买" * 20, "unbroken"),
    ("物流太慢了，" * 30, "too_few_distinct"),
    ("果然又是一篇说教的文章，看完什么也没有记住！" * 6, "dup_ngram"),
    ("真的很好" + "哈" * 40 + "，下次还来这里买东西，一定会推荐给朋友们看看", "one_character"),
    ("#打折# #新品# #包邮# #好物# #推荐# #种草# #购物# #双十一# #店庆# #福利# #秒杀# #直播#" * 2, "too_many_hashes"),
    ("唉……真的……不……太差……以后……不来……就这样……算了……唉……没办法……走了……再见……" * 2, "too_many_ellipses"),
]


def judged(*texts: str | None, **options: object) -> list[str | None]:
    found = ChineseQuality(**options).judge(batch(text=list(texts))).to_pylist()  # type: ignore[arg-type]
    return [verdict and verdict["rule"].removeprefix("chinese_quality.") for verdict in found]


@pytest.mark.parametrize(("text", "rule"), GOES)
def test_texts_that_go(text: str, rule: str) -> None:
    assert judged(text) == [rule]


@pytest.mark.parametrize(
    "text",
    [
        PROSE,
        "很好",
        "还可以。。。。。。。。。。。。",
        "尼康P6000售2700元，4瓶95",
        "北京市海淀区\n中关村大街1号\n联系我们",
        "我用 Python 写了一个小程序，从 CSV 文件里读出订单号，再用 SQL 查出客户的地址。" * 2,
    ],
)
def test_texts_that_stay(text: str) -> None:
    assert judged(text) == [None]


def test_other_languages_stay_unless_asked_for() -> None:
    others = [
        "An English sentence.",
        "これは日本語の文章です。漢字もあります。",
        "한국어 문장입니다.",
        "12345",
        "",
        None,
    ]
    assert judged(*others) == [None] * 6
    assert judged(*others, PROSE, others="drop") == ["not_chinese"] * 6 + [None]


def test_limits_of_length() -> None:
    assert judged("好", PROSE, min_chars=50, max_chars=51) == ["too_short", "too_long"]


@pytest.mark.shared
def test_ordinary_chinese_stays(shared: Path) -> None:
    headlines = [
        line.split("\t")[0]
        for line in (shared / "zh_thucnews_dev/dev.txt").read_text("utf-8").splitlines()[:2000]
        if line.strip()
    ]
    with gzip.open(shared / "zh_chnsenticorp_hotel/ChnSentiCorp_htl_all.csv.gz", "rt", encoding="utf-8") as file:
        reviews = [row["review"] for row in csv.DictReader(file)][:2000]
    assert sum(rule is not None for rule in judged(*headlines)) == 0
    assert sum(rule is not None for rule in judged(*reviews)) <= 10
