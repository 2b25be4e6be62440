"""Answer raw rows as the run does: the fitted operators in order, then the model, which decides."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from tilth.bytes.cache import Cache, Statistics
from tilth.core.batch import ID, Batch, with_column
from tilth.core.errors import ModelError, Stopped, TilthError
from tilth.serve import _answers, _chain
from tilth.serve._answers import Answer
from tilth.serve._kept import Kept
from tilth.serve._rows import Inputs, is_list
from tilth.serve.bundle import Bundle

MICRO_BATCH = 32
"""How many rows go through the operators and the model at once, whatever the size of the request."""


class Predictor:
    """Answer rows; safe to call from several threads.

    With a cache, a row that was answered before gets the same answer, to the byte, without being worked on. Raises
    `ModelError` at once when the operators and the model do not fit what a raw row holds: the operators are run on an
    empty batch first.
    """

    def __init__(self, bundle: Bundle, *, cache: Cache | None = None) -> None:
        self.bundle = bundle
        self._kept = Kept(cache, bundle) if cache is not None and cache.kept else None
        self._links = _chain.links(bundle.refine)
        # Tokenizers and models keep state while they work; operators may make theirs at first use.
        self._lock = threading.Lock()
        self.inputs = Inputs.of(bundle.signature.inputs)
        self._rehearse(self.inputs, bundle.model.signature.inputs)
        self.running: Inputs | None = self._running_text()
        """What a row may hold instead: running text, where the model tags words and cuts text into words itself."""

    def predict(
        self, rows: Sequence[Mapping[str, Any] | str], *, stop: Callable[[], bool] = lambda: False
    ) -> list[Answer]:
        """Return one answer a row, in the order of the rows; a string stands for `{"text": string}`.

        A model that tags words takes `tokens` or `text`, each row by itself.

        An answer has a `status`, and by it:

        - ok: `prediction`, `confidence`, `scores` by label; for tags `entities` too, and `tokens` where text was sent;
          `truncated` where the row is longer than the model reads
        - abstained: the same with a null `prediction`, and a `reason`
        - dropped: `operator`, `rule`, `value`, `threshold`
        - failed: `operator`, `reason`

        Raises `DataError` when a row is not what the signature says, and `Stopped` when `stop` says so between two
        micro-batches.
        """
        if self.running is None or not is_list(rows):
            return self._answered(self.inputs.batch(rows), stop)
        running = [isinstance(row, str) or self._is_running(row) for row in rows]
        texts = self.running.batch(rows, running)
        words = self.inputs.batch(rows, [not one for one in running])
        parts = {True: iter(self._answered(texts, stop)), False: iter(self._answered(words, stop))}
        return [next(parts[one]) for one in running]

    def predict_batch(self, batch: Batch) -> Batch:
        """Return the batch with the answers as columns, one row for each row, in the same order.

        The columns are `status`, what the model gives (`prediction`, `confidence`, `scores`, `entities`, `truncated`),
        `operator`, `rule`, `value`, `threshold` and `reason`. They replace columns of the same names.
        """
        inputs = self.running if self.running and self._is_running(batch.schema.names) else self.inputs
        answers = self._answered(inputs.select(batch), lambda: False)
        for field in _answers.columns(self.bundle.signature.outputs):
            batch = with_column(batch, field.name, [answer.get(field.name) for answer in answers], field.type)
        return batch

    @property
    def forms(self) -> Sequence[Inputs]:
        """What a row may hold: one of these."""
        return [self.inputs, *([self.running] if self.running else [])]

    def unknown(self, rows: Sequence[Mapping[str, Any] | str]) -> list[str]:
        """List the fields that rows have and the model does not read."""
        return sorted(set(self.inputs.unknown(rows)) - {field.name for field in (self.running or self.inputs).fields})

    @property
    def cached(self) -> Statistics | None:
        """What came of looking answers up; None without a cache."""
        return self._kept.statistics if self._kept is not None else None

    def _answered(self, batch: Batch, stop: Callable[[], bool]) -> list[Answer]:
        if self._kept is None or not batch.num_rows:
            return self._worked_out(batch, stop)
        keys, known = self._kept.known(batch)
        due = [row for row in range(batch.num_rows) if row not in known]
        if due:
            fresh = self._worked_out(batch.take(pa.array(due, pa.int64())), stop)
            self._kept.keep([keys[row] for row in due], fresh)
            known |= dict(zip(due, fresh, strict=True))
        return [known[row] for row in range(batch.num_rows)]

    def _worked_out(self, batch: Batch, stop: Callable[[], bool]) -> list[Answer]:
        answers: list[Answer] = []
        for start in range(0, batch.num_rows, MICRO_BATCH):
            if stop():
                raise Stopped("nobody waits for the answer any more")
            with self._lock:
                answers += self._micro(batch.slice(start, MICRO_BATCH))
        return answers

    def _micro(self, batch: Batch) -> list[Answer]:
        model = self.bundle.model
        kept, settled = _chain.through(batch, self._links)
        kept, nulls = _chain.without_nulls(kept, self._read(kept.schema.names))
        told, failed = _chain.modelled(kept, model)
        settled |= nulls | failed
        if told.num_rows:
            settled |= _answers.read(told, kept.schema.names, model.signature.outputs, self.bundle.labels)
        return [settled[id] for id in batch.column(ID).to_pylist()]

    def _read(self, names: Sequence[str]) -> Iterable[str]:
        inputs = self.bundle.model.signature.inputs
        return inputs if set(inputs) <= set(names) else _TEXT

    def _is_running(self, fields: Any) -> bool:
        words = self.inputs.fields[0].name
        return isinstance(fields, (Mapping, list)) and words not in fields and "text" in fields

    def _running_text(self) -> Inputs | None:
        """Return what a row of running text holds, where the task is to tag words and the operators take text too."""
        only_words = [str(field.type) for field in self.inputs.fields] == ["list<item: string>"]
        if self.bundle.task != "token_classification" or not only_words:
            return None
        running = Inputs.of(_TEXT)
        try:
            self._rehearse(running, _TEXT)
        except ModelError:
            return None
        return running

    def _rehearse(self, inputs: Inputs, needed: Iterable[str]) -> None:
        where = f"{self.bundle.name} {self.bundle.version}"
        rows = inputs.batch([])
        for name, operator in self._links:
            try:
                rows = _chain.rehearse(rows, operator)
            except TilthError as error:
                raise ModelError(f"{name} does not fit the signature's inputs: {error}", where=where) from error
            except Exception as error:
                raise ModelError(f"{name} fails without rows: {type(error).__name__}", where=where) from error
        for name in needed:
            if name not in rows.schema.names:
                raise ModelError(
                    f'nothing makes the column "{name}", which the model reads',
                    where=where,
                    wanted="in the signature's inputs, or made by an operator",
                )


_TEXT = {"text": "string"}
