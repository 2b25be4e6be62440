"""Hold what a report tells about one run: plain values that `run/` fills, the page reads and a later run compares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from tilth.report import plain

Json: TypeAlias = Mapping[str, Any]
"""A mapping of strings to JSON values."""
Table: TypeAlias = tuple[Json, ...]
"""Lines of a table: mappings of strings to JSON values."""


@dataclass(frozen=True, kw_only=True)
class StageLine:
    """One stage of the run, in the order in which it ran."""

    name: str
    seconds: float = 0.0
    status: str = "done"
    """`done` or `skipped`."""
    why: str = ""
    """Why it was skipped, such as `nothing changed`."""


@dataclass(frozen=True, kw_only=True)
class SourceLine:
    """One source, and how well it could be read."""

    name: str
    kind: str = ""
    """The connector: `files`, `sql` ..."""
    licence: str | None = None
    rows: int = 0
    """Rows that were read."""
    rejected: int = 0
    """Records that could not be read."""
    notes: tuple[str, ...] = ()
    """What the reader did that a person should know, such as `tickets.csv: read as gb18030`."""


@dataclass(frozen=True, kw_only=True)
class ExampleLine:
    """One row that a step changed, dropped or made."""

    id: str
    fate: str = "dropped"
    """`changed`, `dropped`, `failed`, `expanded` or `grown`."""
    before: str | None = None
    """An excerpt of the row as it came."""
    after: str | None = None
    """An excerpt of the row as it left; None for a row that was dropped."""
    rule: str = ""
    """The rule that dropped it, or why it failed."""
    value: float | None = None
    threshold: float | None = None
    other_id: str | None = None
    """The row that stays in this one's place."""
    column: str = ""


