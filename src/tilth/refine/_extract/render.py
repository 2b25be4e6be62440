"""Write a tree of blocks as lines of text; tables as text or Markdown."""

from __future__ import annotations

from tilth.refine._extract.found import Tables
from tilth.refine._extract.tree import BLOCKS, Node

_CELLS = frozenset(("td", "th"))


def lines_of(node: Node, tables: Tables = "text") -> list[str]:
    """Return one line a block, without markup; preformatted text keeps its lines."""
    writer = _Writer(tables)
    writer.write(node)
    writer.flush()
    return writer.lines


class _Writer:
    def __init__(self, tables: Tables) -> None:
        self.lines: list[str] = []
        self.tables = tables
        self._open: list[str] = []

    def flush(self) -> None:
        if self._open:
            said = "".join(self._open)
            self._open.clear()
            found = (" ".join(line.split()) for line in said.split("\n"))
            self.lines.extend(line for line in found if line)

    def write(self, node: Node) -> None:
        for part in node.parts:
            if isinstance(part, str):
                self._open.append(part)
            elif part.tag in _CELLS:
                self._open.append(" ")
                self.write(part)
                self._open.append(" ")
            elif part.tag in ("br", "hr"):
                self._open.append("\n")
                self.write(part)
            elif part.tag not in BLOCKS:
                self.write(part)
            else:
                self.flush()
                self._block(part)
                self.flush()

    def _block(self, node: Node) -> None:
        if node.tag == "pre":
            said = plain(node).strip("\n")
            if said.strip():
                self.lines.append(said)
        elif node.tag == "table" and self.tables != "text":
            rows = _rows(node)
            if rows is None:
                self.write(node)
            elif self.tables == "markdown":
                self.lines.append(markdown_table(rows))
        else:
            self.write(node)


def plain(node: Node) -> str:
    """Return all text of a node as it is."""
    return "".join(part if isinstance(part, str) else "\n" if part.tag == "br" else plain(part) for part in node.parts)


def _rows(table: Node) -> list[list[str]] | None:
    """Return a table's cells, or None where it only lays out the page: tables in it, one column, or long cells."""
    rows: list[list[str]] = []
    for node in table.walk():
        if node.tag == "table" and node is not table:
            return None
        if node.tag == "tr":
            rows.append([" ".join(" ".join(lines_of(cell)).split()) for cell in node.kids() if cell.tag in _CELLS])
    rows = [row for row in rows if any(row)]
    if max(map(len, rows), default=0) < 2 or any(len(cell) > 1000 for row in rows for cell in row):
        return None
    return rows


def markdown_table(rows: list[list[str]]) -> str:
    r"""Write rows as a Markdown table, the first as its head.

    >>> print(markdown_table([["a", "b"], ["1", "x|y"]]))
    | a | b |
    | --- | --- |
    | 1 | x\|y |
    """
    width = max(map(len, rows))
    full = [[*row, *[""] * (width - len(row))] for row in rows]
    head, *rest = [
        "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in full
    ]
    return "\n".join([head, "| " + " | ".join(["---"] * width) + " |", *rest])
