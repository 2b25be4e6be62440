"""Give a text (or a pair of texts) one label, or several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import Batch
from tilth.core.errors import DataError
from tilth.train import score
from tilth.train.decision import Decision
from tilth.train.encoded import Array, Encoded, ragged, take_rows
from tilth.train.task import Lesson, Spelling, column, in_order, label_texts, lists, row_names


@dataclass(frozen=True, kw_only=True)
class TextClassification:
    """Learn a label a row.

    >>> task = TextClassification(label="intent")
    >>> task.labels([pa.RecordBatch.from_pydict({"text": ["hi", "bye"], "intent": ["greet", "part"]})])
    ('greet', 'part')
    """

    text: str = "text"
    """The column that is read."""
    label: str = "label"
    """The column to learn: text, whole numbers or booleans; lists of them with multi_label."""
    pair: str | None = None
    """A second text that is read together with the first."""
    multi_label: bool = False
    """Whether a row may carry several labels, or none."""

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns a training row must have."""
        return tuple(name for name in (self.text, self.pair, self.label) if name is not None)

    @property
    def inputs(self) -> Mapping[str, str]:
        """The columns an answer needs, and their types."""
        return {name: "string" for name in (self.text, self.pair) if name is not None}

    @property
    def metrics(self) -> tuple[str, ...]:
        """The scores it knows, the default first."""
        return ("macro_f1", "accuracy")

    @property
    def answers(self) -> Mapping[str, pa.DataType]:
        """The columns `decode` gives."""
        return {
            "prediction": pa.list_(pa.string()) if self.multi_label else pa.string(),
            "confidence": pa.float32(),
            "scores": pa.list_(pa.float32()),
            "logits": pa.list_(pa.float32()),
        }

    def labels(self, batches: Iterable[Batch]) -> tuple[str, ...]:
        """Find the label space in train rows, sorted."""
        found: set[str] = set()
        rows = 0
        for batch in batches:
            rows += batch.num_rows
            values = self._label_column(batch)
            found.update(value for value in pc.unique(_flat(values)).to_pylist() if value is not None)
        if not rows:
            raise DataError("there are no train rows", where="train", do="Look at the fates: what dropped them?")
        if not found:
            raise DataError(f'all of column "{self.label}" is null', where="train", wanted="labels to learn from")
        if len(found) == 1 and not self.multi_label:
            raise DataError(
                f'column "{self.label}" holds one class only ("{found.pop()}")',
                where="train",
                wanted="two classes or more",
            )
        return in_order(found)

    def lesson(self, batch: Batch, spelling: Spelling, labels: Sequence[str]) -> Lesson:
        """Encode rows and their targets."""
        values = self._label_column(batch)
        encoded = self.encode(batch, spelling)
        has_text = np.zeros(batch.num_rows, bool)
        has_text[encoded.rows] = True
        kept = np.flatnonzero(has_text & values.is_valid().to_numpy(zero_copy_only=False))
        index = {name: at for at, name in enumerate(labels)}
        chosen = values.take(pa.array(kept)).to_pylist()
        targets: Array
        if self.multi_label:
            targets = np.zeros((len(kept), len(labels)), bool)
            strangers = 0
            for at, row in enumerate(chosen):
                known = [index[name] for name in row if name in index]
                targets[at, known] = True
                strangers += sum(name is not None and name not in index for name in row)
        else:
            # A label that train rows lack is one more class, which no answer can hit.
            targets = np.array([index.get(name, len(labels)) for name in chosen], np.int32)
            strangers = int((targets == len(labels)).sum())
        names = row_names(batch)
        encoded = take_rows(encoded, kept)
        learnt = _with_targets(encoded, targets)
        return Lesson(learnt, [names[at] for at in kept], batch.num_rows - len(kept), strangers)

    def encode(self, batch: Batch, spelling: Spelling) -> Encoded:
        """Encode rows; a text longer than the model is cut off at its end and counted."""
        texts = _texts(batch, self.text)
        others = _texts(batch, self.pair) if self.pair is not None else None
        present = [
            at for at, text in enumerate(texts) if text is not None and (others is None or others[at] is not None)
        ]
        tokenizer = spelling.tokenizer
        firsts = tokenizer.texts([texts[at] or "" for at in present])
        truncated, unknown = np.zeros(len(texts), bool), np.zeros(len(texts), np.float32)
        made: list[list[int]] = []
        kinds: list[list[int]] = []
        if others is None:
            before, after = tokenizer.single
            room = spelling.max_length - len(before) - len(after)
            for at, ids in zip(present, firsts, strict=True):
                unknown[at] = _share(ids, tokenizer.unknown)
                truncated[at] = len(ids) > room
                made.append([*before, *ids[:room], *after])
        else:
            before, between, after, kind = tokenizer.pair
            room = spelling.max_length - len(before) - len(between) - len(after)
            seconds = tokenizer.texts([others[at] or "" for at in present])
            for at, ids, more in zip(present, firsts, seconds, strict=True):
                unknown[at] = _share([*ids, *more], tokenizer.unknown)
                truncated[at] = len(ids) + len(more) > room
                # The longer of the two gives way first.
                keep = max(room - len(more), min(len(ids), (room + 1) // 2)) if truncated[at] else len(ids)
                ids, more = ids[:keep], more[: max(0, room - min(keep, len(ids)))]
                made.append([*before, *ids, *between, *more, *after])
                kinds.append([0] * (len(before) + len(ids) + len(between)) + [kind] * (len(more) + len(after)))
        flat, starts = ragged(made)
        return Encoded(
            ids=flat,
            starts=starts,
            rows=np.array(present, np.int32),
            answers=np.arange(len(texts) + 1),
            kinds=ragged(kinds)[0].astype(np.uint8) if others is not None else None,
            truncated=truncated,
            unknown=unknown,
        )

    def decode(
        self, logits: Array, batch: Batch, encoded: Encoded, labels: Sequence[str], decision: Decision
    ) -> dict[str, pa.Array]:
        """Turn logits, one line a row, into columns; a row without text has no answer."""
        empty = np.ones(len(logits), bool)
        empty[encoded.rows] = False
        scores = decision.each(logits) if self.multi_label else decision.one_of(logits)
        scores = np.round(scores, 6)
        levels = decision.levels(labels)
        prediction: pa.Array
        if self.multi_label:
            yes = scores >= levels
            confidence = np.where(yes, scores, 1 - scores).min(axis=1, initial=1.0)
            mute = empty | decision.silent(confidence)
            named = np.array(labels, object)[np.nonzero(yes)[1]]
            prediction = lists(named, np.concatenate(([0], np.cumsum(yes.sum(axis=1)))), pa.string(), mute)
        else:
            best = (scores / levels).argmax(axis=1)
            confidence = scores[np.arange(len(scores)), best]
            mute = empty | decision.silent(confidence)
            prediction = pa.array(np.array(labels, object)[best], pa.string(), mask=mute)
        starts = np.arange(len(logits) + 1) * len(labels)
        return {
            "prediction": prediction,
            "confidence": pa.array(confidence.astype(np.float32), mask=empty),
            "scores": lists(scores.astype(np.float32).ravel(), starts, pa.float32(), empty),
            "logits": lists(logits.astype(np.float32).ravel(), starts, pa.float32(), empty),
        }

    def score(self, logits: Array, encoded: Encoded, labels: Sequence[str]) -> dict[str, float]:
        """Score logits against the targets."""
        assert encoded.targets is not None
        if self.multi_label:
            yes = logits >= 0
            return {
                "macro_f1": score.macro_f1_of_sets(yes, encoded.targets),
                "accuracy": float((yes == encoded.targets).all(axis=1).mean()) if len(yes) else 0.0,
            }
        best = logits.argmax(axis=1)
        return {
            "macro_f1": score.macro_f1(best, encoded.targets),
            "accuracy": score.accuracy(best, encoded.targets),
        }

    def _label_column(self, batch: Batch) -> pa.Array:
        values = column(batch, self.label, "lists of labels" if self.multi_label else "labels")
        is_list = pa.types.is_list(values.type) or pa.types.is_large_list(values.type)
        if self.multi_label and not is_list and not pa.types.is_null(values.type):
            raise DataError(
                f'column "{self.label}" holds {values.type}', where="train", wanted="lists, as multi_label says"
            )
        if is_list and not self.multi_label:
            raise DataError(f'column "{self.label}" holds lists', where="train", do="Set multi_label: true")
        if not is_list:
            return label_texts(values, self.label)
        texts = label_texts(values.flatten(), self.label)
        starts = np.concatenate(([0], np.cumsum(pc.fill_null(pc.list_value_length(values), 0).to_numpy())))
        return lists(np.array(texts.to_pylist(), object), starts, pa.string(), values.is_null().to_numpy(False))


def _flat(values: pa.Array) -> pa.Array:
    return values.flatten() if pa.types.is_list(values.type) else values


def _texts(batch: Batch, name: str) -> list[str | None]:
    values = column(batch, name, "text")
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type) or pa.types.is_null(values.type)):
        raise DataError(f'column "{name}" holds {values.type}', where="train", wanted="text")
    texts: list[str | None] = values.to_pylist()
    return texts


def _share(ids: Sequence[int], unknown: int | None) -> float:
    return ids.count(unknown) / len(ids) if ids and unknown is not None else 0.0


def _with_targets(encoded: Encoded, targets: Array) -> Encoded:
    import dataclasses

    return dataclasses.replace(encoded, targets=targets)
