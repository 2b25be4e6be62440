"""Record what became of a row: changed, dropped, expanded, grown or failed. Presence elsewhere means kept."""

from __future__ import annotations

import pyarrow as pa

FATE = pa.schema(
    [
        ("_id", pa.string()),
        ("fate", pa.string()),
        ("operator", pa.string()),
        ("column", pa.string()),
        ("rule", pa.string()),
        ("value", pa.float64()),
        ("threshold", pa.float64()),
        ("other_id", pa.string()),
        ("start", pa.int32()),
        ("end", pa.int32()),
        ("new_end", pa.int32()),
        ("reason", pa.string()),
    ]
)
"""One line a happening. `operator` is its place and name in the recipe, such as `refine[2] too_short`.

changed   `column`, and the characters [`start`, `end`) of the old value that became [`start`, `new_end`): no text.
dropped   `rule`, `value`, `threshold`, and `other_id`: the row that stays in this one's place.
failed    `reason`; for a record that could not be read, where it is (`tickets.csv record 17: …`).
expanded  the row was replaced by its children, which name it in `_parents`.
grown     the row was made by an augmenter.
"""
FATES = ("changed", "dropped", "failed", "expanded", "grown")
