"""Read CoNLL columns: a token a line, a blank line ends a sentence, `-DOCSTART-` starts a document.

A row is a sentence: a list of strings a column, `doc` (the document's number in the file; null before the first
`-DOCSTART-`) and `sentence` (its number in the file, rejected ones counted). The `tags` column is rewritten as BIO.
Columns are parted by tabs if most lines hold one, else by runs of spaces and tabs. A line that begins with `#` and has
not as many columns as the others is a comment.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import pyarrow as pa

from tilth.connectors._files.encoding import Encoding, encoding_of
from tilth.connectors._files.lines import nothing, pages, too_long
from tilth.connectors._files.tags import BadTag, is_tag, scheme_of, to_bio
from tilth.connectors._reading import BLOCK, ROWS, SAMPLE, Chunk, Reading
from tilth.connectors._schema import bare
from tilth.core.errors import DataError

DOCUMENT = "-DOCSTART-"
LOOK_LINES = 2000
"""How many lines tell the columns."""
LOOK_SENTENCES = 20_000
"""How many sentences tell the tags' scheme."""
_GAP = re.compile(r"[ \t]+")
_CHUNK_TAG = re.compile(r"O|[BI]-(NP|VP|PP|ADJP|ADVP|SBAR|PRT|CONJP|INTJ|LST|UCP)")


class Layout(NamedTuple):
    """How the file's lines are made."""

    tab: bool
    names: tuple[str, ...]

    @property
    def tags(self) -> int:
        """The index of the tags' column."""
        return self.names.index("tags") if "tags" in self.names else len(self.names) - 1

    def cells(self, line: str) -> list[str]:
        """Split a line into its columns."""
        return line.rstrip("\r").split("\t") if self.tab else _GAP.split(line.strip(" \t\r"))


class Sentence(NamedTuple):
    """A sentence: its lines' columns, or why it cannot be read."""

    rows: list[list[str]] | str
    lines: list[int]
    """The number of each row's line, from 0."""
    doc: int | None
    comments: int
    """How many comment lines stood before or in it."""


def peek(reading: Reading, limit: int = SAMPLE) -> pa.Schema:
    """Return a list of strings for each column, `doc` and `sentence`."""
    layout = _layout(reading, encoding_of(reading))
    if layout is None:
        return pa.schema([])
    lists = [pa.field(name, pa.list_(pa.string())) for name in layout.names]
    return pa.schema([*lists, ("doc", pa.int32()), ("sentence", pa.int32())])


def read(reading: Reading, schema: pa.Schema) -> Iterator[Chunk]:
    """Yield sentences."""
    encoding = encoding_of(reading)
    plain = bare(schema)
    notes = [encoding.note] if encoding.note else []
    layout = _layout(reading, encoding)
    if layout is None:
        yield from nothing(reading, encoding, plain, (*notes, f"{reading.file}: holds no sentence"))
        return
    scheme = _scheme(reading, encoding, layout)
    notes.append(f"{reading.file}: {_said(scheme, reading.scheme)}")
    kept: list[list[list[str]]] = []
    docs: list[int | None] = []
    ordinals: list[int] = []
    rejects: list[tuple[int, str]] = []
    mended = comments = size = 0
    for ordinal, sentence in enumerate(_sentences(reading, encoding, layout)):
        comments += sentence.comments
        found = _tagged(sentence, layout, scheme)
        if isinstance(found, str):
            rejects.append((ordinal, found))
        else:
            columns, more = found
            mended += more
            kept.append(columns)
            docs.append(sentence.doc)
            ordinals.append(ordinal)
            size += sum(len(cell) for column in columns for cell in column)
        if len(kept) >= ROWS or len(rejects) >= ROWS or size > BLOCK:
            yield Chunk(_batch(kept, docs, ordinals, layout, plain), ordinals, tuple(rejects), tuple(notes))
            kept, docs, ordinals, rejects, notes, size = [], [], [], [], [], 0
    notes += [f"{reading.file}: {mended} tags that break {scheme} mended to begin an entity"] if mended else []
    notes += [f"{reading.file}: {comments} comment lines left out"] if comments else []
    yield Chunk(_batch(kept, docs, ordinals, layout, plain), ordinals, tuple(rejects), tuple(notes))


def looks_like_conll(lines: Sequence[str]) -> bool:
    """Tell whether text is most likely CoNLL columns: even columns, entity tags in the last, blank lines between.

    >>> looks_like_conll(["EU\\tB-ORG", "rejects\\tO", "", "Peter\\tB-PER", ""])
    True
    """
    filled = [_GAP.split(line.strip()) for line in lines if line.strip() and not line.startswith(DOCUMENT)]
    if len(filled) < 2 or all(line.strip() for line in lines[:-1]):
        return False
    width = len(filled[0])
    good = sum(len(cells) == width and is_tag(cells[-1]) for cells in filled)
    return width > 1 and good >= 0.95 * len(filled) and any(cells[-1] == "O" for cells in filled)


