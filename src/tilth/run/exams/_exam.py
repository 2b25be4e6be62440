"""Share what every kind of exam does: intervals, slices, and the line of a baseline."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa

from tilth.measure.bootstrap import Bootstrap, paired_difference
from tilth.measure.counts import Counts
from tilth.measure.slices import slices
from tilth.recipe.sections import Evaluate
from tilth.run.answers import Answers


@dataclass(frozen=True, kw_only=True)
class Exam(abc.ABC):
    """What to measure, and how."""

    options: Evaluate
    labels: tuple[str, ...]
    """In the order of the model's scores."""
    seed: int = 0

    metric: ClassVar[str]
    """The one figure that intervals, slices and seeds are about."""

    @abc.abstractmethod
    def decide(self, valid: Answers) -> tuple[dict[str, Any], dict[str, Any]]:
        """Fit what turns scores into an answer, on validation rows; returns (decision, what to tell of it)."""

    @abc.abstractmethod
    def measure(self, test: Answers, decision: dict[str, Any]) -> dict[str, Any]:
        """Return what the test rows say, as the report's evaluation reads it."""

    @abc.abstractmethod
    def against(self, train: pa.Table, test: Answers) -> list[dict[str, Any]]:
        """Fit the plain baselines on train rows and compare them with the model on the same test rows."""

    @abc.abstractmethod
    def counts(self, test: Answers) -> Counts:
        """Return what each row adds to the metrics."""

    def bootstrap(self) -> Bootstrap:
        """Return how intervals are drawn."""
        return Bootstrap(replicates=max(self.options.bootstrap, 1), seed=self.seed)

    def slices(self, test: Answers) -> dict[str, Any]:
        """Measure the figure for each value of the columns that the recipe names."""
        present = {name: test.column(name) for name in self.options.slices if name in test.table.schema.names}
        if not present:
            return {}
        cut = slices(self.counts(test), present, self.metric, how=self.bootstrap())
        return {"slices": [one.to_json() for one in cut.slices]}

    def line(self, name: str, metrics: dict[str, float], theirs: Counts, test: Answers) -> dict[str, Any]:
        """Return a baseline's figures, and how the model differs from it on the same rows."""
        line: dict[str, Any] = {"name": name, "metrics": metrics}
        if self.options.bootstrap:
            line["difference"] = paired_difference(self.counts(test), theirs, self.metric, self.bootstrap()).to_json()
        return line


def lists(answers: Answers, name: str) -> list[list[str]]:
    """Return a column of lists as words; null is no word."""
    return [[str(word) for word in row or []] for row in answers.column(name).to_pylist()]
