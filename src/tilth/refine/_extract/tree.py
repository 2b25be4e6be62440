"""Hold a page as a light tree of blocks and texts, with how much of each is text and how much is links.

lxml's elements are made anew at each visit; one pass turns them into nodes that are cheap to walk many times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from tilth.refine._extract.marks import Marks, marks_of

SKIPPED = frozenset(("script", "style", "template", "iframe", "svg", "canvas", "object", "embed", "button", "select",
     "input", "textarea", "option", "map", "area", "audio", "video", "source", "track", "picture",
     "img", "head", "title", "link", "meta", "label", "applet", "param", "frame", "frameset", "noframes",
     "datalist", "optgroup", "progress", "meter", "fieldset", "rp", "rt", "figcaption", "address",
     "form"))  # fmt: skip
"""Elements without text that is the page's own."""
_ASIDE = frozenset(("nav", "footer", "menu", "dialog"))
_WHOLE = frozenset(("html", "body", "article", "main"))
BLOCKS = frozenset(("nav", "footer", "aside", "menu", "dialog", "article", "blockquote", "body", "center", "dd",
     "details", "div", "dl", "dt", "figure", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hgroup",
     "html", "li", "main", "ol", "p", "pre", "section", "summary", "table", "tbody", "td", "tfoot",
     "th", "thead", "tr", "ul", "caption", "noscript"))  # fmt: skip
_MAY_BE_LINKS = frozenset(("div", "ul", "ol", "dl", "p", "section", "li", "table", "h2", "h3", "h4", "h5", "h6", "td"))
_LINK_LINES = frozenset(("p", "div", "h2", "h3", "h4", "h5", "h6"))
_ROLES = frozenset(("navigation", "banner", "contentinfo", "complementary", "search", "dialog", "menu", "menubar",
     "toolbar", "alert", "alertdialog", "tablist"))  # fmt: skip
_UNMARKED = Marks()
_DROPPED = Marks(drop=2)
_CHOSEN = Marks(strong=True)


class Node:
    """An element: its texts and child nodes in order."""

    __slots__ = ("hint", "linked", "links", "marks", "parts", "short", "size", "tag")

    def __init__(self, tag: str, hint: str = "", marks: Marks = _UNMARKED) -> None:
        self.tag = tag
        self.hint = hint
        self.marks = marks
        self.parts: list[Node | str] = []
        self.size = 0
        """Characters of text in it."""
        self.linked = 0
        """Of these, in links."""
        self.links = 0
        self.short = 0
        """Links of fewer than ten characters."""

    @property
    def free(self) -> int:
        """Characters outside links."""
        return self.size - self.linked

    def kids(self) -> list[Node]:
        """Return the child nodes."""
        return [part for part in self.parts if not isinstance(part, str)]

    def walk(self) -> Iterator[Node]:
        """Yield the node and all below it, in the page's order."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(part for part in reversed(node.parts) if not isinstance(part, str))


def grown(element: Any) -> Node:
    """Turn an lxml element into a node with everything below it that may be text."""
    return _grow(element, inside_pre=False)


def _grow(element: Any, *, inside_pre: bool) -> Node:
    tag, get = element.tag, element.get
    classes, ident = get("class") or "", get("id") or ""
    marks = marks_of(classes, ident) if classes or ident else _UNMARKED
    role, style = get("role"), get("style")
    if role in _ROLES or (style and "none" in style and "display:none" in style.replace(" ", "").lower()):
        marks = _DROPPED
    if role == "article" or get("itemprop") == "articleBody":
        marks = _CHOSEN
    node = Node(tag, f"{classes} {ident}", marks)
    if tag == "noscript" and element.find(".//p") is None:
        return node
    parts = node.parts
    if element.text:
        _add(parts, element.text, inside_pre)
    for child in element:
        kind = child.tag
        if type(kind) is str and kind not in SKIPPED and not _beside(child, kind):
            grown_child = _grow(child, inside_pre=inside_pre or kind == "pre")
            if grown_child.parts or kind in ("br", "hr"):
                parts.append(grown_child)
        if child.tail:
            _add(parts, child.tail, inside_pre)
    _count(node)
    return node


def _beside(element: Any, tag: str) -> bool:
    """Tell whether an element stands beside the text; one that was never closed may hold all of the page."""
    if tag == "aside":
        return element.find(".//h1") is None
    return tag in _ASIDE and element.find(".//main") is None and element.find(".//article") is None


def _add(parts: list[Node | str], text: str, inside_pre: bool) -> None:
    if inside_pre:
        parts.append(text)
        return
    words = " ".join(text.split())
    if words:
        start = " " if text[0].isspace() else ""
        parts.append(f"{start}{words} " if text[-1].isspace() else start + words)
    else:
        parts.append(" ")


def _count(node: Node) -> None:
    """Count a node's text and links from its parts, which are counted already."""
    size = linked = links = short = 0
    for part in node.parts:
        if isinstance(part, str):
            size += len(part.strip())
        else:
            size += part.size
            linked += part.linked
            links += part.links
            short += part.short
    if node.tag == "a":
        linked, links, short = size, 1, int(size < 10)
    node.size, node.linked, node.links, node.short = size, linked, links, short


