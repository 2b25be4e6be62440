"""Decide and measure where a row has any number of labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tilth.core.batch import ID
from tilth.measure import baselines, calibration, thresholds
from tilth.measure.counts import Counts
from tilth.measure.evaluation import Evaluation
from tilth.measure.labels import indicator
from tilth.measure.multilabel import multilabel_counts
from tilth.measure.probabilities import sigmoid
from tilth.measure.worst import worst_multilabel
from tilth.run.answers import Answers, excerpt
from tilth.run.exams._exam import Exam, lists

METRIC = "micro_f1"
HEADLINE = ("micro_f1", "macro_f1", "samples_f1", "accuracy")


@dataclass(frozen=True, kw_only=True)
class Labels(Exam):
    """Any number of labels a row."""

    metric = METRIC

    def decide(self, valid: Answers) -> tuple[dict[str, Any], dict[str, Any]]:
        """Fit one threshold a label on validation rows, where the recipe asks for it."""
        if self.options.thresholds != "f1" or not len(valid):
            return {}, {}
        fitted = thresholds.fit_thresholds(sigmoid(valid.logits()), self._flags(valid), self.labels)
        # The decision takes thresholds strictly inside (0, 1).
        values = {name: min(max(value, 1e-6), 1 - 1e-6) for name, value in zip(self.labels, fitted.values, strict=True)}
        return {"thresholds": values}, {"thresholds": fitted.to_json()}

    def measure(self, test: Answers, decision: dict[str, Any]) -> dict[str, Any]:
        """Return what the test rows say, as the report's evaluation reads it."""
        truth, told = lists(test, test.truth), lists(test, "prediction")
        fold = Evaluation(
            kind="labels", truth="truth", predicted="told", replicates=self.options.bootstrap, seed=self.seed
        )
        kind = pa.list_(pa.string())
        batch = pa.RecordBatch.from_pydict({ID: test.ids, "truth": pa.array(truth, kind), "told": pa.array(told, kind)})
        said = fold.finish(fold.observe(batch)).to_json()
        flags, shares = self._flags(test), sigmoid(test.logits())
        answers = indicator(told, self.labels)
        texts = dict(zip(test.ids, test.column(test.text).to_pylist(), strict=True))
        wrong = worst_multilabel(test.ids, flags, shares, answers, self.labels, most=self.options.worst)
        result: dict[str, Any] = {
            "rows": len(test),
            "headline": [{"name": name, **said["intervals"][name]} for name in HEADLINE],
            "report": said["report"],
            "intervals": said["intervals"],
            "calibration": {
                "before": calibration.multilabel_calibration(shares, flags, self.labels).to_json(),
                "after": calibration.multilabel_calibration(shares, flags, self.labels).to_json(),
                "temperature": 1.0,
            },
            "errors": [{**one.to_json(), "text": excerpt(texts[one.id])} for one in wrong],
        }
        return result | self.slices(test)

    def against(self, train: pa.Table, test: Answers) -> list[dict[str, Any]]:
        """Fit the plain baselines on train rows and compare them with the model on the same test rows."""
        texts = [str(text or "") for text in train.column(test.text).to_pylist()]
        truth = indicator(_known(train.column(test.truth).to_pylist(), self.labels), self.labels)
        wanted = [str(text or "") for text in test.column(test.text).to_pylist()]
        lines = []
        for name, model in (
            ("most frequent set", baselines.majority_set(truth)),
            ("TF-IDF + linear", baselines.linear_text_set(texts, truth, seed=self.seed)),
        ):
            theirs = multilabel_counts(test.ids, self._flags(test), model.predict(wanted), self.labels)
            metrics = {metric: theirs.value(metric) for metric in HEADLINE}
            lines.append(self.line(name, metrics, theirs, test))
        return lines

    def counts(self, test: Answers) -> Counts:
        """Return what each row adds to the metrics."""
        told = indicator(lists(test, "prediction"), self.labels)
        return multilabel_counts(test.ids, self._flags(test), told, self.labels)

    def _flags(self, answers: Answers) -> NDArray[np.bool_]:
        return indicator(_known(lists(answers, answers.truth), self.labels), self.labels)


def _known(rows: list[list[str]], labels: tuple[str, ...]) -> list[list[str]]:
    wanted = set(labels)
    return [[label for label in row or [] if label in wanted] for row in rows]
