"""Answer raw rows as the run does: the fitted operators in order, then the model, then the decision."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from tilth.core.batch import Batch, with_column
from tilth.core.errors import ModelError, Stopped, TilthError
from tilth.serve import _chain
from tilth.serve._answers import Answer, Reader, columns
from tilth.serve._rows import Inputs
from tilth.serve.bundle import Bundle

MICRO_BATCH = 32
"""How many rows go through the operators and the model at once, whatever the size of the request."""


class Predictor:
    """Answer rows; safe to call from several threads.

    Raises `ModelError` at once when the operators and the model do not fit what a raw row holds: the operators are run
    on an empty batch first.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.inputs = Inputs.of(bundle.signature.inputs)
        self._reader = Reader.of(bundle.signature, bundle.labels, bundle.decision)
        self._links = _chain.links(bundle.refine)
        # Tokenizers and models keep state while they work; operators may make theirs at first use.
        self._lock = threading.Lock()
        self._rehearse()

    def predict(
        self, rows: Sequence[Mapping[str, Any] | str], *, stop: Callable[[], bool] = lambda: False
    ) -> list[Answer]:
        """Return one answer a row, in the order of the rows; a string stands for `{"text": string}`.

        An answer has a `status`, and by it:

        - ok: `prediction`, `confidence`, `scores` by label; or `entities`
        - abstained: `prediction` null, `confidence`, `scores`, `reason`
        - dropped: `operator`, `rule`, `value`, `threshold`
        - failed: `operator`, `reason`

        Raises `DataError` when a row is not what the signature says, and `Stopped` when `stop` says so between two
        micro-batches.
        """
        return self._answers(self.inputs.batch(rows), stop)

    def predict_batch(self, batch: Batch) -> Batch:
        """Return the batch with the answers as columns, one row for each row, in the same order.

        The columns are `status`, `prediction`, `confidence`, `scores`, `entities`, `operator`, `rule`, `value`,
        `threshold`, `reason`; a column of the batch that has one of these names is replaced.
        """
        answers = self._answers(self.inputs.select(batch), lambda: False)
        for field in columns(many=self._reader.many):
            batch = with_column(batch, field.name, [answer.get(field.name) for answer in answers], field.type)
        return batch

    def unknown(self, rows: Sequence[Mapping[str, Any] | str]) -> list[str]:
        """List the fields that rows have and the model does not read."""
        return self.inputs.unknown(rows)

    def _answers(self, batch: Batch, stop: Callable[[], bool]) -> list[Answer]:
        answers: list[Answer] = []
        for start in range(0, batch.num_rows, MICRO_BATCH):
            if stop():
                raise Stopped("nobody waits for the answer any more")
            with self._lock:
                answers += self._micro(batch.slice(start, MICRO_BATCH))
        return answers

    def _micro(self, batch: Batch) -> list[Answer]:
        kept, settled = _chain.through(batch, self._links)
        kept, nulls = _chain.without_nulls(kept, self.bundle.model.signature.inputs)
        settled |= nulls
        if kept.num_rows:
            told, failed = _chain.modelled(kept, self.bundle.model)
            settled |= failed
            settled |= self._reader.answers(told)
        return [settled[id] for id in batch.column("_id").to_pylist()]

    def _rehearse(self) -> None:
        empty = self.inputs.select(pa.RecordBatch.from_pylist([], schema=self.inputs.schema))
        try:
            for link in self._links:
                empty = link.rehearse(empty)
            missing = [name for name in self.bundle.model.signature.inputs if name not in empty.schema.names]
        except TilthError as error:
            raise ModelError(f"the bundle does not fit its own signature: {error}", where=self._where) from error
        except Exception as error:
            raise ModelError(
                f"{link.name} fails on an empty batch: {type(error).__name__}: {error}", where=self._where
            ) from error
        if missing:
            raise ModelError(
                f'nothing makes the column "{missing[0]}", which the model reads',
                where=self._where,
                wanted="in the signature's inputs, or made by an operator",
            )

    @property
    def _where(self) -> str:
        return f"{self.bundle.name} {self.bundle.version}"
