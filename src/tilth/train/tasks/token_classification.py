"""Give each word of a row a tag: entities in BIO, or any class a word."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tilth.core.batch import Batch
from tilth.core.errors import DataError
from tilth.train import score, windows
from tilth.train.decision import Decision
from tilth.train.encoded import IGNORE, Array, Encoded, take_rows
from tilth.train.tags import allowed, best_path, entities, spells_entities, to_bio
from tilth.train.task import Lesson, Spelling, column, in_order, label_texts, lists, row_names
from tilth.train.words import split

ENTITY = pa.struct([("type", pa.string()), ("start", pa.int32()), ("end", pa.int32()), ("text", pa.string())])


@dataclass(frozen=True, kw_only=True)
class TokenClassification:
    """Learn a tag a word.

    >>> task = TokenClassification()
    >>> task.labels([pa.RecordBatch.from_pydict({"tokens": [["in", "Rome"]], "tags": [["O", "I-LOC"]]})])
    ('B-LOC', 'I-LOC', 'O')
    """

    tokens: str = "tokens"
    """The column of words, a list a row."""
    tags: str = "tags"
    """The column to learn, a list as long as the words: BIO, IOB1, BIOES or BILOU, or any class a word."""
    text: str = "text"
    """Running text, which a model splits into words where a row to answer has no words."""

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns a training row must have."""
        return (self.tokens, self.tags)

    @property
    def inputs(self) -> Mapping[str, str]:
        """The columns an answer needs, and their types."""
        return {self.tokens: "list<string>"}

    @property
    def metrics(self) -> tuple[str, ...]:
        """The scores it knows, the default first."""
        return ("entity_f1", "accuracy", "macro_f1")

    @property
    def answers(self) -> Mapping[str, pa.DataType]:
        """The columns `decode` gives."""
        return {
            "prediction": pa.list_(pa.string()),
            "confidence": pa.list_(pa.float32()),
            "logits": pa.list_(pa.list_(pa.float32())),
            "entities": pa.list_(ENTITY),
        }

    def labels(self, batches: Iterable[Batch]) -> tuple[str, ...]:
        """Find the tags in train rows, as BIO where they mark entities, sorted; an inside tag brings its begin tag."""
        seen: set[str] = set()
        rows = 0
        for batch in batches:
            rows += batch.num_rows
            seen.update(tag for tag in self._tag_column(batch).flatten().unique().to_pylist() if tag is not None)
        if not rows:
            raise DataError("there are no train rows", where="train", do="Look at the fates: what dropped them?")
        if not seen:
            raise DataError(f'all of column "{self.tags}" is null', where="train", wanted="tags to learn from")
        if spells_entities(list(seen)):
            types = {tag[2:] for tag in seen if tag != "O"}
            return in_order({"O"} | {f"{prefix}-{kind}" for kind in types for prefix in "BI"})
        if len(seen) == 1:
            raise DataError(
                f'column "{self.tags}" holds one tag only ("{seen.pop()}")', where="train", wanted="two tags or more"
            )
        return in_order(seen)

    def lesson(self, batch: Batch, spelling: Spelling, labels: Sequence[str]) -> Lesson:
        """Encode rows and their tags."""
        words = self._words(batch)
        tags = self._tag_column(batch).to_pylist()
        names = row_names(batch)
        index = {name: at for at, name in enumerate(labels)}
        entity = spells_entities(labels)
        kept: list[int] = []
        rows: list[list[int]] = []
        for at, (row, row_tags) in enumerate(zip(words, tags, strict=True)):
            if row is None or row_tags is None or not row or None in row_tags:
                continue
            if len(row) != len(row_tags):
                raise DataError(
                    f"row {names[at]} has {len(row)} words and {len(row_tags)} tags",
                    where="train",
                    wanted=f'"{self.tokens}" and "{self.tags}" of one length',
                )
            spelt = to_bio(row_tags) if entity else row_tags
            rows.append([index.get(tag, _stranger(tag, labels)) for tag in spelt])
            kept.append(at)
        encoded = take_rows(windows.encode(words, spelling), np.array(kept, np.int64))
        flat = np.concatenate([np.array(row, np.int32) for row in rows]) if rows else np.zeros(0, np.int32)
        targets = np.full(encoded.tokens, IGNORE, np.int32)
        assert encoded.words is not None
        answered = encoded.words >= 0
        targets[answered] = flat[windows.places(encoded)]
        learnt = dataclasses.replace(encoded, targets=targets)
        strangers = int((flat >= len(labels)).sum())
        return Lesson(learnt, [names[at] for at in kept], batch.num_rows - len(kept), strangers)

    def encode(self, batch: Batch, spelling: Spelling) -> Encoded:
        """Encode rows; a row longer than the model is read in overlapping windows, so that each word has a tag."""
        return windows.encode(self._words(batch), spelling)

    def decode(
        self, logits: Array, batch: Batch, encoded: Encoded, labels: Sequence[str], decision: Decision
    ) -> dict[str, pa.Array]:
        """Turn logits, one line a word, into columns; entity tags are the best valid BIO."""
        chosen = _choose(logits / decision.temperature - np.log(decision.levels(labels)), encoded, labels)
        confidence = np.round(decision.one_of(logits)[np.arange(len(logits)), chosen], 6)
        mute = decision.silent(confidence)
        tags = np.array(labels, object)[chosen]
        words = self._words(batch)
        spelt = _Rows(words, self._cuts(batch), encoded.answers)
        per_word = lists(logits.astype(np.float32).ravel(), np.arange(len(logits) + 1) * len(labels), pa.float32())
        columns = {
            "prediction": spelt.column(pa.array(tags, pa.string(), mask=mute)),
            "confidence": spelt.column(pa.array(confidence.astype(np.float32))),
            "logits": spelt.column(per_word),
            "entities": spelt.entities(tags, mute),
        }
        if spelt.cuts is not None:
            columns["tokens"] = spelt.column(pa.array([word for row in words for word in row or ()], pa.string()))
        return columns

    def score(self, logits: Array, encoded: Encoded, labels: Sequence[str]) -> dict[str, float]:
        """Score logits against the tags."""
        gold = np.zeros(len(logits), np.int64)
        assert encoded.targets is not None and encoded.words is not None
        gold[windows.places(encoded)] = encoded.targets[encoded.words >= 0]
        best = _choose(logits, encoded, labels)
        known = [*labels, "B-?", "I-?", "?"]
        scores = {"accuracy": score.accuracy(best, gold), "macro_f1": score.macro_f1(best, gold)}
        if spells_entities(labels):
            return {"entity_f1": score.entity_f1(best, gold, encoded.answers, known), **scores}
        return scores

    def _words(self, batch: Batch) -> list[list[str] | None]:
        if self.tokens not in batch.schema.names and self.text in batch.schema.names:
            return [None if text is None else [text[a:b] for a, b in split(text)] for text in self._texts(batch)]
        values = column(batch, self.tokens, "words, a list a row")
        if not (pa.types.is_list(values.type) or pa.types.is_large_list(values.type) or pa.types.is_null(values.type)):
            raise DataError(f'column "{self.tokens}" holds {values.type}', where="train", wanted="lists of words")
        return [None if row is None else [word or "" for word in row] for row in values.to_pylist()]

    def _texts(self, batch: Batch) -> list[str | None]:
        texts: list[str | None] = column(batch, self.text, "text").to_pylist()
        return texts

    def _cuts(self, batch: Batch) -> list[tuple[str, list[tuple[int, int]]]] | None:
        """Return each text and where its words are; None where the batch brings its own words."""
        if self.tokens in batch.schema.names:
            return None
        return [(text or "", split(text or "")) for text in self._texts(batch)]

    def _tag_column(self, batch: Batch) -> pa.Array:
        values = column(batch, self.tags, "tags, a list a row")
        if pa.types.is_null(values.type):
            return values.cast(pa.list_(pa.string()))
        if not (pa.types.is_list(values.type) or pa.types.is_large_list(values.type)):
            raise DataError(f'column "{self.tags}" holds {values.type}', where="train", wanted="lists of tags")
        texts = label_texts(values.flatten(), self.tags)
        sizes = [0 if row is None else len(row) for row in values.to_pylist()]
        starts = np.concatenate(([0], np.cumsum(sizes)))
        return lists(np.array(texts.to_pylist(), object), starts, pa.string(), values.is_null().to_numpy(False))


