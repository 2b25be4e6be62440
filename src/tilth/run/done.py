"""Hold what the stages of a run gave so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from tilth.core.events import Noticed
from tilth.report.summary import StageLine
from tilth.run.acquire import Acquired
from tilth.run.assign import Assigned
from tilth.run.cluster import Clustered
from tilth.run.evaluate import Evaluated
from tilth.run.learn import Learned
from tilth.run.refine import Refined
from tilth.run.store import Stored


@dataclass
class Done:
    """What the stages gave, and how long each took."""

    acquired: Acquired | None = None
    clustered: Clustered | None = None
    assigned: Assigned | None = None
    refined: Refined | None = None
    stored: Stored | None = None
    learned: Learned | None = None
    evaluated: Evaluated | None = None
    lines: list[StageLine] = field(default_factory=list)
    notices: list[Noticed] = field(default_factory=list)
