"""Throw damaged and hostile documents at `extract`: each ends in a text or in a failure with its reason."""

from __future__ import annotations

import random

import pytest
from tests.refine._documents import docx, page, paragraph, pdf

from tilth.refine.extract import Extract
from tilth.testing import batch, storm

CASES = storm(300, 10_000)
MAIL = (
    b"From: ann@example.org\nSubject: Rain\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nIt rained.\n--b\n"
    b"Content-Type: text/html\n\n<p>It rained.\n--b--\n"
)
SEEDS = (
    page("It rained for a week.", "Then it stopped."),
    pdf("It rained for\na week.", "Then it stopped."),
    docx(paragraph("It rained.") + f"<w:tbl><w:tr><w:tc>{paragraph('x')}</w:tc></w:tr></w:tbl>"),
    MAIL,
    b"# Rain\n\nIt *rained* for [a week](https://example.org).\n\n| a | b |\n|---|---|\n| 1 | 2 |\n",
)
BITS = (
    *(b"<", b">", b"</", b'"', b"<!--", b"]]>", b"&", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\x1b", b"\xed\xa0\x80"),
    *(b"<div>" * 500, b"<table><tr>", "\u202e\u200b\u2066".encode(), b"obj", b"stream\n", b"endstream", b"<<" * 300),
    *(b"/Kids [2 0 R]", b"[" * 2000, b"--b\n" * 200, b"Content-Type: message/rfc822\n\n", b"*_" * 300, b"\n" * 500),
    *(b"PK\x03\x04", b"%PDF-1.7\n"),
)


def damaged(generator: random.Random) -> bytes:
    """Change, cut, double and insert; sometimes only noise."""
    raw = bytearray(generator.choice(SEEDS))
    if generator.random() < 0.1:
        return generator.randbytes(generator.randrange(3000))
    for _ in range(generator.randrange(1, 8)):
        at = generator.randrange(len(raw) + 1)
        end = min(len(raw), at + generator.randrange(60))
        how = generator.randrange(5)
        if how == 0:
            raw[at:end] = generator.randbytes(end - at)
        elif how == 1:
            del raw[at:end]
        elif how == 2:
            raw[at:at] = generator.choice(BITS)
        elif how == 3:
            raw[at:at] = raw[at:end] * generator.randrange(1, 50)
        elif generator.random() < 0.3:
            del raw[at:]
    return bytes(raw)


@pytest.mark.storm
@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "operator", [Extract(seconds=5), Extract(seconds=5, main=False, tables="markdown", replies="cut")]
)
def test_damaged_documents_end_in_text_or_failure(operator: Extract):
    generator = random.Random(13)
    cases = [damaged(generator) for _ in range(CASES // 2)]
    for start in range(0, len(cases), 500):
        rows = batch(content=cases[start : start + 500])
        found = operator.map(rows)
        texts, failed = found.batch.column("text").to_pylist(), {failure.id for failure in found.failures}
        assert len(texts) + len(failed) == rows.num_rows
        assert all(isinstance(text, str) for text in texts)
        assert all(failure.reason.startswith("extract: ") for failure in found.failures)
        found.batch.validate(full=True)


def bomb_of_attributes() -> bytes:
    return b"<body><div " + b"".join(b"a%d=1 " % at for at in range(150_000)) + b">x"


HOSTILE = {
    "deep": b"<body>" + b"<div>" * 200_000 + b"x",
    "deep and closed": b"<body>" + b"<b>" * 50_000 + b"x" + b"</b>" * 50_000,
    "tables in tables": b"<body>" + b"<table><tr><td>" * 50_000,
    "one long line": b"word " * 4_000_000,
    "one long paragraph": b"<body><p>" + b"word " * 3_000_000,
    "links": b"<body>" + b"<a href=x>y</a> " * 300_000,
    "attributes": bomb_of_attributes(),
    "a class": b"<body><div class='" + b"nav-" * 500_000 + b"'>x",
    "json": b"<body><script type='application/ld+json'>" + b"[" * 500_000 + b"</script>x",
    "stars": b"# x\n" + b"*" * 200_000,
    "brackets": b"From: a\nTo: b\n\n" + b"[" * 200_000,
    "a zip that bursts": docx(paragraph("a" * 300_000_000)),
    "XML in XML": docx("<w:p>" * 100_000),
    "parts of parts": b"From: a\nTo: b\n"
    + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (at, at) for at in range(1000)),
    "headers": b"From: a\nTo: b\n" + b"X: y\n" * 200_000,
    "noise": random.Random(0).randbytes(1_000_000),
    "noise in a page": b"<html>" + random.Random(0).randbytes(1_000_000),
    "noise in a PDF": b"%PDF-1.7\n" + random.Random(0).randbytes(200_000),
    "a PDF that refers to itself": pdf("x").replace(b"/Kids [4 0 R]", b"/Kids [2 0 R]"),
    "controls": bytes(range(1, 32)) * 1000 + "\u202e\u200b\ufeff\u2066".encode() * 1000,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_document_ends_in_text_or_failure_and_the_next_is_read(name: str):
    found = Extract(seconds=2, memory_mb=700).map(batch(content=[HOSTILE[name], b"It rained."]))
    assert found.batch.num_rows + len(found.failures) == 2
    assert found.batch.column("text").to_pylist()[-1] == "It rained."
