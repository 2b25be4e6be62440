"""Make one commit of a Delta log: the actions of a version, as a compare-and-swap on its number."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyarrow import types as t

from tilth.core.shard import Part
from tilth.tables import _log
from tilth.tables._home import Home, Seen

CONFIGURATION = {
    # What a version was made of stands in its log entry only, so entries stay.
    "delta.enableExpiredLogCleanup": "false",
    # Opening a table reads every entry since the last checkpoint: 27 ms for 90 of them, 10 ms for 20.
    "delta.checkpointInterval": "20",
}


@dataclass(frozen=True, kw_only=True)
class Change:
    """The actions of one commit."""

    home: Home
    app: str
    """The application id of its Delta transaction; empty for a compaction, which has none."""
    schema: pa.Schema
    adds: dict[str, Part]
    seen: dict[str, Seen]
    """What lies there of what it adds."""
    removes: dict[str, int]
    """The sizes of what it removes."""
    replaces: bool
    says: dict[str, Any]
    changes_rows: bool = True

    def apply(self, state: _log.State | None) -> None:
        """Make the next version, or raise deltalake's error when another made it first."""
        from deltalake import CommitProperties, Schema, Transaction
        from deltalake.transaction import create_table_with_add_actions

        number = state.number + 1 if state else 0
        if state is not None and self._prepare(state):
            return
        self.home.make()
        properties = CommitProperties(
            custom_metadata={_log.OURS: self.says},
            max_commit_retries=0,
            app_transactions=[Transaction(self.app, number)] if self.app else None,
        )
        schema = Schema.from_arrow(self.schema)
        if state is None:
            create_table_with_add_actions(
                self.home.uri,
                schema,
                self._adds(),
                configuration=CONFIGURATION,
                storage_options=self.home.options,
                commit_properties=properties,
            )
        elif self.replaces:
            state.delta.create_write_transaction(self._adds(), "overwrite", schema, commit_properties=properties)
        else:
            actions = [*self._adds(), *self._removes()]
            state.delta.create_write_transaction(actions, "append", schema, commit_properties=properties)

    def _prepare(self, state: _log.State) -> bool:
        """Commit what delta-rs cannot do in the same commit as adding parts; True when there was such a thing.

        An append leaves the columns as they are, and an overwrite that brings the first timestamp without a zone
        forgets to name the feature, after which nobody can read the table. Neither preparation changes a row.
        """
        from deltalake import CommitProperties, Schema, TableFeatures

        properties = CommitProperties(custom_metadata={_log.OURS: {"prepares": self.app}}, max_commit_retries=0)
        missing = [field for field in self.schema if field.name not in state.schema.names]
        if missing and not self.replaces:
            fields = Schema.from_arrow(pa.schema(missing)).fields
            state.delta.alter.add_columns(list(fields), commit_properties=properties)
            return True
        if any(map(_naive, self.schema.types)) and not state.has_feature("timestampNtz"):
            state.delta.alter.add_feature(
                TableFeatures.TimestampWithoutTimezone,
                allow_protocol_versions_increase=True,
                commit_properties=properties,
            )
            return True
        return False

    def _adds(self) -> list[Any]:
        from deltalake.transaction import AddAction

        return [
            AddAction(
                path=path,
                size=part.bytes,
                partition_values={},
                modification_time=int(self.seen[path].modified * 1000),
                data_change=self.changes_rows,
                stats=json.dumps({"numRecords": part.rows}),
            )
            for path, part in self.adds.items()
        ]

    def _removes(self) -> list[Any]:
        from deltalake.transaction import RemoveAction

        now = int(time.time() * 1000)
        return [RemoveAction(path, self.changes_rows, now, size, {}) for path, size in sorted(self.removes.items())]


def _naive(kind: pa.DataType) -> bool:
    inner = [kind.field(at).type for at in range(kind.num_fields)]
    return bool((t.is_timestamp(kind) and kind.tz is None) or any(map(_naive, inner)))
