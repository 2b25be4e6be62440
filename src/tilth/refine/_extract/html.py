"""Find the main text of a web page, and what the page says of itself."""

from __future__ import annotations

from typing import Any

from tilth.refine._extract import lines
from tilth.refine._extract.charset import decoded
from tilth.refine._extract.choose import chosen
from tilth.refine._extract.found import Asked, Found, Refused, clean
from tilth.refine._extract.metadata import said_by
from tilth.refine._extract.render import lines_of
from tilth.refine._extract.tree import DOUBTFUL, NOTHING, SURE, Node, grown, pruned, without_links

_SHORT = 250
"""A text of fewer characters is looked for again, with less trust in names."""
_TOO_SHORT = 30
"""And of fewer than these, by the links alone."""


def read(raw: bytes, asked: Asked, charset: str | None = None) -> Found:
    """Return a page's main text and metadata, or all its text where `asked.main` is false.

    Boilerplate is told by the names of elements, by the share of text that is links (Kohlschütter, Fankhauser and
    Nejdl 2010) and by the words of short lines; the text's place by names, else by where most text outside links is.

    >>> page = b"<title>Rain</title><nav><a href=/>Home</a></nav><article><p>It rained for a week.</p></article>"
    >>> read(page, Asked())[:2]
    ('It rained for a week.', 'Rain')
    """
    tree = _parsed(decoded(raw, charset))
    if tree is None:
        return Found("")
    said = said_by(tree)
    return said._replace(text=clean(_text(_body(tree), asked)))


def _parsed(text: str) -> Any:
    try:
        from lxml import etree
    except ImportError as error:
        from tilth.core.errors import missing_extra

        raise missing_extra("lxml", "extract", "reading a page") from error
    parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True, huge_tree=True)
    try:
        tree = etree.fromstring(text.replace("\0", "").encode("utf-8", "replace") or b" ", parser)
    except etree.ParserError:
        return None
    except etree.XMLSyntaxError as error:
        if not text.strip():
            return None
        raise Refused("not a page") from error
    last = parser.error_log.last_error
    if last is not None and "depth" in last.message:
        # The parser leaves out what is below, and everything after it.
        raise Refused("nested too deeply")
    return tree


def _body(tree: Any) -> Any:
    body = tree.find("body")
    if body is None:
        # Without a body, what HTML 4 did not know (article, nav) is left in the head.
        for head in tree.findall("head"):
            head.tag = "div"
        return tree
    return body


def _text(body: Any, asked: Asked) -> str:
    root = grown(body)
    if not asked.main:
        return "\n".join(lines_of(root, asked.tables))
    page = root.free
    found = _main(root, page, DOUBTFUL, asked)
    if len(found) < _SHORT and page > 2 * len(found):
        # Little was found on a page of more: judge less by names, and keep what gives much more.
        for least in (SURE, NOTHING):
            again = _main(grown(body), page, least, asked)
            found = again if len(again) > 2 * len(found) else found
            if len(found) >= _TOO_SHORT:
                break
    return found


def _main(root: Node, page: int, least: int, asked: Asked) -> str:
    pruned(root, page, least)
    without_links(root)
    return "\n".join(lines.kept([line for node in chosen(root) for line in lines_of(node, asked.tables)]))