def _layout(reading: Reading, encoding: Encoding) -> Layout | None:
    lines: list[str] = []
    for page in pages(reading, encoding):
        lines += [line for line in page.lines if line.strip(" \t\r") and not line.startswith(DOCUMENT)][:LOOK_LINES]
        if len(lines) >= LOOK_LINES:
            break
    if not lines:
        return None
    tab = sum("\t" in line for line in lines) * 2 > len(lines)
    split = Layout(tab, ("",)).cells
    width = Counter(len(split(line)) for line in lines).most_common(1)[0][0]
    if reading.token_columns is not None:
        if len(reading.token_columns) != width:
            raise DataError(
                f"token_columns names {len(reading.token_columns)} columns, the lines have {width}",
                where=reading.file,
                wanted="one name for each column, in order",
            )
        return Layout(tab, reading.token_columns)
    if width < 2:
        raise DataError("the lines have one column", where=reading.file, wanted="a token and its tag on each line")
    middle = [f"column_{number}" for number in range(2, width)]
    rows = [cells for cells in map(split, lines) if len(cells) == width]
    if width == 4 and all(_CHUNK_TAG.fullmatch(cells[2]) for cells in rows):
        middle = ["pos", "chunk"]
    return Layout(tab, ("tokens", *middle, "tags"))


def _scheme(reading: Reading, encoding: Encoding, layout: Layout) -> str:
    if reading.scheme != "auto":
        return reading.scheme
    sentences = islice(_sentences(reading, encoding, layout), LOOK_SENTENCES)
    return scheme_of(
        [cells[layout.tags] for cells in sentence.rows] for sentence in sentences if not isinstance(sentence.rows, str)
    )


def _said(scheme: str, asked: str) -> str:
    how = "recognised by what tags follow one another" if asked == "auto" else "as asked"
    if scheme == "none":
        return "tags are of no entity scheme (IOB1, BIO, BIOES): kept as they are"
    return f"tags are {scheme} ({how})" + ("" if scheme == "bio" else ", rewritten as bio")


def _sentences(reading: Reading, encoding: Encoding, layout: Layout) -> Iterator[Sentence]:
    width, cap = len(layout.names), reading.max_record_bytes
    doc: int | None = None
    rows: list[list[str]] = []
    numbers: list[int] = []
    wrong = ""
    size = comments = 0
    for page in pages(reading, encoding):
        for number, line in enumerate(page.lines, page.first):
            bad = page.bad.get(number - page.first)
            starts_document = line.startswith(DOCUMENT)
            if not bad and (starts_document or not line.strip(" \t\r")):
                if rows or wrong:
                    yield Sentence(wrong or rows, numbers, doc, comments)
                    rows, numbers, wrong, size, comments = [], [], "", 0, 0
                doc = (0 if doc is None else doc + 1) if starts_document else doc
                continue
            cells = layout.cells(line)
            if len(cells) != width and line.startswith("#"):
                comments += 1
                continue
            size += len(line)
            if bad:
                wrong = wrong or f"line {number + 1}: {bad}"
            elif len(cells) != width:
                wrong = wrong or f"line {number + 1} has {len(cells)} columns, the file has {width}"
            elif size > cap:
                wrong, rows, numbers = wrong or too_long(cap), [], []
            elif not wrong:
                rows.append(cells)
                numbers.append(number)
    if rows or wrong:
        yield Sentence(wrong or rows, numbers, doc, comments)


def _tagged(sentence: Sentence, layout: Layout, scheme: str) -> tuple[list[list[str]], int] | str:
    """Turn a sentence into columns, with BIO tags, and the number of mended ones; or say why it cannot be."""
    if isinstance(sentence.rows, str):
        return sentence.rows
    columns = [list(column) for column in zip(*sentence.rows, strict=True)]
    if scheme == "none":
        return columns, 0
    try:
        found = to_bio(columns[layout.tags], scheme)
    except BadTag as bad:
        return f"line {sentence.lines[bad.at] + 1}: the tag is none of {scheme}"
    columns[layout.tags] = found.tags
    return columns, found.mended


def _batch(
    kept: list[list[list[str]]],
    docs: list[int | None],
    ordinals: list[int],
    layout: Layout,
    schema: pa.Schema,
) -> pa.RecordBatch:
    columns: dict[str, list[object]] = {"doc": list(docs), "sentence": list(ordinals)}
    for number, name in enumerate(layout.names):
        columns[name] = [sentence[number] for sentence in kept]
    arrays = [
        pa.array(columns[field.name], field.type) if field.name in columns else pa.nulls(len(kept), field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
