"""Read a project's truth (summaries, Delta logs, bundles' cards) as rows of the catalogue."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tilth.core.batch import keyed_hash
from tilth.core.errors import TilthError
from tilth.core.events import RunFailed
from tilth.report.summary import StepLine, Summary
from tilth.run import log
from tilth.tables.project import Project

Row = dict[str, Any]
_NUMBERS = "summary.json"
_MOST_BYTES = 64 << 20
_MOST_DETAILS = 60_000
"""Characters (all ASCII); what MySQL calls TEXT holds 65,535 bytes."""


def identity(project: Project) -> str:
    """Name a project in a catalogue that many share: its folder's name and a hash under its salt, which tells nothing.

    >>> import tempfile
    >>> len(identity(Project(tempfile.mkdtemp())).rpartition("-")[2])
    12
    """
    folder = re.sub(r"[^A-Za-z0-9_.-]+", "-", project.folder.absolute().parent.name)[:100] or "project"
    return f"{folder}-{keyed_hash(project.salt, 'catalogue')[:12]}"


def of_summary(summary: Summary, *, status: str = "done", stamp: str = "") -> tuple[Row, list[Row]]:
    """Return a run's row and the rows of its figures; nothing in them quotes a row of the data."""
    accounts, versions = summary.accounts, summary.versions
    headline = summary.evaluation.headline if summary.evaluation else ()
    row = {
        "name": summary.name,
        "started": summary.started,
        "seconds": float(summary.seconds),
        "status": status,
        "sample": summary.sample,
        "task": summary.task or None,
        "rows_in": accounts.get("rows_in"),
        "kept": accounts.get("kept"),
        "dropped": accounts.get("dropped"),
        "failed": accounts.get("failed"),
        "data_version": _whole(versions.get("data")),
        "data_fingerprint": summary.facts.get("data fingerprint"),
        "model_version": _whole(versions.get("model")),
        "report": summary.report or None,
        "model": summary.model or None,
        "stamp": stamp,
        "details": _short(_details(summary)),
    }
    return row, [_figure(place, one) for place, one in enumerate(headline)]


def _figure(place: int, one: Mapping[str, Any]) -> Row:
    numbers = {"value": "value", "low": "low", "high": "high", "confidence": "level"}
    held = {name: one.get(said) for name, said in numbers.items()}
    floats = {name: float(value) if isinstance(value, (int, float)) else None for name, value in held.items()}
    return {"place": place, "name": str(one.get("name", ""))[:190], **floats}


def _details(summary: Summary) -> dict[str, Any]:
    return {
        "recipe": summary.recipe_path,
        "facts": dict(summary.facts),
        "stages": [[stage.name, stage.seconds, stage.status] for stage in summary.stages],
        "steps": [_step(step) for step in summary.steps],
        "sources": [[source.name, source.kind, source.rows, source.rejected] for source in summary.sources],
        "splits": dict(summary.split.counts) if summary.split else {},
        "learner": summary.training.learner if summary.training else "",
        "backbone": summary.training.backbone if summary.training else "",
    }


def _short(details: dict[str, Any]) -> str:
    """Write details as JSON that the three systems hold; where there are too many steps, without the last of them."""
    while len(said := json.dumps(details)) > _MOST_DETAILS:
        longest = max(details, key=lambda name: len(json.dumps(details[name])))
        details = {**details, longest: details[longest][: len(details[longest]) // 2] if longest == "steps" else None}
    return said


def _step(step: StepLine) -> Row:
    return {
        "operator": step.operator,
        "options": step.options,
        "kept": step.kept,
        "dropped": step.dropped,
        "changed": step.changed,
        "failed": step.failed,
    }


def stamp_of(folder: Path) -> str:
    """Return what changes whenever what a run left does."""
    with contextlib.suppress(OSError):
        state = (folder / _NUMBERS).stat()
        return f"{state.st_mtime_ns}:{state.st_size}"
    return f"none:{len(list((folder / 'events').glob('*.jsonl')))}"


def of_folder(folder: Path) -> tuple[Row, list[Row]] | None:
    """Return what a run's folder says of it: its summary, or how it ended without one; None where it says nothing."""
    path = folder / _NUMBERS
    with contextlib.suppress(OSError, ValueError, TilthError):
        if path.stat().st_size <= _MOST_BYTES:
            summary = Summary.from_json(json.loads(path.read_text(encoding="utf-8")))
            return of_summary(summary, stamp=stamp_of(folder))
    return _unfinished(folder)


def _unfinished(folder: Path) -> tuple[Row, list[Row]] | None:
    found = re.match(r"(\d{8}-\d{6})-", folder.name)
    if not found:
        return None
    status = "unfinished"
    with contextlib.suppress(OSError, ValueError):
        kinds = {event.get("kind") for event in log.read(folder / "events")}
        status = "failed" if RunFailed.kind in kinds else status
    name = None
    with contextlib.suppress(OSError), (folder / "recipe.yaml").open(encoding="utf-8", errors="replace") as lines:
        name = next((line.partition(":")[2].strip(" '\"\n") for line in lines if line.startswith("name:")), None)
    started = datetime.strptime(found[1], "%Y%m%d-%H%M%S").replace(tzinfo=UTC).isoformat(timespec="seconds")
    return {"name": name, "started": started, "status": status, "stamp": stamp_of(folder)}, []


def data_sets(project: Project) -> Iterator[tuple[Row, Row]]:
    """Yield the key and the rest of a row for each version of each data set, from the Delta logs."""
    for table in project.tables():
        if not table.name.startswith("data/") or table.name.endswith(".acquired"):
            continue
        for one in table.versions():
            key = {"name": table.name.removeprefix("data/"), "version": one.version.number}
            made = one.at.isoformat(timespec="seconds")
            fingerprint = one.version.fingerprint or None
            yield key, {"made": made, "row_count": one.rows, "mode": one.mode, "fingerprint": fingerprint}


def models(project: Project) -> Iterator[tuple[Row, Row]]:
    """Yield the key and the rest of a row for each version of each model, from the bundles' cards."""
    for path in sorted((project.folder / "models").glob("*/*/bundle.json")):
        found = model(path.parent)
        if found is not None:
            yield found


def model(folder: Path) -> tuple[Row, Row] | None:
    """Return the key and the rest of a model's row; None where its card cannot be read."""
    import hashlib

    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        path = folder / "bundle.json"
        if path.stat().st_size > _MOST_BYTES or not folder.name.isdecimal():
            return None
        raw = path.read_bytes()
        card = json.loads(raw)
        key = {"name": str(card["name"]), "version": int(folder.name)}
        rest = {
            "made": str(card["created"])[:190],
            "task": str(card["task"])[:190],
            "digest": hashlib.blake2b(raw, digest_size=16).hexdigest(),
            "data_version": _whole(dict(card.get("data") or {}).get("version")),
            "folder": str(folder),
        }
        return key, rest
    return None


def _whole(value: Any) -> int | None:
    return int(value) if isinstance(value, int) or (isinstance(value, str) and value.isdecimal()) else None
