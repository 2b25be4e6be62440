"""Measure texts: what the rules divide and compare, in one compiled pass over the Arrow buffers.

`DEFINITIONS` says what each statistic counts; `tilth.text.reference.measure_one` defines it in plain Python, and gives
the same numbers where Numba is missing.
"""

from __future__ import annotations

import functools
import warnings

import numpy as np
import pyarrow as pa

from tilth.core.errors import DataError, did_you_mean
from tilth.text import _compile
from tilth.text.reference import DEFINITIONS, NAMES, measure_one

__all__ = ["DEFINITIONS", "FIELDS", "NAMES", "VERSION", "measure"]

VERSION = 2
"""Raised whenever a text would give another number: what was measured before is then measured again."""
FIELDS: dict[str, pa.DataType] = dict.fromkeys(NAMES, pa.int64())
"""Each statistic's type."""

_WORDS = {name for name in NAMES if name.endswith("words") or "word_" in name} | {"words_alpha", "stop_words_total"}
_REPEATS = {name for name in NAMES if "gram_" in name}
_CHARACTERS = (
    {
        *(
            name
            for name in NAMES
            if name.endswith(("_chars", "parentheses")) and not name.startswith(("dup_", "line_"))
        ),
        *("letters", "hashes", "curly", "newlines"),
    }
    - _WORDS
    - _REPEATS
)
_PHRASES = {"javascript_lines", "policy_lines", "lorem_ipsum", "urls", "boilerplate_lines"}
_FREE = {"chars", "bytes", "longest_run"}


def measure(column: pa.Array, *, select: frozenset[str] | None = None) -> pa.StructArray:
    """Measure each text; null gives null. `select` names the statistics that are wanted, all by default.

    >>> measure(pa.array(["To be, or not to be: that is it."]), select=frozenset({"words", "stop_words"})).to_pylist()
    [{'words': 9, 'stop_words': 3}]
    """
    names = NAMES if select is None else tuple(name for name in NAMES if name in select)
    for name in sorted(select or ()):
        if name not in FIELDS:
            raise DataError(
                f'no statistic "{name}"', wanted=f"some of {', '.join(NAMES)}", do=did_you_mean(name, NAMES)
            )
    if _compile.available():
        from tilth.text import _run

        figures = _run.run(column, _run.parts(*_groups(frozenset(names)))).figures
    else:
        figures = _slowly(column)
    held = np.ascontiguousarray(figures[:, [NAMES.index(name) for name in names]].T)
    mask = column.is_null() if column.null_count else None
    fields = [pa.field(name, FIELDS[name]) for name in names]
    return pa.StructArray.from_arrays([pa.array(row) for row in held], fields=fields, mask=mask)


def _groups(names: frozenset[str]) -> list[str]:
    """Return the parts of the pass that the statistics need."""
    wanted = [
        *(["count"] if names & _WORDS == {"words"} and not names & _REPEATS else ["words"] if names & _WORDS else []),
        *(["repeats"] if names & _REPEATS else []),
        *(["run"] if "longest_run" in names else []),
        *(["phrases"] if names & _PHRASES else []),
        *(["lines"] if names - _WORDS - _REPEATS - _CHARACTERS - _FREE else []),
    ]
    return wanted if "lines" in wanted else ["characters", *wanted]


def _slowly(column: pa.Array) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    _tell_once()
    texts = column.to_pylist()
    rows = [[0] * len(NAMES) if text is None else list(measure_one(text).values()) for text in texts]
    return np.array(rows, np.int64).reshape(len(texts), len(NAMES))


@functools.cache
def _tell_once() -> None:
    warnings.warn(
        "numba is not installed: text statistics are measured in plain Python, some hundred times slower. "
        "Run: pip install numba",
        RuntimeWarning,
        stacklevel=4,
    )
