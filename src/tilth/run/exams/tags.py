"""Decide and measure where each token of a row has a tag."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from tilth.core.batch import ID
from tilth.measure import calibration, tag_baselines, temperature
from tilth.measure.counts import Counts
from tilth.measure.evaluation import Evaluation
from tilth.measure.probabilities import softmax
from tilth.measure.tagging import entity_counts, token_counts
from tilth.measure.worst import worst_tagging
from tilth.run.answers import Answers, excerpt
from tilth.run.exams._exam import Exam, lists

METRIC = "micro_f1"
ENTITIES = "entity F1"
TOKENS = "token accuracy (micro F1, O included)"
MACRO = "token macro F1 (O included)"


@dataclass(frozen=True, kw_only=True)
class Tags(Exam):
    """One BIO tag a token; the headline is the F1 of whole entities."""

    metric = METRIC

    def decide(self, valid: Answers) -> tuple[dict[str, Any], dict[str, Any]]:
        """Fit the temperature on the tokens of validation rows."""
        if not self.options.calibrate or not len(valid):
            return {}, {}
        codes, known = self._codes(valid)
        fitted = temperature.fit_temperature(valid.logits()[known], codes[known])
        return {"temperature": fitted.temperature}, {"temperature": fitted.to_json()}

    def measure(self, test: Answers, decision: dict[str, Any]) -> dict[str, Any]:
        """Return what the test rows say, as the report's evaluation reads it."""
        truth, told = lists(test, test.truth), lists(test, "prediction")
        fold = Evaluation(
            kind="tags", truth="truth", predicted="told", replicates=self.options.bootstrap, seed=self.seed
        )
        kind = pa.list_(pa.string())
        batch = pa.RecordBatch.from_pydict({ID: test.ids, "truth": pa.array(truth, kind), "told": pa.array(told, kind)})
        said = fold.finish(fold.observe(batch)).to_json()
        codes, known = self._codes(test)
        logits = test.logits()[known]
        after = softmax(logits / decision.get("temperature", 1.0))
        tagging = said["report"]
        texts = dict(zip(test.ids, test.column(test.text).to_pylist(), strict=True))
        wrong = worst_tagging(test.ids, truth, told, most=self.options.worst)
        headline = [
            {"name": ENTITIES, **said["intervals"]["micro_f1"]},
            {"name": TOKENS, **said["intervals"]["accuracy"]},
            {
                "name": MACRO,
                "value": tagging["tokens"]["macro"]["f1"],
                "low": None,
                "high": None,
            },
        ]
        result: dict[str, Any] = {
            "rows": len(test),
            "headline": headline,
            "tagging": tagging,
            "intervals": said["intervals"],
            "calibration": {
                "before": calibration.calibration(softmax(logits), codes[known], self.labels).to_json(),
                "after": calibration.calibration(after, codes[known], self.labels).to_json(),
                "temperature": decision.get("temperature", 1.0),
            },
            "errors": [{**one.to_json(), "text": excerpt(texts[one.id])} for one in wrong],
        }
        return result | self.slices(test)

    def against(self, train: pa.Table, test: Answers) -> list[dict[str, Any]]:
        """Fit the plain baselines on train rows and compare them with the model on the same test rows."""
        rows = [list(map(str, row or [])) for row in train.column(test.text).to_pylist()]
        tags = [list(map(str, row or [])) for row in train.column(test.truth).to_pylist()]
        wanted = lists(test, test.text)
        truth = lists(test, test.truth)
        lines = []
        for name, model in (
            ("always O", tag_baselines.AlwaysO()),
            ("most frequent tag a word", tag_baselines.frequent_tag(rows, tags)),
            ("linear tagger", tag_baselines.linear_tagger(rows, tags, seed=self.seed)),
        ):
            found = model.predict(wanted)
            theirs, tokens = entity_counts(test.ids, truth, found), token_counts(test.ids, truth, found)
            metrics = {
                ENTITIES: theirs.value("micro_f1"),
                TOKENS: tokens.value("accuracy"),
                MACRO: tokens.value("macro_f1"),
            }
            lines.append(self.line(name, metrics, theirs, test))
        return lines

    def counts(self, test: Answers) -> Counts:
        """Return what each row adds to the entity metrics."""
        return entity_counts(test.ids, lists(test, test.truth), lists(test, "prediction"))

    def _codes(self, answers: Answers) -> tuple[Any, Any]:
        place = {label: number for number, label in enumerate(self.labels)}
        flat = [tag for row in lists(answers, answers.truth) for tag in row]
        codes = np.array([place.get(tag, -1) for tag in flat])
        return codes, codes >= 0
