"""Decide and measure where a row has one label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tilth.core.batch import ID
from tilth.core.errors import DataError
from tilth.measure import abstain, baselines, calibration, confusion, temperature
from tilth.measure.classification import label_counts
from tilth.measure.counts import Counts
from tilth.measure.evaluation import Evaluation
from tilth.measure.probabilities import softmax
from tilth.measure.worst import worst
from tilth.run.answers import Answers, excerpt
from tilth.run.exams._exam import Exam

METRIC = "accuracy"
HEADLINE = ("accuracy", "macro_f1", "weighted_f1")


@dataclass(frozen=True, kw_only=True)
class Label(Exam):
    """One label a row."""

    metric = METRIC

    def decide(self, valid: Answers) -> tuple[dict[str, Any], dict[str, Any]]:
        """Fit temperature and abstention on validation rows; returns (decision, what to tell of it)."""
        codes, known = self._codes(valid)
        logits = valid.logits()[known]
        decision: dict[str, Any] = {}
        told: dict[str, Any] = {}
        if self.options.calibrate and len(codes) and len(self.labels) > 1:
            fitted = temperature.fit_temperature(logits, codes)
            decision["temperature"] = fitted.temperature
            told["temperature"] = fitted.to_json()
        if self.options.thresholds == "cost" and len(codes):
            shares = softmax(logits / decision.get("temperature", 1.0))
            chosen = abstain.fit_abstention(
                shares.max(axis=1),
                shares.argmax(axis=1) == codes,
                error=self.options.cost_error,
                abstain=self.options.cost_abstain,
            )
            decision["abstain_below"] = min(chosen.threshold, 1.0)
            told["abstention"] = chosen.to_json()
        return decision, told

    def measure(self, test: Answers, decision: dict[str, Any]) -> dict[str, Any]:
        """Return what the test rows say, as the report's evaluation reads it."""
        found = self._evaluation(test)
        said = found.to_json()
        codes, known = self._codes(test)
        logits = test.logits()
        before, after = softmax(logits), softmax(logits / decision.get("temperature", 1.0))
        right = np.zeros(len(test), dtype=bool)
        right[known] = after[known].argmax(axis=1) == codes
        result: dict[str, Any] = {
            "rows": len(test),
            "headline": [{"name": name, **said["intervals"][name]} for name in HEADLINE],
            "report": said["report"],
            "intervals": said["intervals"],
            "confusion": confusion.confusion(self._truth(test), self._told(test)).to_json(),
            "risk_coverage": abstain.risk_coverage(after.max(axis=1), right).to_json(),
        }
        if len(codes):
            result["calibration"] = {
                "before": calibration.calibration(before[known], codes, self.labels).to_json(),
                "after": calibration.calibration(after[known], codes, self.labels).to_json(),
                "temperature": decision.get("temperature", 1.0),
            }
            ids = [name for name, is_known in zip(test.ids, known, strict=True) if is_known]
            wrong = worst(ids, codes, after[known], self.labels, most=self.options.worst)
            texts = dict(zip(test.ids, test.column(test.text).to_pylist(), strict=True))
            result["errors"] = [{**one.to_json(), "text": excerpt(texts[one.id])} for one in wrong]
        if "abstain_below" in decision:
            sure = after.max(axis=1) >= decision["abstain_below"]
            result["headline"] += [
                {"name": "answered", "value": float(sure.mean()), "low": None, "high": None},
                {"name": "accuracy where answered", "value": float(right[sure].mean()) if sure.any() else None},
            ]
        return result | self.slices(test)

    def against(self, train: pa.Table, test: Answers) -> list[dict[str, Any]]:
        """Fit the plain baselines on train rows and compare them with the model on the same test rows."""
        texts = [str(text or "") for text in train.column(test.text).to_pylist()]
        truth = _words(train.column(test.truth))
        wanted = [str(text or "") for text in test.column(test.text).to_pylist()]
        lines = []
        for name, model in (
            ("majority class", baselines.majority(truth)),
            ("TF-IDF + linear", baselines.linear_text(texts, truth, seed=self.seed)),
        ):
            theirs = label_counts(test.ids, self._truth(test), model.predict(wanted))
            metrics = {metric: theirs.value(metric) for metric in HEADLINE}
            lines.append(self.line(name, metrics, theirs, test))
        return lines

    def counts(self, test: Answers) -> Counts:
        """Return what each row adds to the metrics."""
        return label_counts(test.ids, self._truth(test), self._told(test))

    def _evaluation(self, test: Answers) -> Any:
        fold = Evaluation(
            kind="label", truth="truth", predicted="told", replicates=self.options.bootstrap, seed=self.seed
        )
        batch = pa.RecordBatch.from_pydict(
            {ID: test.ids, "truth": self._truth(test), "told": pa.array(self._told(test), pa.string())}
        )
        return fold.finish(fold.observe(batch))

    def _truth(self, answers: Answers) -> list[str]:
        return _words(answers.column(answers.truth))

    def _told(self, answers: Answers) -> list[str]:
        """Return the most probable label, also where the decision is to say nothing: abstention is told apart."""
        return [self.labels[number] for number in answers.logits().argmax(axis=1)] if len(answers) else []

    def _codes(self, answers: Answers) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return label numbers, and which rows have a label that the model knows."""
        if not len(answers):
            return np.zeros(0, np.int64), np.zeros(0, np.bool_)
        place = {label: number for number, label in enumerate(self.labels)}
        numbers = np.array([place.get(label, -1) for label in self._truth(answers)])
        known = numbers >= 0
        return numbers[known], known


def _words(column: Any) -> list[str]:
    values = column.to_pylist()
    if any(isinstance(value, list) for value in values):
        raise DataError("a row has a list of labels", wanted="one label", do="Set `multi_label: true` under train.")
    return [value if isinstance(value, str) else _word(value) for value in values]


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