@dataclass(frozen=True, kw_only=True)
class StepLine:
    """One step on the rows' way. rows_in + expanded + grown = kept + dropped + failed."""

    place: str
    """Where the recipe says it, such as `refine[2]`."""
    operator: str
    options: str = ""
    """Its options in a few words, such as `min_words=3`."""
    rows_in: int = 0
    kept: int = 0
    """Rows that go on to the next step."""
    dropped: int = 0
    changed: int = 0
    """How many of the kept rows read differently."""
    failed: int = 0
    expanded: int = 0
    """Rows that came of rows, less those rows; negative when a step makes one row of many."""
    grown: int = 0
    by_rule: Mapping[str, int] = field(default_factory=dict)
    """How many rows each rule dropped."""
    examples: tuple[ExampleLine, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SplitLine:
    """How the kept rows fall into train, valid and test."""

    counts: Mapping[str, int] = field(default_factory=dict)
    """Rows by split."""
    labels: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Rows by label, then by split."""
    clusters: int | None = None
    """How many groups (customers, clusters of duplicates) were assigned as one."""
    straddling: int = 0
    """Train rows that left because they joined a group of test rows."""
    how: str = ""
    """How rows were assigned, such as `seeded hash of customer_id`."""


@dataclass(frozen=True, kw_only=True)
class SinkLine:
    """One sink, and what it holds now."""

    place: str
    """Where the recipe says it, such as `store[0]`."""
    kind: str
    """The connector: `delta`, `sql_table` ..."""
    where: str = ""
    """Where the rows are, without secrets."""
    rows: int = 0
    version: int = 0
    status: str = "stored"
    """`stored`, or `unchanged` where it had these rows already."""


@dataclass(frozen=True, kw_only=True)
class Training:
    """How a learner learned."""

    learner: str
    backbone: str = ""
    history: Table = ()
    """One mapping a report of the learner: `step`, and any of `epoch`, `loss`, `valid_loss`, `lr`, `metric`, `value`,
    `best` (true for the checkpoint that was kept); a metric may also stand under its own name."""
    facts: Json = field(default_factory=dict)
    """Seconds, tokens, device and the like; `metric` and `best_step` say which metric chose which checkpoint."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What the test rows say. Each table is what a result of the measure room says of itself (`to_json`)."""

    rows: int | None = None
    """How many test rows."""
    headline: Table = ()
    """`name` beside an `Interval`: `value`, `low`, `high`, `level`. The first is the one figure."""
    baselines: Table = ()
    """`name`; `metrics`: by metric name an `Interval` or a number; and, where it was measured on the same rows,
    `difference`: a `Difference` of the one figure (`ours`, `difference`: an `Interval`)."""
    report: Json | None = None
    """A `ClassificationReport`: `classes` (a list of `name`, `precision`, `recall`, `f1`, `support`), the averages
    `micro`, `macro`, `weighted` and `samples`, and `accuracy`."""
    intervals: Json | None = None
    """By metric an `Interval`; the F1 of a class or an entity type is called `f1:NAME`."""
    confusion: Json | None = None
    """A `Confusion`: `labels`, and `rows`: for each true label a list of counts, one for each predicted label."""
    tagging: Json | None = None
    """A `TaggingReport`: the reports `tokens`, `tokens_without_o` and `entities`."""
    calibration: Json | None = None
    """`before` and `after`: each a `Calibration` (`ece`, `brier`, `nll`, `reliability`); `temperature`: a number."""
    risk_coverage: Json | None = None
    """A `RiskCoverage`: `points` (a list of `threshold`, `coverage`, `accuracy`) and `area`."""
    abstention: Json | None = None
    """An `Abstention`, chosen on validation rows: `threshold`, `coverage`, `accuracy`."""
    thresholds: Json | None = None
    """The `Thresholds` of a multi-label model: `labels`, `values` and `unfitted`."""
    slices: Table = ()
    """A `Slice` each, by the one figure: `column`, `value`, `support`, `metric` (an `Interval`), `judged`, `worse`."""
    errors: Table = ()
    """The worst errors: a `Mistake`, `MultilabelMistake` or `TaggingMistake` each, and `text`: what the row says."""
    seeds: Json | None = None
    """By metric an `OverSeeds`: `mean` (an `Interval`), `sd`, `values`."""
    truncated: float | None = None
    """The share of test rows that were cut to the model's length."""
    unknown: float | None = None
    """The share of tokens that the model's vocabulary does not hold."""
    test_looks: int = 1
    """How often the test rows were opened."""


@dataclass(frozen=True, kw_only=True)
class CaughtLine:
    """Planted faults of one kind, and how many of them the recipe found."""

    kind: str
    planted: int
    caught: int
    missed: int
    false_alarms: int = 0


@dataclass(frozen=True, kw_only=True)
class Summary:
    """One run, from what came in to what came out.

    >>> summary = Summary(run="r1", name="demo", accounts={"rows_in": 3, "kept": 2, "dropped": 1})
    >>> Summary.from_json(summary.to_json()) == summary
    True
    """

    run: str
    name: str
    recipe_path: str = ""
    started: str = ""
    """When the run began: ISO 8601, with its zone."""
    seconds: float = 0.0
    sample: int | None = None
    """How many rows a `--sample` run took of each source; None for a full run."""
    task: str = ""
    stages: tuple[StageLine, ...] = ()
    sources: tuple[SourceLine, ...] = ()
    steps: tuple[StepLine, ...] = ()
    """In the order in which rows meet them."""
    sinks: tuple[SinkLine, ...] = ()
    split: SplitLine | None = None
    training: Training | None = None
    evaluation: Evaluation | None = None
    warnings: tuple[str, ...] = ()
    versions: Json = field(default_factory=dict)
    """The committed versions: `data`, `model`."""
    facts: Json = field(default_factory=dict)
    """What a person needs to get the same again: seeds, fingerprints, package versions."""
    accounts: Mapping[str, int] = field(default_factory=dict)
    """rows_in + expanded + grown = kept + dropped + failed. A record that could not be read came in, and failed."""
    caught: tuple[CaughtLine, ...] = ()
    """What was planted in the data on purpose and found; a demo has one."""
    again: str = ""
    """The command that repeats the run."""
    serve: str = ""
    """The command that serves the model."""
    report: str = ""
    """Where the report lies."""
    model: str = ""
    """Where the model lies."""

    def to_json(self) -> dict[str, Any]:
        """Return JSON values only; a number that is not finite becomes None."""
        return plain.fields(self)

    @classmethod
    def from_json(cls, value: Json) -> Summary:
        """Read what `to_json` gave; keys that this version does not know are passed over.

        Raises `DataError` when a key that must be there is missing or has the wrong shape.
        """
        return plain.build(cls, value, "summary")
