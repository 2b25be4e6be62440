"""Read a mail: its text, else its HTML; who wrote it, when, and the names of what is attached."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator
from email.message import Message
from email.utils import parsedate_to_datetime

from tilth.refine._extract import html
from tilth.refine._extract.charset import decoded
from tilth.refine._extract.found import Asked, Found, Refused, clean

_MOST_PARTS = 1000
_DEEPEST = 30
_SIGNATURE = re.compile(r"\n-- ?\n")
_QUOTED = re.compile(
    r"""(?xm)^(?:
        (?:On|Am|Le|El|Il|W\ dniu|Op|Em)\b[^\n]{5,200}(?:\n[^\n]{0,120})?
        (?:wrote|schrieb|écrit|escribió|scritto|pisze|schreef|escreveu)[^\n]{0,80}:
        | -{2,}\ ?(?:Original\ Message|Ursprüngliche\ Nachricht|Message\ d'origine|Forwarded\ message)[^\n]{0,20}-{2,}
        | 在[^\n]{5,120}写道[:：]
        | _{20,}\n(?:From|Von|De):
    )[ \t]*$"""
)


def read(raw: bytes, asked: Asked) -> Found:
    r"""Return the text a mail shows: text/plain where there is one, else its HTML without tags.

    With `replies: cut` what it quotes, and the signature after `-- `, are left out.

    >>> read(b"Subject: Rain\nFrom: Ann <ann@example.org>\n\nIt rained.\n", Asked())[:3]
    ('It rained.', 'Rain', 'Ann <ann@example.org>')
    """
    message = email.message_from_bytes(raw, policy=email.policy.compat32)
    parts = list(_parts(message))
    text = _text(parts, "text/plain") or _html(parts, asked)
    if asked.replies == "cut":
        text = _own(text)
    return Found(
        clean(text).strip("\n"),
        title=_header(message, "Subject"),
        author=_header(message, "From"),
        published=_date(message),
        language=(_header(message, "Content-Language") or "")[:20] or None,
        attachments=tuple(name for part in parts if (name := _file(part))),
    )


def _parts(message: Message) -> Iterator[Message]:
    """Yield the parts that hold something, those of an attached mail left out."""
    waiting = [(message, 0)]
    count = 0
    while waiting:
        part, depth = waiting.pop()
        count += 1
        if count > _MOST_PARTS or depth > _DEEPEST:
            raise Refused("a mail of too many parts")
        inner = part.get_payload()
        if part.is_multipart() and isinstance(inner, list) and part.get_content_type() != "message/rfc822":
            waiting.extend((each, depth + 1) for each in reversed(inner) if isinstance(each, Message))
        else:
            yield part


def _text(parts: list[Message], kind: str) -> str:
    return "\n\n".join(_content(part) for part in parts if part.get_content_type() == kind and not _file(part)).strip()


def _html(parts: list[Message], asked: Asked) -> str:
    # A mail has no boilerplate to tell apart: all of it is text.
    from dataclasses import replace

    whole = replace(asked, main=False)
    pages = [_content(part) for part in parts if part.get_content_type() == "text/html" and not _file(part)]
    return "\n\n".join(html.read(page.encode("utf-8", "replace"), whole).text for page in pages)


def _content(part: Message) -> str:
    raw = part.get_payload(decode=True)
    if not isinstance(raw, bytes):
        return ""
    charset = part.get_param("charset")
    return decoded(raw, charset if isinstance(charset, str) else None).replace("\r\n", "\n").replace("\r", "\n")


def _file(part: Message) -> str | None:
    """Return the name of an attached file; `attachment` where it has none."""
    attached = part.get_content_disposition() == "attachment"
    try:
        name = part.get_filename()
    except (LookupError, ValueError, TypeError):
        name = None
    if not attached and (name is None or part.get_content_maintype() == "text"):
        return None
    return _unfolded(name) or "attachment"


def _header(message: Message, name: str) -> str | None:
    value = message.get(name)
    return None if value is None else _unfolded(str(value)) or None


def _unfolded(value: str | None) -> str:
    """Decode the words of a header (RFC 2047)."""
    if not value:
        return ""
    from email.errors import HeaderParseError
    from email.header import decode_header

    try:
        parts = decode_header(value)
    except (HeaderParseError, ValueError):
        parts = [(value, None)]
    said = "".join(part if isinstance(part, str) else decoded(part, charset) for part, charset in parts)
    return clean(" ".join(said.split()))[:500]


def _date(message: Message) -> str | None:
    value = message.get("Date")
    try:
        return parsedate_to_datetime(str(value)).isoformat() if value else None
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _own(text: str) -> str:
    """Cut a signature, a reply's quotation, and lines that begin with `>`."""
    quoted = _QUOTED.search(text)
    if quoted:
        text = text[: quoted.start()]
    text = _SIGNATURE.split(f"{text}\n", maxsplit=1)[0]
    return "\n".join(line for line in text.split("\n") if not line.lstrip().startswith(">"))
