"""Tell a file's format by its ending, else by its content, and find the module that reads it."""

from __future__ import annotations

import importlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, cast

from tilth.connectors._files.conll import looks_like_conll
from tilth.connectors._files.open import ENDINGS as PACKED
from tilth.connectors._files.open import head_of
from tilth.connectors._reading import Format
from tilth.core.errors import DataError
from tilth.text.media import HTML, MAIL, media_type

ENDINGS = {
    "csv": ("csv",),
    "tsv": ("tsv", "tab"),
    "json": ("json",),
    "jsonl": ("jsonl", "ndjson", "jsonlines"),
    "parquet": ("parquet", "pq"),
    "arrow": ("arrow", "arrows", "feather", "ipc"),
    "text": ("txt", "text"),
    "conll": ("conll", "bio", "iob", "iob2", "bioes", "ner"),
    "excel": ("xlsx", "xlsm", "xlsb", "xls", "ods"),
    "warc": ("warc",),
    "wet": ("wet",),
    "mbox": ("mbox",),
    "document": ("html", "htm", "xhtml", "pdf", "docx", "eml", "md", "markdown"),
}
FORMATS = tuple(ENDINGS)
OTHER_ENDINGS = frozenset(
    (
        *("rst", "doc", "ppt", "pptx", "py", "ipynb", "yaml", "yml", "toml", "ini"),
        *("png", "jpg", "jpeg", "gif", "svg", "wav", "mp3", "flac", "mp4", "zip", "tar", "tgz", "7z", "rar", "xz"),
        *("bin", "pt", "pth", "onnx", "safetensors", "npy", "npz", "pkl", "db", "sqlite", "lock", "sh", "xml"),
    )
)
"""Endings of files that a folder of data may hold beside the data."""
UNTYPED = frozenset(("text", "conll", "warc", "wet", "mbox", "document"))
"""Formats whose columns are always the same, with the same types."""
_MODULES = {"wet": "warc", "tsv": "csv", "jsonl": "json", "parquet": "columnar", "arrow": "columnar"}
_HEAD = 64 << 10


class Told(NamedTuple):
    """A file's format, and what to say of how it was told."""

    format: str
    note: str | None = None


def module_for(format: str) -> Format:
    """Return the module that reads a format."""
    return cast(Format, importlib.import_module(f"tilth.connectors._files.{_MODULES.get(format, format)}"))


def by_ending(name: str) -> str | None:
    """Return the format that a file's name says, or None; an ending for compression is passed over.

    >>> by_ending("a/tickets.csv.gz"), by_ending("eng.train")
    ('csv', None)
    """
    ending = ending_of(name)
    return next((format for format, endings in ENDINGS.items() if ending in endings), None)


def ending_of(name: str) -> str:
    """Return a name's ending in lower case, without the dot, one for compression passed over."""
    lowered = name.lower()
    for packed in PACKED:
        lowered = lowered.removesuffix(packed)
    return Path(lowered).suffix.lstrip(".")


def format_of(path: Path, file: str) -> Told:
    """Tell the format; the first bytes of a binary format overrule the name."""
    head = head_of(path, file, _HEAD)
    binary = _binary(head, file)
    named = by_ending(file)
    if binary:
        said = None if binary == named else f"{file}: read as {binary}, which its first bytes say it is"
        return Told(binary, said)
    if named in ("parquet", "arrow", "excel", "warc", "wet") and head:
        raise DataError(
            f"this is no {named} file: its first bytes are others", where=file, wanted=f"a whole {named} file"
        )
    lines = _lines(head)
    if named is None and (head.startswith(b"From ") and media_type(head) == MAIL):
        return Told("mbox", f"{file}: read as mbox by its content")
    if named is None and media_type(head) == HTML:
        return Told("document", f"{file}: read as document by its content")
    if named == "text" and looks_like_conll(lines):
        return Told("conll", f"{file}: read as conll by its content; format: text reads it line by line")
    if named:
        return Told(named)
    found = _by_content(lines)
    return Told(found, f"{file}: read as {found} by its content" if head else None)


def _binary(head: bytes, file: str) -> str | None:
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
        return "arrow"
    if head.startswith(b"WARC/"):
        return "wet" if b"WARC-Type: conversion" in head else "warc"
    if head.startswith(b"%PDF-") or (head.startswith(b"PK\x03\x04") and _is_document(head, file)):
        return "document"
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") or (
        head.startswith(b"PK\x03\x04") and (b"xl/" in head or b"[Content_Types]" in head or b"spreadsheet" in head)
    ):
        return "excel"
    what = _ARCHIVES.get(head[:4]) or ("a tar archive" if head[257:262] == b"ustar" else None)
    if what:
        raise DataError(f"this is {what}", where=file, wanted="a data file", do="Unpack it first.")
    return None


def _is_document(head: bytes, file: str) -> bool:
    return b"word/" in head or (by_ending(file) == "document" and b"xl/" not in head)


_ARCHIVES = {
    b"PK\x03\x04": "a zip archive",
    b"PK\x05\x06": "an empty zip archive",
    b"FEA1": "a Feather file of version 1",
}


def _lines(head: bytes) -> list[str]:
    """Decode the head well enough to tell a format: the signs that matter are ASCII."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = head.decode("utf-16", "replace")
    else:
        text = head.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines[:-1] if len(head) == _HEAD and len(lines) > 1 else lines


def _by_content(lines: Sequence[str]) -> str:
    filled = [line for line in lines[:200] if line.strip()]
    first = filled[0].lstrip() if filled else ""
    if first.startswith("["):
        return "json"
    if first.startswith("{"):
        return "jsonl" if all(map(_is_object, filled[:2])) else "json"
    if looks_like_conll(lines[:2000]):
        return "conll"
    for separator, format in (("\t", "tsv"), (",", "csv"), (";", "csv"), ("|", "csv")):
        counts = {line.count(separator) for line in filled}
        if len(filled) > 1 and len(counts) == 1 and counts != {0}:
            return format
    return "text"


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
