"""Tell that a page's text is told from what stands around it, and that what the page says of itself is read."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import pytest
from tests.refine._documents import page

from tilth.refine._extract import html, lines
from tilth.refine._extract.charset import decoded
from tilth.refine._extract.found import Asked, Found, Refused
from tilth.refine._extract.marks import marks_of

LONG = (
    "It rained for a week, and nobody in the village could remember when the river had last stood so high.",
    "The bridge was closed on Monday; on Tuesday the <a href=/school>school</a> followed, and the baker gave bread.",
    "By Friday the water fell. What it left behind was mud, and a <b>story</b> that is told to this day.",
)
TEXT = [
    line.replace("<a href=/school>", "").replace("</a>", "").replace("<b>", "").replace("</b>", "") for line in LONG
]


def read(raw: bytes, **options: object) -> Found:
    return html.read(raw, Asked(**options))  # type: ignore[arg-type]


def test_the_article_is_kept_and_menus_comments_and_the_foot_are_not():
    assert read(page(*LONG)).text.split("\n") == TEXT


def test_a_short_article_is_found_too():
    said = "It rained for a week, then it stopped."
    assert read(page(said)).text in (said, f"Rain in May\n{said}")


def test_a_page_without_telling_names_gives_the_block_that_holds_the_text():
    body = "".join(f"<div>{line}</div>" for line in LONG)
    menu = "".join(f"<a href=/{at}>Some other page {at}</a> " for at in range(20))
    assert (
        read(f"<html><body><div>{menu}</div><div><div>{body}</div></div></body></html>".encode()).text.split("\n")
        == TEXT
    )


def test_all_text_is_kept_where_that_is_asked():
    text = read(page(*LONG), main=False).text
    assert "I do not believe a word" in text
    assert "no text" not in text


def test_a_box_that_holds_the_article_is_kept_whatever_its_name():
    raw = f"<body><div class=tab-content>{''.join(f'<p>{line}</p>' for line in LONG)}</div></body>".encode()
    assert read(raw).text.split("\n") == TEXT


def test_an_article_inside_an_unclosed_menu_is_found():
    raw = f"<body><nav><a href=/>Home</a><article>{''.join(f'<p>{line}</p>' for line in LONG)}</article>".encode()
    assert read(raw).text.split("\n") == TEXT


def test_the_summary_before_the_article_belongs_to_it():
    lead = "<div class=lead>For seven days water fell on the valley: what the people did.</div>"
    body = f"<body><div>{lead}<div class=entry-content>{''.join(f'<p>{line}</p>' for line in LONG)}</div></div></body>"
    assert read(body.encode()).text.split("\n")[0] == "For seven days water fell on the valley: what the people did."


def test_lines_and_code_keep_their_breaks():
    raw = b"<body><article><p>one<br>two</p><pre>if x:\n    y()</pre></article></body>"
    assert read(raw, main=False).text == "one\ntwo\nif x:\n    y()"


def test_tables_are_lines_markdown_or_nothing():
    rows = "<table><tr><th>day</th><th>rain</th></tr><tr><td>Monday</td><td>12 | 13</td></tr></table>"
    raw = f"<body><p>Before.</p>{rows}<p>After.</p></body>".encode()
    assert read(raw, main=False).text == "Before.\nday rain\nMonday 12 | 13\nAfter."
    assert read(raw, main=False, tables="drop").text == "Before.\nAfter."
    markdown = "| day | rain |\n| --- | --- |\n| Monday | 12 \\| 13 |"
    assert read(raw, main=False, tables="markdown").text == f"Before.\n{markdown}\nAfter."


def test_a_table_that_lays_out_the_page_is_no_table():
    raw = f"<body><table><tr><td><table><tr><td>{LONG[0]}</td></tr></table></td></tr></table></body>".encode()
    assert read(raw, main=False, tables="drop").text == TEXT[0]


def test_what_the_head_says_becomes_metadata():
    head = """<title>Rain - The Times</title><meta property="og:title" content="Rain in  May">
    <meta name="author" content="Ann Lee"><meta property="article:published_time" content="2024-05-31T08:00:00+02:00">
    <link rel="canonical" href="https://example.org/rain">"""
    found = read(page(*LONG, head=head))
    assert found[1:6] == ("Rain in May", "Ann Lee", "2024-05-31T08:00:00+02:00", "en", "https://example.org/rain")


def test_schema_org_is_read_where_the_head_is_silent():
    said = {"@graph": [{"@type": "WebSite"}, {"headline": "Rain", "author": [{"name": "Ann"}, {"name": "Bob"}],
                                              "datePublished": "2024-05-31"}]}  # fmt: skip
    head = (
        f'<script type="application/ld+json">{json.dumps(said)}</script><script type="application/ld+json">{{</script>'
    )
    found = read(page(*LONG, head=head))
    assert (found.title, found.author, found.published) == ("Rain", "Ann; Bob", "2024-05-31")


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("Füße".encode(), "Füße"),
        ("Füße".encode("utf-16"), "Füße"),
        ("\ufeffFüße".encode(), "Füße"),
        (b'<meta charset="iso-8859-1">' + "Füße – “x”".encode("cp1252"), '<meta charset="iso-8859-1">Füße – “x”'),
        (b'<meta charset="no-such">' + "我的新卡在哪里？两个星期前就寄出了。".encode("gb18030"), None),
        (b"", ""),
    ],
)
def test_bytes_are_decoded_by_mark_by_declaration_or_by_a_guess(raw: bytes, text: str | None):
    found = decoded(raw)
    assert found == text or (text is None and "我的新卡在哪里" in found)


def test_a_charset_from_outside_counts_more_than_the_pages_own():
    assert decoded('<meta charset="utf-8">Ж'.encode("koi8-r"), "koi8-r").endswith("Ж")


def test_lines_of_chinese_pages_are_told_too():
    assert lines.kept(["下了一个星期的雨。", "责任编辑：王芳", "桥在星期一关闭了。", "相关阅读", "六月的雪"]) == [
        "下了一个星期的雨。",
        "桥在星期一关闭了。",
    ]


def test_a_sentence_that_begins_like_a_button_stays():
    said = ["Share prices fell for a week, and then they rose.", "Top of the hill stood a house.", "Stand up, he said."]
    assert lines.kept(said) == said


@pytest.mark.parametrize(
    ("name", "drop"),
    [("navbar", 2), ("barack", 0), ("relatedPosts", 2), ("commentary", 0), ("tab-content", 1), ("", 0)],
)
def test_names_are_read_by_their_words(name: str, drop: int):
    assert marks_of(name, "").drop == drop


def test_a_page_nested_beyond_reason_is_refused_and_a_deep_one_is_not():
    deep = b"<body>" + b"<div>" * 300 + LONG[0].encode() + b"</div>" * 300
    assert read(deep).text == TEXT[0]
    with pytest.raises(Refused, match="nested too deeply"):
        read(b"<body>" + b"<div>" * 5000 + b"x")


def evaluation(shared: Path) -> list[tuple[dict, bytes]]:
    folder = shared / "html_trafilatura_eval"
    items = json.loads((folder / "annotations.json").read_text(encoding="utf-8"))
    return [(item, gzip.decompress((folder / "html" / f"{item['file']}.gz").read_bytes())) for item in items]


@pytest.mark.shared
@pytest.mark.slow
def test_annotated_pages_reach_an_f1_of_092_on_both_halves(shared: Path):
    """The measure is trafilatura's own: pieces that must be there, pieces that must not, over all pages."""
    counts = []
    for item, raw in evaluation(shared):
        text = read(raw).text
        kept = sum(piece in text for piece in item["with"])
        counts.append((kept, len(item["with"]) - kept, sum(piece in text for piece in item["without"])))
    order = list(range(len(counts)))
    random.Random(0).shuffle(order)
    half = len(order) // 2
    for part in (order[:half], order[half:]):
        right, missed, wrong = map(sum, zip(*(counts[at] for at in part), strict=True))
        assert 2 * right / (2 * right + missed + wrong) >= 0.92


@pytest.mark.shared
@pytest.mark.slow
def test_chinese_news_pages_give_text_without_their_menus(shared: Path):
    import tarfile

    found = []
    with tarfile.open(shared / "html_zh_news" / "pages.tar.gz") as packed:
        for member in packed:
            stream = packed.extractfile(member) if member.isfile() else None
            if stream is not None:
                found.append(read(stream.read()))
    chinese = [sum("\u4e00" <= sign <= "\u9fff" for sign in each.text) for each in found]
    assert sum(count >= 100 for count in chinese) >= 0.9 * len(found)
    assert sum(bool(each.title) for each in found) >= 0.95 * len(found)
