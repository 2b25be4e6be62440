"""Name the options of the sections that are not lists of parts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tilth.core.errors import RecipeError

CACHES = ("none", "disk", "redis", "rediss", "memcached", "env")
_MASTER = re.compile(r"(local(\[[\d*,]+\])?|local-cluster\[[\d,]+\]|yarn|(spark|k8s)://\S+)\Z")
CACHE_FORMS = "none, disk, redis://…, rediss://…, memcached://… or env:NAME"


@dataclass(frozen=True, kw_only=True)
class Split:
    """Assign rows to train, valid and test, once and for good."""

    test: float = 0.2
    """The share of rows for the test, opened once."""
    valid: float = 0.1
    """The share of rows for validation: early stopping, calibration, thresholds."""
    by: Literal["auto", "hash", "stratified", "time", "given"] = "auto"
    """hash: at random, seeded; stratified: the same shares in each label; time: the newest rows are the test; given:
    by the sources' `split:`; auto: given where a source says so, else stratified where there is one label a row."""
    group: str | None = None
    """A column whose equal values stay together, such as a customer."""
    time: str | None = None
    """The column to order by, for `by: time`."""
    duplicates: Literal["near", "exact", "none"] = "near"
    """What keeps rows together even where the recipe drops no duplicates."""
    straddle: Literal["drop", "keep"] = "drop"
    """What happens to a train row that repeats a row of another split: it leaves, or (published benchmarks) stays."""
    seed: int = 0
    """Another seed gives another split; rows that have a split keep it."""

    def __post_init__(self) -> None:
        """Refuse a seed that the hash has no room for."""
        if not -(2**63) <= self.seed < 2**63:
            raise _wrong("split.seed", self.seed, "a whole number of 64 bits")


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """Measure the model on validation rows, decide, then open the test once."""

    bootstrap: int = 1000
    """Resamples for the confidence intervals; 0 leaves them out."""
    seeds: int = 1
    """Train this many times with following seeds and report the spread; the first seed's model is kept."""
    slices: tuple[str, ...] = ()
    """Columns to look at apart, such as language or channel."""
    baselines: bool = True
    """Fit the plain baselines beside the model: majority, TF-IDF + linear (for tags: a dictionary)."""
    calibrate: bool = True
    """Fit a temperature on the validation rows."""
    thresholds: Literal["none", "f1", "cost"] = "none"
    """f1: one threshold a label (multi-label); cost: abstain where that is cheaper than being wrong."""
    cost_error: float = 1.0
    """What a wrong answer costs, for `thresholds: cost`."""
    cost_abstain: float = 0.3
    """What no answer costs, for `thresholds: cost`."""
    worst: int = 20
    """How many of the worst errors to show."""

    def __post_init__(self) -> None:
        """Refuse counts and costs below their least."""
        for name, least in (("bootstrap", 0), ("seeds", 1), ("cost_error", 0), ("cost_abstain", 0), ("worst", 0)):
            if getattr(self, name) < least:
                raise _wrong(f"evaluate.{name}", getattr(self, name), f"{least} or more")


@dataclass(frozen=True, kw_only=True)
class Serve:
    """Serve the model over HTTP."""

    host: str = "127.0.0.1"
    """The address to bind; a public one is refused without keys."""
    port: int = 8000
    """The port; 0 takes a free one."""
    keys: str | None = None
    """API keys, comma-separated, as `env:NAME`."""
    cache: str = "none"
    """Where answers are kept for rows that come again: none, disk, redis://…, rediss://…, memcached://… or env:NAME."""
    cache_secret: str | None = None
    """What kept answers are checked with, as `env:NAME`; by default the project's own."""

    def __post_init__(self) -> None:
        """Refuse an address that nothing can listen on, and a cache of no known kind."""
        if not 0 <= self.port <= 65535:
            raise _wrong("serve.port", self.port, "0 to 65535")
        if not self.host:
            raise _wrong("serve.host", "an empty text", "an address, such as 127.0.0.1")
        if self.cache.partition(":")[0] not in CACHES:
            raise _wrong("serve.cache", self.cache, CACHE_FORMS)


@dataclass(frozen=True, kw_only=True)
class Engine:
    """Run the work on this machine or on Spark; the rows are the same. `engine: spark` alone is short for its kind."""

    kind: Literal["local", "spark"] = "local"
    """Where the work runs: worker processes of this machine, or Spark."""
    master: str | None = None
    """Spark's master, such as local[4] or spark://host:7077; by default the session there is, as under spark-submit."""
    scratch: str | None = None
    """A folder or URL that the driver and all executors reach, for rows in between; by default in the project."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Spark's own settings, such as {spark.executor.memory: 4g}; secrets do not belong there: Spark shows them."""

    def __post_init__(self) -> None:
        """Refuse options of Spark's for another engine, and settings that are not Spark's."""
        if self.kind == "local" and (self.master or self.scratch or self.settings):
            raise _wrong("engine.kind", "local", "spark, which the other options are for")
        if self.master is not None and not _MASTER.match(self.master):
            raise _wrong("engine.master", self.master, "local[4], spark://host:7077, yarn or k8s://…")
        for name, value in self.settings.items():
            if not name.startswith("spark.") or isinstance(value, (dict, list)) or value is None:
                raise _wrong(f"engine.settings.{name}", str(value), "a setting of Spark's: {spark.…: value}")


def _wrong(option: str, value: Any, wanted: str) -> RecipeError:
    return RecipeError(f"{value} will not do", where=option, wanted=wanted)


SECTIONS: dict[str, type] = {"split": Split, "evaluate": Evaluate, "serve": Serve, "engine": Engine}
