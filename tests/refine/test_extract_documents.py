"""Tell that PDF, Word, mail and Markdown give their text, and that broken ones are refused in words."""

from __future__ import annotations

import zipfile
from io import BytesIO

import pytest
from tests.refine._documents import WORD, docx, paragraph, pdf

from tilth.refine._extract import docx as word
from tilth.refine._extract import limits, mail, markdown, reading
from tilth.refine._extract import pdf as portable
from tilth.refine._extract.found import Asked, Refused

PLAIN = Asked()


def test_a_pdf_gives_its_pages_and_its_metadata():
    found = portable.read(pdf("It rained for\na week.", "Then it stop-\nped."), PLAIN)
    assert found[:5] == ("It rained for\na week.\n\nThen it stopped.", "Rain", "Ann", "2024-05-31", "en-GB")


@pytest.mark.parametrize("end", [20, 200, 600, 900])
def test_a_pdf_that_is_cut_short_is_refused_or_gives_text(end: int):
    try:
        assert isinstance(portable.read(pdf("It rained.")[:end], PLAIN).text, str)
    except Refused as refused:
        assert str(refused) == "a broken PDF"


def test_a_text_that_grows_too_long_is_stopped():
    limits.set_most_text(10)
    try:
        with pytest.raises(limits.TooMuch):
            portable.read(pdf("It rained for a week."), PLAIN)
    finally:
        limits.set_most_text(1 << 62)


TABLE = (
    f"<w:tbl><w:tr><w:tc>{paragraph('day')}</w:tc><w:tc>{paragraph('rain')}</w:tc></w:tr>"
    f"<w:tr><w:tc>{paragraph('Monday')}</w:tc><w:tc>{paragraph('12')}{paragraph('mm')}</w:tc></w:tr></w:tbl>"
)


def test_a_word_document_gives_paragraphs_tables_and_notes():
    note = f'<w:footnotes xmlns:w="{WORD}">{paragraph("A note.")}</w:footnotes>'
    core = (
        '<c:p xmlns:c="c" xmlns:d="http://purl.org/dc/elements/1.1/" xmlns:t="http://purl.org/dc/terms/">'
        "<d:title>Rain</d:title><d:creator>Ann</d:creator><t:created>2024-05-31T08:00:00Z</t:created></c:p>"
    )
    raw = docx(paragraph("It ", "rained.") + TABLE, word__footnotes=note, docProps__core=core)
    found = word.read(raw, PLAIN)
    assert found[:4] == ("It rained.\nday\train\nMonday\t12 mm\nA note.", "Rain", "Ann", "2024-05-31")
    assert word.read(docx(TABLE), Asked(tables="markdown")).text.split("\n")[2] == "| Monday | 12 mm |"
    assert word.read(docx(paragraph("x") + TABLE), Asked(tables="drop")).text == "x"


def test_deleted_words_and_codes_of_fields_are_no_text():
    body = (
        "<w:p><w:del><w:r><w:delText>never </w:delText></w:r></w:del><w:r><w:instrText>PAGE</w:instrText></w:r>"
        "<w:ins><w:r><w:t>always</w:t><w:tab/><w:t>rain</w:t></w:r></w:ins></w:p>"
    )
    assert word.read(docx(body), PLAIN).text == "always\train"


def test_a_word_document_that_bursts_is_refused():
    bomb = docx(paragraph("rain " * 1_000_000))
    assert len(bomb) < 50_000
    with pytest.raises(Refused, match="unpacks to more than 1,000,000 bytes"):
        word.read(bomb, Asked(max_unpacked=1_000_000))


def test_entities_are_refused():
    written = BytesIO()
    entities = '<!DOCTYPE d [<!ENTITY a "rain"><!ENTITY b "&a;&a;&a;">]><d>&b;</d>'
    with zipfile.ZipFile(written, "w") as packed:
        packed.writestr("word/document.xml", entities)
    with pytest.raises(Refused, match="XML with a DOCTYPE"):
        word.read(written.getvalue(), PLAIN)


@pytest.mark.parametrize("raw", [b"", b"PK\x03\x04", docx("<w:p>")[:-40], docx("<w:p><w:r>")])
def test_a_broken_word_document_is_refused(raw: bytes):
    with pytest.raises(Refused, match="a broken Word document"):
        word.read(raw, PLAIN)


