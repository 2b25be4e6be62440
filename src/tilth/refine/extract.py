"""Turn documents into text: web pages, PDF, Word, mail, Markdown."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import pyarrow as pa
import pyarrow.types as t

from tilth.core.batch import ID, Batch, with_column
from tilth.core.errors import DataError, RecipeError
from tilth.core.operator import Failure, Outcome
from tilth.core.registry import name_of
from tilth.refine._columns import cells, strings
from tilth.refine._extract.found import Asked, Found

METADATA = ("title", "author", "published", "language", "url", "attachments")
_AT_ONCE = 64 << 20
"""Bytes of documents that are taken out of a batch at a time."""

LEAST_MEMORY_MB = 128
"""What a reader takes with its libraries, before it holds a document."""


@dataclass(frozen=True, kw_only=True)
class Extract:
    """Turn each row's document into text, and what it says of itself into columns.

    >>> from tilth.testing import batch
    >>> page = b"<title>Rain</title><nav><a href=/>Home</a></nav><article><p>It rained for a week.</p></article>"
    >>> found = Extract().map(batch(content=[page])).batch
    >>> found.select(["text", "title"]).to_pylist()
    [{'text': 'It rained for a week.', 'title': 'Rain'}]

    Of a web page it takes the main text: boilerplate is told by the names of elements, the share of text that is links
    (Kohlschütter et al. 2010, doi:10.1145/1718487.1718542) and the words of short lines. Of a PDF or a Word document
    it takes all text, of a mail what it shows, of Markdown the words without the marks. Pages and Word documents are
    parsed by lxml, PDF by pypdf.

    Documents are read in a process of its own with limits on time and memory. One that breaks a limit, is broken, has
    a password or is no document becomes a failure with the reason; the process dies for it where it must, and the run
    goes on. A document without text, such as a scan, keeps its row with an empty text.
    """

    packages: ClassVar[tuple[str, ...]] = ("charset-normalizer", "lxml", "pypdf")
    version: ClassVar[int] = 2

    column: str = "content"
    """The column of documents: bytes, or text such as HTML."""
    into: str = "text"
    """The column that takes the text; a row without a document, as from another source, keeps the text it has."""
    kind: Literal["auto", "html", "pdf", "docx", "mail", "markdown", "text"] = "auto"
    """What the documents are; by default told for each by its first bytes, then by its media type."""
    type_column: str = "content_type"
    """A column of media types, such as `text/html; charset=gb2312`; need not be there."""
    metadata: tuple[str, ...] = ("title", "author", "published", "language", "url")
    """Columns to add of: title, author, published, language (as declared), url, attachments. Ones there are stay."""
    main: bool = True
    """Whether only a page's main text is taken, without menus, comments and the like."""
    tables: Literal["text", "markdown", "drop"] = "text"
    """How tables are written: as lines of text, as Markdown, or not at all."""
    replies: Literal["keep", "cut"] = "keep"
    """Whether what a mail quotes, and its signature, stay."""
    keep: bool = False
    """Whether the column of documents stays."""
    seconds: float = 10.0
    """The most processor time that one document may take."""
    memory_mb: int = 1024
    """The most memory that reading may take, in MB."""
    max_bytes: int = 64 << 20
    """The longest document."""
    max_text: int = 10_000_000
    """The longest text, in characters."""

    def __post_init__(self) -> None:
        unknown = [name for name in self.metadata if name not in METADATA]
        if unknown:
            raise RecipeError(f'no metadata "{unknown[0]}"', where="extract", wanted=f"some of {', '.join(METADATA)}")
        for option in ("seconds", "memory_mb", "max_bytes", "max_text"):
            if getattr(self, option) <= 0:
                raise RecipeError(f"{option}: {getattr(self, option)}", where="extract", wanted="more than 0")
        if self.memory_mb < LEAST_MEMORY_MB:
            wanted = f"at least {LEAST_MEMORY_MB}: the reader itself needs them"
            raise RecipeError(f"memory_mb: {self.memory_mb}", where="extract", wanted=wanted)

    def map(self, batch: Batch) -> Outcome:
        """Return the batch with texts and metadata; documents that cannot be read are failures."""
        return self.filled(batch, self.answers(batch))

    def questions(self, batch: Batch) -> list[bytes | None]:
        """Return a digest of each row's document and its media type; None where there is no document to read."""
        documents = _documents(cells(batch, self.column, self), self)
        asked: list[bytes | None] = []
        for cell, said, size in zip(documents, self._types(batch), _sizes(documents), strict=True):
            if size is None or size > self.max_bytes:
                asked.append(None)
                continue
            hasher = hashlib.blake2b(json.dumps(said).encode() + b"\n", digest_size=32)
            hasher.update(memoryview(cell.as_buffer()))
            asked.append(hasher.digest())
        return asked

    def filled(self, batch: Batch, answers: Sequence[list[Any] | str | None]) -> Outcome:
        """Return the batch with what its documents hold; a text in place of an answer says why there is none."""
        good = [at for at, answer in enumerate(answers) if not isinstance(answer, str)]
        found = [None if answer is None else Found(*answer) for answer in answers if not isinstance(answer, str)]
        ids = batch.column(ID).to_pylist()
        failures = tuple(
            Failure(ids[at], f"extract: {answer}") for at, answer in enumerate(answers) if isinstance(answer, str)
        )
        rows = batch if len(good) == batch.num_rows else batch.take(pa.array(good, pa.int64()))
        return Outcome(self._filled(rows, found), failures)

    def _filled(self, rows: Batch, found: Sequence[Found | None]) -> Batch:
        if not self.keep and self.column != self.into:
            rows = rows.drop_columns([self.column])
        there = set(rows.schema.names)
        rows = with_column(rows, self.into, self._texts(rows, found), pa.string())
        for name in self.metadata:
            if name not in there and name != self.into:
                values = [None if each is None else getattr(each, name) for each in found]
                rows = with_column(rows, name, values, pa.list_(pa.string()) if name == "attachments" else pa.string())
        return rows

    def _texts(self, rows: Batch, found: Sequence[Found | None]) -> list[str | None]:
        """Return the texts; a row without a document keeps the one that it came with."""
        texts = [each and each.text for each in found]
        if self.into not in rows.schema.names or self.column == self.into or None not in texts:
            return texts
        came: list[str | None] = strings(rows, self.into, self).to_pylist()
        return [had if text is None else text for text, had in zip(texts, came, strict=True)]

    def answers(self, batch: Batch) -> list[list[Any] | str | None]:
        """Return what each row's document holds, why it cannot be read, or None where there is none."""
        from tilth.refine._extract.child import Settings
        from tilth.refine._extract.pool import Document, child

        documents = _documents(cells(batch, self.column, self), self)
        types = self._types(batch)
        asked = Asked(tables=self.tables, replies=self.replies, main=self.main)
        reader = child(Settings(asked=asked, seconds=self.seconds, memory_mb=self.memory_mb, max_text=self.max_text))
        answers: list[list[Any] | str | None] = [None] * batch.num_rows
        for places in _lots(documents, self.max_bytes):
            lot = [Document(documents[at].as_buffer().to_pybytes(), self.kind, types[at] or "") for at in places]
            for at, answer in zip(places, reader.read(lot), strict=True):
                answers[at] = answer if isinstance(answer, str) else list(answer)
        for at, size in enumerate(_sizes(documents)):
            if size is not None and size > self.max_bytes:
                answers[at] = f"longer than max_bytes ({self.max_bytes:,} bytes)"
        return answers

    def _types(self, batch: Batch) -> list[str | None]:
        if self.type_column not in batch.schema.names:
            return [None] * batch.num_rows
        types: list[str | None] = strings(batch, self.type_column, self).to_pylist()
        return types