DOUBTFUL, SURE, NOTHING = 1, 2, 3


def pruned(node: Node, page: int, least: int = DOUBTFUL) -> bool:
    """Cut off what its class or id says is no text, unless it holds half of the page's text outside links.

    `least` is how sure that must be. Tells whether anything was cut.
    """
    kept: list[Node | str] = []
    cut = False
    for part in node.parts:
        if not isinstance(part, str):
            if _is_dropped(part, least) and 2 * part.free <= page:
                cut = True
                continue
            cut = pruned(part, page, least) or cut
        kept.append(part)
    if cut:
        node.parts = kept
        _count(node)
    return cut


def _is_dropped(node: Node, least: int) -> bool:
    marks = node.marks
    if marks.drop < max(1, least) or marks.strong or node.tag in _WHOLE:
        return False
    # A tab, a slide or a box may hold the article; a comment or a sidebar may not.
    return marks.drop == SURE or node.free < 250


def without_links(node: Node) -> bool:
    """Cut off blocks that are mostly links: menus, lists of other pages. Tells whether anything was cut."""
    if not node.links:
        return False
    kept: list[Node | str] = []
    cut = False
    last = max((at for at, part in enumerate(node.parts) if not isinstance(part, str)), default=-1)
    for at, part in enumerate(node.parts):
        if not isinstance(part, str) and part.links:
            if part.linked and part.tag in _MAY_BE_LINKS and _is_links(part, last=at == last):
                cut = True
                continue
            cut = without_links(part) or cut
        kept.append(part)
    if cut:
        node.parts = kept
        _count(node)
    return cut


def _is_links(node: Node, *, last: bool) -> bool:
    """Tell whether a block is mostly links; the last one of its parent may be longer.

    The limits are those of trafilatura 2 (Barbaresi 2021), but for lines of nothing but links.
    """
    size, linked, links = node.size, node.linked, node.links
    if node.tag in _LINK_LINES and size < 200 and linked >= 0.9 * size:
        return True
    if links == 1 and linked > 100 and linked > 0.9 * size:
        return True
    if size < ((60 if last else 30) if node.tag == "p" else (300 if last else 100)):
        return linked > 0.8 * size or (links > 1 and node.short > 0.8 * links)
    return links > 4 and linked > 0.8 * size and linked < 100 * links


def outermost(node: Node, test: Callable[[Node], bool]) -> list[Node]:
    """Return the nodes that pass a test, without those inside another."""
    found: list[Node] = []
    stack = [node]
    while stack:
        each = stack.pop()
        if test(each):
            found.append(each)
        else:
            stack.extend(part for part in reversed(each.parts) if not isinstance(part, str))
    return found