LETTER = b"""From: =?utf-8?q?J=C3=BCrgen?= <j@example.org>
Subject: =?iso-8859-1?q?Regen_in_K=F6ln?=
Date: Fri, 31 May 2024 08:00:00 +0200
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: multipart/alternative; boundary=c

--c
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Es regnet in K=F6ln.

On Thu, 30 May 2024 at 09:00, Bob <bob@example.org> wrote:
> Regnet es?
--=20
J=FCrgen
--c
Content-Type: text/html

<p>Es regnet.</p>
--c--
--b
Content-Type: application/pdf; name="regen.pdf"
Content-Disposition: attachment; filename="regen.pdf"
Content-Transfer-Encoding: base64

JVBERi0=
--b--
"""


def test_a_mail_gives_its_plain_text_and_names_what_is_attached():
    found = mail.read(LETTER, PLAIN)
    assert found.text.startswith("Es regnet in Köln.\n\nOn Thu")
    assert found[1:4] == ("Regen in Köln", "Jürgen <j@example.org>", "2024-05-31T08:00:00+02:00")
    assert found.attachments == ("regen.pdf",)


def test_what_a_mail_quotes_and_its_signature_can_be_cut():
    assert mail.read(LETTER, Asked(replies="cut")).text == "Es regnet in Köln."


def test_a_mail_of_html_alone_gives_all_of_its_text():
    raw = b"Subject: x\nFrom: a@b.c\nContent-Type: text/html\n\n<body><div class=foot>Sent here</div><p>It rains."
    assert mail.read(raw, PLAIN).text == "Sent here\nIt rains."


@pytest.mark.parametrize(
    "raw",
    [
        b"Date: not a day\nFrom: \xff\xfe\n\n\xff",
        b"Content-Type: text/plain; charset=no-such\nContent-Transfer-Encoding: base64\n\n!!!!",
        b"Content-Type: multipart/mixed\n\nno boundary",
        b"Subject: =?utf-8?b?////?=\nContent-Disposition: attachment; filename*=x''%ff\n\n",
    ],
)
def test_a_crooked_mail_is_read_as_far_as_it_goes(raw: bytes):
    assert isinstance(mail.read(raw, PLAIN).text, str)


def test_a_mail_of_mails_without_end_is_refused():
    deep = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (at, at) for at in range(60))
    with pytest.raises(Refused, match="too many parts"):
        mail.read(deep, PLAIN)


def test_markdown_loses_its_marks_and_keeps_its_words():
    raw = b"""---
title: "Rain"
author: Ann
---
# Rain in May #

It *rained* for **a _whole_ week**, see [the log](https://example.org/a_(b) "Log") and ![a map](map.png).
A snake_case_name, 2 * 3 * 4, \\*stars\\* and `code *here*`.

> quoted <b>words</b>

Heading
=======
***
- one
- two

| day | rain |
|-----|-----:|
| Mon | 12 |

```python
x = "# no heading"
```
[log]: https://example.org
"""
    found = markdown.read(raw, PLAIN)
    assert found[:3] == (
        "Rain in May\n\nIt rained for a whole week, see the log and a map.\n"
        "A snake_case_name, 2 * 3 * 4, *stars* and code *here*.\n\nquoted words\n\nHeading\n- one\n- two\n\n"
        'day\train\nMon\t12\n\nx = "# no heading"',
        "Rain",
        "Ann",
    )
    assert "|-----|" in markdown.read(raw, Asked(tables="markdown")).text


def test_the_kind_is_told_by_the_bytes_then_by_what_is_said():
    assert reading.read(pdf("It rained."), "auto", "text/html", PLAIN).text == "It rained."
    assert reading.read(b"*rain*", "auto", "text/markdown; charset=utf-8", PLAIN).text == "rain"
    assert reading.read(b"*rain*\r\n", "auto", "", PLAIN).text == "*rain*\n"
    assert reading.read("Ж".encode("koi8-r"), "text", "text/plain; charset=koi8-r", PLAIN).text == "Ж"
    with pytest.raises(Refused, match="no document that can be read: image/png"):
        reading.read(b"\x89PNG\r\n\x1a\n", "auto", "", PLAIN)
    with pytest.raises(Refused, match="no text"):
        reading.read(bytes(100), "text", "", PLAIN)
