"""Read the text of a Word document (.docx): its body's paragraphs and tables, then foot- and endnotes."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

from tilth.refine._extract.found import Asked, Found, Refused, clean
from tilth.refine._extract.limits import most_text
from tilth.refine._extract.render import markdown_table

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_STRICT = "{http://purl.oclc.org/ooxml/wordprocessingml/main}"
_COMPATIBLE = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_DC = "{http://purl.org/dc/elements/1.1/}"
_TERMS = "{http://purl.org/dc/terms/}"
_MOST_PARTS = 10_000
_BREAKS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}


def read(raw: bytes, asked: Asked) -> Found:
    """Return the document's text, a line a paragraph; deleted text and codes of fields are left out.

    Refuses an archive that unpacks to more than `asked.max_unpacked`, and any XML with a DOCTYPE: Word writes none,
    entity bombs need one.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            names = set(packed.namelist())
            if len(names) > _MOST_PARTS:
                raise Refused("an archive of too many parts")
            room = asked.max_unpacked
            lines: list[str] = []
            for part in ("word/document.xml", "word/footnotes.xml", "word/endnotes.xml"):
                if part in names:
                    data = _unpacked(packed, part, room)
                    room -= len(data)
                    lines += _lines(_parsed(data), asked)
                elif part == "word/document.xml":
                    raise Refused("an archive without a Word document")
            said = _said(packed, names, room)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise Refused("a broken Word document") from error
    return said._replace(text=clean("\n".join(line for line in lines if line)))


def _unpacked(packed: zipfile.ZipFile, part: str, room: int) -> bytes:
    # The sizes in an archive's directory may lie: count what comes out.
    with packed.open(part) as stream:
        data = stream.read(room + 1)
    if len(data) > room:
        raise Refused(f"unpacks to more than {room:,} bytes")
    return data


def _parsed(data: bytes) -> Any:
    try:
        from lxml import etree
    except ImportError as error:
        from tilth.core.errors import missing_extra

        raise missing_extra("lxml", "extract", "reading a Word document") from error
    if b"<!DOCTYPE" in data or "<!DOCTYPE".encode("utf-16-le") in data:
        raise Refused("XML with a DOCTYPE")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise Refused("a broken Word document") from error


def _lines(root: Any, asked: Asked) -> list[str]:
    found: list[str] = []
    size = 0
    for block in _blocks(root):
        name = _name(block)
        lines = [_text(block)] if name == "p" else _table(block, asked)
        size += sum(map(len, lines))
        most_text(size)
        found += lines
    return found


def _blocks(root: Any) -> Iterator[Any]:
    """Yield paragraphs and tables in order; those inside a table are left to it."""
    waiting = list(reversed(root))
    while waiting:
        element = waiting.pop()
        if _name(element) in ("p", "tbl"):
            yield element
        elif element.tag != _COMPATIBLE:
            waiting.extend(reversed(element))


def _table(table: Any, asked: Asked) -> list[str]:
    if asked.tables == "drop":
        return []
    rows = [
        [" ".join(" ".join(_text(each) for each in _each(cell, "p")).split()) for cell in _each(row, "tc")]
        for row in _each(table, "tr")
    ]
    rows = [row for row in rows if any(row)]
    if not rows:
        return []
    return [markdown_table(rows)] if asked.tables == "markdown" else ["\t".join(row) for row in rows]


def _each(root: Any, name: str) -> Iterator[Any]:
    """Yield the nearest elements of a name; of nested tables, the outer one's."""
    waiting = list(reversed(root))
    while waiting:
        element = waiting.pop()
        if _name(element) == name:
            yield element
        else:
            waiting.extend(reversed(element))


def _text(paragraph: Any) -> str:
    parts: list[str] = []
    waiting = list(reversed(paragraph))
    while waiting:
        element = waiting.pop()
        name = _name(element)
        if name == "t":
            parts.append(element.text or "")
        elif name in _BREAKS:
            parts.append(_BREAKS[name])
        elif name not in ("del", "moveFrom", "instrText", "delText", "pPr", "rPr") and element.tag != _COMPATIBLE:
            waiting.extend(reversed(element))
    return "".join(parts).strip()


def _name(element: Any) -> str:
    tag = element.tag
    if isinstance(tag, str):
        for space in (_W, _STRICT):
            if tag.startswith(space):
                return tag[len(space) :]
    return ""


def _said(packed: zipfile.ZipFile, names: set[str], room: int) -> Found:
    if "docProps/core.xml" not in names:
        return Found("")
    root = _parsed(_unpacked(packed, "docProps/core.xml", min(room, 1 << 20)))
    created = _value(root, f"{_TERMS}created")
    return Found(
        "",
        title=_value(root, f"{_DC}title"),
        author=_value(root, f"{_DC}creator"),
        published=created[:10] if created else None,
        language=_value(root, f"{_DC}language"),
    )


def _value(root: Any, tag: str) -> str | None:
    said = root.findtext(tag)
    return clean(" ".join(said.split()))[:500] or None if said else None
