"""Find the part of a page that holds its text."""

from __future__ import annotations

from collections.abc import Callable

from tilth.refine._extract.marks import LEAD, named
from tilth.refine._extract.tree import BLOCKS, Node, outermost

_HOLDERS = frozenset(("article", "div", "main", "section", "td", "form", "span", "body"))
_LEADS = frozenset(("p", "div", "h2", "section", "strong"))
_BY_TRUST: tuple[Callable[[Node], bool], ...] = (
    lambda node: node.marks.strong and node.tag in _HOLDERS,
    lambda node: node.tag == "article",
    lambda node: node.marks.weak and node.tag in _HOLDERS,
    lambda node: node.tag == "main",
)


def chosen(body: Node) -> list[Node]:
    """Return the nodes that hold the text, in order, of a page without its boilerplate.

    What is named as the article's text wins where it holds half of what is left; else the smallest block that does.
    """
    found = _named(body) or [_heart(body)]
    return _with_lead(body, found)


def _named(body: Node) -> list[Node]:
    for test in _BY_TRUST:
        group = outermost(body, test)
        if not group:
            continue
        most = max(group, key=_free)
        if most.free < 100:
            continue
        if 2 * most.free >= body.free:
            return [most]
        if 2 * sum(map(_free, group)) >= body.free:
            return [node for node in group if node.free >= 50]
    return []


def _heart(body: Node) -> Node:
    """Go down into the block that holds four fifths of the text, as long as there is one."""
    node = body
    while True:
        kids = [kid for kid in node.kids() if kid.tag in BLOCKS]
        most = max(kids, key=_free, default=None)
        if most is None or most.free < 0.8 * node.free:
            return node
        node = most


def _with_lead(body: Node, found: list[Node]) -> list[Node]:
    """Add the summary that stands before the text, outside of it."""
    first, lead = found[0], None
    for node in body.walk():
        if node is first:
            break
        if (
            node.tag in _LEADS
            and 40 <= node.free <= 900
            and node.linked < 0.3 * node.size
            and LEAD.search(named(node.hint))
        ):
            lead = node
    if lead is None or any(node is first for node in lead.walk()):
        return found
    return [lead, *found]


def _free(node: Node) -> int:
    return node.free
