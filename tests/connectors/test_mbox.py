"""Tell that mails of a mailbox become rows as they were sent."""

from __future__ import annotations

import gzip

from tilth.connectors._files.mbox import MAILS

ONE = b"From ann@example.org Fri May 31 08:00:00 2024\nFrom: Ann <ann@example.org>\nSubject: Rain\n\nIt rained.\n\n"
TWO = b"From bob@example.org Sat Jun  1 08:00:00 2024\nFrom: Bob <bob@example.org>\nSubject: Snow\n\nIt snowed.\n\n"


def test_each_mail_is_a_row_without_its_from_line(read):
    found = read("box.mbox", ONE + TWO)
    assert found.schema == MAILS
    assert found.names == ["box.mbox:0", "box.mbox:1"]
    assert found.column("content")[0] == b"From: Ann <ann@example.org>\nSubject: Rain\n\nIt rained.\n"
    assert found.column("content_type") == ["message/rfc822"] * 2


def test_an_escaped_line_is_set_right_and_one_in_a_paragraph_begins_no_mail(read):
    mail = b"From a\nSubject: x\n\n>From here on\n>>From there\nsaid\nFrom me to you\n"
    assert read("box.mbox", mail).column("content") == [
        b"Subject: x\n\nFrom here on\n>From there\nsaid\nFrom me to you"
    ]


def test_windows_line_ends_and_compression_are_read(read):
    packed = gzip.compress((ONE + TWO).replace(b"\n", b"\r\n"))
    found = read("box.mbox.gz", packed)
    assert [content.count(b"Subject") for content in found.column("content")] == [1, 1]


def test_a_mailbox_is_told_by_its_content(read):
    found = read("Inbox", ONE + TWO)
    assert len(found.rows) == 2
    assert found.notes == ["Inbox: read as mbox by its content"]


def test_a_long_mail_is_a_reject_and_the_next_is_read(read):
    long = ONE.rstrip(b"\n") + b"\n" + b"word " * 1000 + b"\n\n"
    found = read("box.mbox", long + TWO, max_record_bytes=500)
    assert found.reasons() == {0: "longer than max_record_bytes (500 bytes)"}
    assert found.names == ["box.mbox:1"]


def test_what_comes_before_the_first_mail_is_a_reject(read):
    found = read("box.mbox", b"no mail\n\n" + ONE)
    assert found.reasons() == {0: "no mail begins here"}
    assert found.names == ["box.mbox:1"]


def test_a_mailbox_that_is_cut_short_gives_its_whole_mails_and_says_so(read):
    packed = gzip.compress((ONE + TWO) * 200, mtime=0)
    found = read("box.mbox.gz", packed[: len(packed) // 2])
    assert 0 < len(found.rows) < 400
    assert "the gzip stream is cut short here; the rest of the file is lost" in found.reasons().values()