class _Rows(NamedTuple):
    """Rows of words, to lay answers out on."""

    words: list[list[str] | None]
    cuts: list[tuple[str, list[tuple[int, int]]]] | None
    answers: Array

    def column(self, values: pa.Array, starts: Array | None = None) -> pa.ListArray:
        """Cut values, one a word, into rows; a null row stays null."""
        return pa.ListArray.from_arrays(
            pa.array((self.answers if starts is None else starts).astype(np.int32)),
            values,
            mask=pa.array([row is None for row in self.words], pa.bool_()),
        )

    def entities(self, tags: Array, mute: Array) -> pa.ListArray:
        """Lay out the entities of which no word is in doubt."""
        found: list[dict[str, str | int]] = []
        starts = [0]
        for row, (first, last) in enumerate(pairwise(self.answers.tolist())):
            for kind, start, end in entities(list(tags[first:last])):
                if not mute[first + start : first + end].any():
                    found.append(self._entity(row, kind, start, end))
            starts.append(len(found))
        return self.column(pa.array(found, ENTITY), np.array(starts))

    def _entity(self, row: int, kind: str, start: int, end: int) -> dict[str, str | int]:
        if self.cuts is None:
            words = self.words[row] or []
            return {"type": kind, "start": start, "end": end, "text": " ".join(words[start:end])}
        text, places = self.cuts[row]
        begin, stop = places[start][0], places[end - 1][1]
        return {"type": kind, "start": begin, "end": stop, "text": text[begin:stop]}


def _choose(evidence: Array, encoded: Encoded, labels: Sequence[str]) -> Array:
    """Return the best tag of each word; entity tags are the best valid BIO of each row."""
    best: Array = evidence.argmax(axis=1)
    if not spells_entities(labels):
        return best
    follows, first = allowed(labels)
    for start, end in pairwise(encoded.answers.tolist()):
        best[start:end] = best_path(evidence[start:end], follows, first)
    return best


def _stranger(tag: str, labels: Sequence[str]) -> int:
    """Return the index of a tag that train rows lack: beyond all labels, so that no answer can hit it."""
    return len(labels) + ({"B-": 0, "I-": 1}.get(tag[:2], 2) if spells_entities(labels) else 2)
