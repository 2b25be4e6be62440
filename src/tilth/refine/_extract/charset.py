"""Decode a document's bytes: by its mark, as UTF-8, by what it declares, else by a guess."""

from __future__ import annotations

import codecs
import re

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_DECLARED = re.compile(
    rb"""(?:<meta[^>]{0,300}?charset\s*=\s*["']?\s*|<\?xml[^>]{0,200}?encoding\s*=\s*["'])([\w.:-]{2,40})""", re.I
)
# What pages call by the first name is written in the second (the WHATWG encoding standard).
_MEANT = {"iso8859-1": "cp1252", "ascii": "cp1252", "iso8859-9": "cp1254", "gb2312": "gb18030", "gbk": "gb18030"}
_LOOK = 4096
_GUESS = 64 << 10


def decoded(raw: bytes, declared: str | None = None) -> str:
    """Return the text; what no encoding explains becomes U+FFFD.

    `declared` is what came beside the bytes, such as the charset of an HTTP header.

    >>> decoded('<meta charset="gb2312">中文'.encode("gb18030"))
    '<meta charset="gb2312">中文'
    """
    for mark, codec in _MARKS:
        if raw.startswith(mark):
            return raw[len(mark) :].decode(codec, "replace")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        # A page that is UTF-8 but for a cut character at its end, or a stray byte, is UTF-8.
        if error.start > 0.99 * len(raw):
            return raw.decode("utf-8", "replace")
    said = _DECLARED.search(raw[:_LOOK])
    for name in (declared, said[1].decode("ascii", "ignore") if said else None):
        named = _codec(name)
        if named:
            text = raw.decode(named, "replace")
            if named != "utf-8" or text.count("\ufffd") <= 0.002 * len(text):
                return text
    return raw.decode(_guess(raw[:_GUESS]), "replace")


def _codec(name: str | None) -> str | None:
    if not name:
        return None
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError):
        return None
    if not getattr(found, "_is_text_encoding", True):
        return None
    return _MEANT.get(found.name, found.name)


def _guess(raw: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(raw).best()
    return (_codec(best.encoding) if best else None) or "cp1252"
