"""Tell that documents are known by what they begin with, and by their names only where that says nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.text.media import DOCX, HTML, MAIL, MARKDOWN, PDF, PLAIN, UNKNOWN, media_type


@pytest.mark.parametrize(
    ("content", "name", "kind"),
    [
        (b"%PDF-1.7", "a.html", PDF),
        (b"\n\n%PDF-1.7", "", PDF),
        (b"PK\x03\x04 word/document.xml", "", DOCX),
        (b"PK\x03\x04" + bytes(9000) + b"word/document.xml", "", DOCX),
        (b"PK\x03\x04", "a.docx", "application/zip"),
        (b"{\\rtf1", "a.txt", "application/rtf"),
        (b"<!doctype html>", "", HTML),
        (b'<?xml version="1.0"?><!DOCTYPE html>', "", HTML),
        (b'<?xml version="1.0"?><feed/>', "", PLAIN),
        ("<html>Füße".encode("utf-16"), "", HTML),
        (b"text with a <br/> in it", "", HTML),
        (b"a < b, and b > c", "", PLAIN),
        (b"no tag at all", "a.htm", HTML),
        (b"From: a\nTo: b\n\nx", "", MAIL),
        (b"From ann Fri May 31\nSubject: x\n\ny", "", MAIL),
        (b"Note: a\nSubject: b\n\nx", "", PLAIN),
        (b"Subject: x\n\ny", "a.eml", MAIL),
        (b"<p>x</p>", "README.md", MARKDOWN),
        (b"x", "a.pdf", PLAIN),
        (b"", "", PLAIN),
        (bytes(10), "a.txt", UNKNOWN),
        (bytes(range(14, 27)) * 9, "", UNKNOWN),
        ("Füße".encode("utf-16"), "", PLAIN),
    ],
)
def test_documents_are_told_apart(content: bytes, name: str, kind: str):
    assert media_type(content, name) == kind


@given(st.binary(max_size=300), st.text(max_size=20))
def test_any_bytes_have_a_kind(content: bytes, name: str):
    assert "/" in media_type(content, name)
