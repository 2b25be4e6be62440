"""Read the text of a PDF, page by page."""

from __future__ import annotations

import io
import re
from typing import Any

from tilth.refine._extract.found import Asked, Found, Refused, clean
from tilth.refine._extract.limits import most_text

_DATE = re.compile(r"D:(\d{4})(\d{2})?(\d{2})?")
_HYPHEN = re.compile(r"(?<=[^\W\d_])-\n(?=[a-zß-ÿ])")


def read(raw: bytes, asked: Asked) -> Found:
    """Return the pages' texts, a blank line between them; a word cut at a line's end is made whole.

    Refuses what is encrypted with a password, and what holds no page. A scanned page has no text.
    """
    try:
        import pypdf
        from pypdf.errors import PyPdfError
    except ImportError as error:
        from tilth.core.errors import missing_extra

        raise missing_extra("pypdf", "extract", "reading a PDF") from error
    try:
        book = pypdf.PdfReader(io.BytesIO(raw), strict=False)
        if book.is_encrypted and not book.decrypt(""):
            raise Refused("a PDF with a password")
        pages = _pages(book)
        said = _said(book)
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, AssertionError, OSError,
            ArithmeticError, NotImplementedError, ImportError) as error:  # fmt: skip
        raise Refused("a broken PDF") from error
    return Found(
        clean(_HYPHEN.sub("", "\n\n".join(page for page in pages if page))),
        title=_line(said.get("/Title")),
        author=_line(said.get("/Author")),
        published=_date(said.get("/CreationDate")),
        language=_language(book),
    )


def _pages(book: Any) -> list[str]:
    found, size = [], 0
    for page in book.pages:
        text = page.extract_text() or ""
        lines = (" ".join(line.split()) for line in text.split("\n"))
        found.append("\n".join(line for line in lines if line))
        size += len(text)
        most_text(size)
    return found


def _said(book: Any) -> dict[str, Any]:
    said = book.metadata or {}
    return {name: said.get(name) for name in ("/Title", "/Author", "/CreationDate")}


def _line(value: Any) -> str | None:
    return clean(" ".join(str(value).split()))[:500].strip() or None if value is not None else None


def _date(value: Any) -> str | None:
    found = _DATE.match(str(value)) if value is not None else None
    return "-".join(part for part in found.groups() if part) if found else None


def _language(book: Any) -> str | None:
    try:
        value = book.trailer["/Root"].get("/Lang")
    except (KeyError, TypeError, AttributeError, ValueError):
        return None
    return str(value)[:20] if isinstance(value, str) and value else None
