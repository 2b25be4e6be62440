"""Ask slow operators only what the run's cache does not know: answers by question, for any row that asks the same."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from tilth.bytes.cache import Cache
from tilth.core.batch import Batch
from tilth.core.errors import OperatorError
from tilth.core.operator import Memoised, Outcome
from tilth.run import fingerprint

SECONDS = 30 * 86_400.0
"""How long an answer is kept at most: it may hold what the row holds."""


class Memory:
    """What operators answered before, in one cache; for one process."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._spaces: dict[int, tuple[Memoised, Cache]] = {}

    def map(self, operator: Memoised) -> Callable[[Batch], Batch | Outcome]:
        """Return the operator's `map` that asks it only what is not known."""
        space = self._space(operator)
        return lambda batch: operator.filled(batch, _answers(operator, batch, space))

    def _space(self, operator: Memoised) -> Cache:
        if id(operator) not in self._spaces:
            resources = sorted(getattr(operator, "resources", {}).values())
            version = fingerprint.digest(fingerprint.measures(operator), resources)
            # With the operator beside it, which keeps its id from being given to another.
            self._spaces[id(operator)] = operator, self._cache.space("items", version, seconds=SECONDS, codec="zstd")
        return self._spaces[id(operator)][1]


def _answers(operator: Memoised, batch: Batch, space: Cache) -> list[Any]:
    questions = operator.questions(batch)
    if len(questions) != batch.num_rows:
        raise OperatorError("questions did not answer for each row", wanted="a list as long as the batch")
    keys = [None if each is None else hashlib.blake2b(each, digest_size=32).hexdigest() for each in questions]
    held = space.get_many([key for key in keys if key is not None])
    answers: list[Any] = [None if key is None else _read(held.get(key)) for key in keys]
    unknown = [at for at, key in enumerate(keys) if key is None or key not in held]
    if unknown:
        asked = batch if len(unknown) == batch.num_rows else batch.take(pa.array(unknown, pa.int64()))
        fresh = operator.answers(asked)
        if len(fresh) != len(unknown):
            raise OperatorError("answers did not answer for each row", wanted="a list as long as the batch")
        kept = {}
        for at, answer in zip(unknown, fresh, strict=True):
            answers[at] = answer
            key = keys[at]
            # What is no list or mapping is a refusal, which another day may mend.
            if key is not None and isinstance(answer, (list, dict)):
                # An answer that cannot be written is asked for again: a cache never breaks a run.
                with contextlib.suppress(TypeError, ValueError):
                    kept[key] = json.dumps(answer, ensure_ascii=False).encode("utf-8", "surrogatepass")
        space.put_many(kept)
    return answers


def _read(held: bytes | None) -> Any:
    return None if held is None else json.loads(held.decode("utf-8", "surrogatepass"))
