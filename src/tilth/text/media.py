"""Tell what kind of document bytes are by what they begin with, and only then by a name."""

from __future__ import annotations

import re

HTML, PDF, MAIL, MARKDOWN, PLAIN = "text/html", "application/pdf", "message/rfc822", "text/markdown", "text/plain"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
UNKNOWN = "application/octet-stream"
_MAGIC = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"{\\rtf", "application/rtf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "application/x-riff"),
    (b"\x1f\x8b", "application/gzip"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"BZh", "application/x-bzip2"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!", "application/vnd.rar"),
    (b"\x7fELF", "application/x-elf"),
    (b"OggS", "application/ogg"),
    (b"ID3", "audio/mpeg"),
)
_ENDINGS = {
    **dict.fromkeys(("html", "htm", "xhtml", "shtml"), HTML),
    "pdf": PDF,
    "docx": DOCX,
    **dict.fromkeys(("eml", "mht", "mhtml"), MAIL),
    **dict.fromkeys(("md", "markdown", "mdown", "mkd"), MARKDOWN),
    **dict.fromkeys(("txt", "text", "log", "rst"), PLAIN),
}
_PAGE = re.compile(
    rb"<!doctype\s+html|<(?:html|head|body|title|article|section|main|div|p|h[1-6]|table|ul|ol|meta|script|br|a|span)\b"
    rb"[^<>]{0,2000}>",
    re.I,
)
_HEADER = re.compile(rb"([A-Za-z][A-Za-z0-9-]{1,60}):[ \t]?[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*\r?\n")
_MAIL_HEADERS = frozenset(
    (b"from", b"to", b"cc", b"subject", b"date", b"message-id", b"received", b"return-path", b"mime-version", b"sender",
     b"delivered-to", b"reply-to", b"content-type", b"in-reply-to", b"references", b"list-id", b"dkim-signature")
)  # fmt: skip
_LOOK = 8192


def media_type(content: bytes, name: str = "") -> str:
    """Return the media type of a document; what has no sign of its own goes by its name's ending.

    >>> media_type(b"%PDF-1.7 ..."), media_type(b"<html><body>", "notes.txt"), media_type(b"# Rain", "rain.md")
    ('application/pdf', 'text/html', 'text/markdown')
    """
    head = content[:_LOOK]
    by_name = _ENDINGS.get(name.lower().rpartition(".")[2])
    if b"%PDF-" in head[:1024]:
        return PDF
    if head.startswith(b"PK\x03\x04"):
        return _zipped(content)
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if _is_mail(head):
        return MAIL
    if by_name in (MARKDOWN, MAIL):
        # Both may hold tags, and begin with them.
        return by_name
    plain = head if head[:2] not in (b"\xff\xfe", b"\xfe\xff") else head.replace(b"\0", b"")
    if by_name == HTML or _begins_as_page(plain):
        return HTML
    if b"\0" in plain or _control_share(plain) > 0.1:
        return UNKNOWN
    return PLAIN if by_name in (None, PDF, DOCX) else by_name


def _zipped(content: bytes) -> str:
    # The names of the parts stand in the directory at the end, and mostly at the start too.
    if b"word/document.xml" in content[:_LOOK] or b"word/document.xml" in content[-(64 << 10) :]:
        return DOCX
    return "application/zip"


def _begins_as_page(head: bytes) -> bool:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith((b"<?xml", b"<!--")):
        return bool(re.search(rb"<!doctype\s+html|<html\b", text, re.I))
    return (text.startswith(b"<") and bool(_PAGE.match(text))) or bool(
        re.search(rb"<html\b|</p>|<br\s*/?>|</div>", text, re.I)
    )


def _is_mail(head: bytes) -> bool:
    """Tell whether headers of mail come first: two that mail has, or one and `From ` before it."""
    text = head
    begins = text.startswith(b"From ") and b"\n" in text
    if begins:
        text = text.partition(b"\n")[2]
    known = set()
    at = 0
    while found := _HEADER.match(text, at):
        known.add(found[1].lower())
        at = found.end()
    ends = text[at : at + 1] in (b"\n", b"\r", b"") or at >= _LOOK - 200 or b"\n" not in text[at:]
    return ends and len(known & _MAIL_HEADERS) >= (1 if begins else 2)


def _control_share(head: bytes) -> float:
    if not head:
        return 0.0
    return len(
        head.translate(None, bytes(code for code in range(256) if code > 31 or code in b"\t\n\r\x0c\x1b"))
    ) / len(head)