def _documents(column: pa.Array, operator: Extract) -> pa.Array:
    kind = column.type
    if t.is_dictionary(kind):
        column, kind = column.dictionary_decode(), kind.value_type
    held = (t.is_binary, t.is_large_binary, t.is_binary_view, t.is_fixed_size_binary)
    if not any(holds(kind) for holds in (*held, t.is_string, t.is_large_string, t.is_string_view, t.is_null)):
        raise DataError(
            f'column "{operator.column}" holds {kind}', where=name_of(operator), wanted="a column of bytes or of texts"
        )
    return column.cast(pa.large_binary())


def _sizes(documents: pa.Array) -> list[int | None]:
    import pyarrow.compute as pc

    sizes: list[int | None] = pc.binary_length(documents).to_pylist()
    return sizes


def _lots(documents: pa.Array, most: int) -> Iterator[list[int]]:
    """Yield places of documents that are not too long, some at a time."""
    places: list[int] = []
    held = 0
    for at, size in enumerate(_sizes(documents)):
        if size is not None and size <= most:
            if places and held + size > _AT_ONCE:
                yield places
                places, held = [], 0
            places.append(at)
            held += size
    if places:
        yield places


EXAMPLES = (
    Extract(column="text", metadata=("title", "language")),
    Extract(column="text", into="read", kind="html", main=False, keep=True, tables="markdown"),
    Extract(column="text", kind="markdown", metadata=()),
    Extract(column="text", kind="mail", replies="cut", metadata=("title", "attachments")),
)
