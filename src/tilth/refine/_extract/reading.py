"""Choose a document's reader by its media type."""

from __future__ import annotations

from collections.abc import Callable

from tilth.refine._extract import docx, html, mail, markdown, pdf
from tilth.refine._extract.charset import decoded
from tilth.refine._extract.found import Asked, Found, Refused, clean
from tilth.text.media import DOCX, HTML, MAIL, MARKDOWN, PDF, PLAIN, media_type


def read(raw: bytes, kind: str, said: str, asked: Asked) -> Found:
    """Read a document of a kind (html, pdf, docx, mail, markdown, text), or with `auto` of the one it looks like.

    `said` is the media type that came with it: it gives the charset, and settles what the bytes leave open.
    """
    named, _, rest = said.partition(";")
    found = KINDS.get(kind) or _looked_at(raw, named.strip().lower())
    charset = rest.partition("charset=")[2].strip().strip("\"'") or None
    if found in (HTML, "application/xhtml+xml"):
        return html.read(raw, asked, charset)
    if found in _READERS:
        return _READERS[found](raw, asked)
    if found == PLAIN:
        return plain(raw, charset)
    raise Refused(f"no document that can be read: {found}")


def plain(raw: bytes, charset: str | None = None) -> Found:
    r"""Return a text as it is, with its line ends as `\n`."""
    text = decoded(raw, charset)
    if text.count("\0") > 0.01 * len(text):
        raise Refused("no text")
    return Found(clean(text.replace("\r\n", "\n").replace("\r", "\n")))


def _looked_at(raw: bytes, said: str) -> str:
    seen = media_type(raw)
    # Plain bytes say little; a page or a mail is told by its signs, Markdown only by what is said.
    if seen == PLAIN and said in (HTML, "application/xhtml+xml", MARKDOWN, MAIL):
        return said
    return MARKDOWN if seen == HTML and said == MARKDOWN else seen


_Reader = Callable[[bytes, Asked], Found]
_READERS: dict[str, _Reader] = {PDF: pdf.read, DOCX: docx.read, MAIL: mail.read, MARKDOWN: markdown.read}
KINDS = {"html": HTML, "pdf": PDF, "docx": DOCX, "mail": MAIL, "markdown": MARKDOWN, "text": PLAIN}
