"""Say what no single batch can know: counts, profiles, fitted operators."""

from __future__ import annotations

from typing import Literal, Protocol, TypeVar, runtime_checkable

import pyarrow as pa

from tilth.core.batch import Batch

State = pa.Table
"""What a fold keeps: a small Arrow table."""
STATE_LIMIT = 16 << 20
"""The largest state, in bytes; what grows with the data is an exchange, not a fold."""
Out = TypeVar("Out", covariant=True)

FitsOn = Literal["train", "all"]


@runtime_checkable
class Fold(Protocol[Out]):
    """Observe batches, merge states exactly (or in shard order), finish into a number, a profile or an operator.

    A fold in `refine:` finishes into a Mapper or a Filter, which then runs on all rows. It sees train rows only, unless
    its class says `fits_on = "all"`.
    """

    def observe(self, batch: Batch) -> pa.Table: ...

    def merge(self, left: pa.Table, right: pa.Table) -> pa.Table: ...

    def finish(self, state: pa.Table) -> Out: ...
