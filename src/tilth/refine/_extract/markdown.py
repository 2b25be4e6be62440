"""Turn Markdown into plain text: headings, emphasis and links lose their marks, code and tables keep their words."""

from __future__ import annotations

import re

from tilth.refine._extract.charset import decoded
from tilth.refine._extract.found import Asked, Found, clean

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r" {0,3}#{1,6}[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}(?:=+|-{2,})[ \t]*$")
_RULE = re.compile(r" {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$")
_QUOTE = re.compile(r"(?: {0,3}>[ \t]?)+")
_DEFINED = re.compile(r" {0,3}\[[^\]\n]{1,200}\]:[ \t]*\S+")
_TABLE_RULE = re.compile(r"\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)+\|?[ \t]*$")
_MARKS = (
    (
        re.compile(
            r"!?\[([^\[\]\n]{0,2000})\]"
            r"\([^()\s]{0,2000}(?:\([^()\s]{0,200}\)[^()\s]{0,200})?(?:[ \t]+\"[^\"\n]{0,500}\")?\)"
        ),
        r"\1",
    ),
    (re.compile(r"!?\[([^\[\]\n]{0,2000})\]\[[^\[\]\n]{0,200}\]"), r"\1"),
    (re.compile(r"<((?:https?|mailto):[^<>\s]{1,2000})>"), r"\1"),
    (re.compile(r"</?[A-Za-z][A-Za-z0-9-]{0,30}(?:\s[^<>\n]{0,1000})?/?>|<!--.*?-->"), ""),
    (re.compile(r"(?<![\w*])(\*{1,3})(?=\S)([^*\n]{1,2000}?)(?<=\S)\1(?![\w*])"), r"\2"),
    (re.compile(r"(?<![\w_])(_{1,3})(?=\S)([^_\n]{1,2000}?)(?<=\S)\1(?![\w_])"), r"\2"),
    (re.compile(r"~~(?=\S)([^~\n]{1,2000}?)(?<=\S)~~"), r"\1"),
)
_LITERAL = re.compile(r"(`{1,3})(?!`)([^`\n]{1,2000})\1(?!`)|\\([!-/:-@\[-`{-~])")
"""Code, and signs that a backslash makes plain: no mark counts in them."""
_SAID = re.compile(r"(title|author|date|lang(?:uage)?)\s*:\s*[\"']?(.{1,500}?)[\"']?\s*$", re.I)


def read(raw: bytes, asked: Asked) -> Found:
    r"""Return Markdown's text without its marks, and what its front matter says.

    >>> read(b"---\ntitle: Rain\n---\n# Rain\nIt *rained* for [a week](https://example.org).", Asked())[:2]
    ('Rain\nIt rained for a week.', 'Rain')
    """
    lines = decoded(raw).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    front, lines = _front(lines)
    text = "\n".join(_plain(lines, asked))
    said = {name.lower(): value for line in front if (match := _SAID.match(line)) for name, value in [match.groups()]}
    first = next((found[1] for line in lines if (found := _HEADING.match(line))), None)
    return Found(
        re.sub(r"\n{3,}", "\n\n", clean(text)).strip("\n"),
        title=said.get("title") or first,
        author=said.get("author"),
        published=said.get("date"),
        language=said.get("lang") or said.get("language"),
    )


def _front(lines: list[str]) -> tuple[list[str], list[str]]:
    if lines and lines[0].strip() == "---":
        for end, line in enumerate(lines[1:200], 1):
            if line.strip() in ("---", "..."):
                return lines[1:end], lines[end + 1 :]
    return [], lines


def _plain(lines: list[str], asked: Asked) -> list[str]:
    found: list[str] = []
    fence = ""
    for line in lines:
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and not line.strip(" `~"):
                fence = ""
            else:
                found.append(line)
        elif mark:
            fence = mark[1]
        elif not (_RULE.match(line) or _UNDERLINE.match(line) or _DEFINED.match(line)):
            found += _line(line, asked)
    return found


def _line(line: str, asked: Asked) -> list[str]:
    line = _QUOTE.sub("", line, count=1) if line.lstrip().startswith(">") else line
    heading = _HEADING.match(line)
    if heading:
        line = heading[1]
    cells = line.strip().startswith("|")
    if cells and asked.tables != "markdown":
        if asked.tables == "drop" or _TABLE_RULE.match(line.strip()):
            return []
        line = "\t".join(cell.strip() for cell in line.strip().strip("|").split("|"))
    return [_unmarked(line).rstrip()]


def _unmarked(line: str) -> str:
    literals: list[str] = []

    def put_by(found: re.Match[str]) -> str:
        literals.append(found[2] or found[3])
        return f"\0{len(literals) - 1}\0"

    line = _LITERAL.sub(put_by, line.replace("\0", ""))
    for mark, instead in _MARKS:
        line = mark.sub(instead, line)
    return re.sub("\0([0-9]+)\0", lambda found: literals[int(found[1])], line)
