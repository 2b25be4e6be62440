"""Kill a run at random moments and run it again: same rows, same drops, nothing lost or doubled, a final model."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tilth.samples import support_desk
from tilth.tables.project import Project
from tilth.testing import storm

KILLS = storm(3, 20)
SEED = int(os.environ.get("TILTH_SEED", "20261123"))
RECIPE = """\
name: desk
bad_rows: 0.05
acquire:
  - files: {path: data/tickets_2026_h1.csv, key: ticket_id, licence: own}
  - files: {path: data/tickets_partner.csv, key: ticket_id, licence: own}
  - files: {path: data/chat_export.jsonl.gz, key: ticket_id, licence: own, types: {created_at: timestamp}}
  - files: {path: data/phone_notes.tsv, key: ticket_id, licence: own}
split: {group: customer_id}
refine:
  - fix_text
  - normalise_space
  - length: {min: 2}
  - exact_duplicates: {columns: [text]}
  - near_duplicates: {threshold: 0.7}
  - standardise: {columns: [waiting_minutes]}
train:
  task: text_classification
  label: intent
  epochs: 4
  scratch: {layers: 1, hidden: 32, heads: 2, vocabulary: 600}
  checkpoint_seconds: 0.2
  threads: 1
evaluate: {bootstrap: 100}
"""


@pytest.mark.slow
@pytest.mark.storm
@pytest.mark.timeout(3000)
def test_killed_runs_end_where_an_unbroken_one_does(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    support_desk.write(whole / "data", rows=600, seed=1)
    (whole / "recipe.yaml").write_text(RECIPE)
    # Ids are keyed by the project's salt: both projects get the same one.
    assert Project(str(whole)).salt
    broken = tmp_path / "broken"
    shutil.copytree(whole, broken)
    took = finish(whole)
    wanted = state(whole)
    chance = random.Random(SEED)
    landed, fresh = 0, True
    for number in range(10 * KILLS):
        moment = chance.uniform(0.3, took)
        lived = kill_after(broken, moment)
        landed += lived is None
        if lived is not None and fresh:
            # The unbroken run had a busier machine: later moments would come too late again.
            took = min(took, lived)
        fresh = False
        if state_of_run(broken) == "done":
            # Nothing is left to kill: begin again on a fresh copy, so that every kill strikes a run at work.
            assert state(broken) == wanted, f"kill {number} of seed {SEED} at {moment:.2f} s"
            shutil.rmtree(broken)
            shutil.copytree(whole, broken, ignore=shutil.ignore_patterns("data", "fates", "splits", "decisions",
                            "models", "runs", "stages", "uses", "lineage", "tmp"))  # fmt: skip
            shutil.copytree(whole / "data", broken / "data")
            fresh = True
        if landed == KILLS:
            break
    finish(broken)
    assert state(broken) == wanted
    assert landed == KILLS, f"{landed} kills struck a run at work (seed {SEED})"
    again = run(broken)
    assert again.returncode == 0, again.stderr
    events = [json.loads(line) for line in again.stdout.splitlines()]
    assert {event["stage"] for event in events if event["kind"] == "stage_skipped"} >= {
        "acquire",
        "refine",
        "train",
        "evaluate",
    }
    assert not [event for event in events if event["kind"] in ("trained", "test_opened")]


def command(folder: Path) -> list[str]:
    code = "from tilth.cli import main; main()"
    return [sys.executable, "-c", code, "run", str(folder / "recipe.yaml"), "--json", "--workers", "2"]


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(folder), capture_output=True, text=True, check=False)


def finish(folder: Path) -> float:
    began = time.monotonic()
    done = run(folder)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return time.monotonic() - began


def kill_after(folder: Path, seconds: float) -> float | None:
    """Kill the run and all its workers after some seconds; returns how long it ran where it ended before."""
    began = time.monotonic()
    process = subprocess.Popen(
        command(folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        process.wait(timeout=seconds)
        return time.monotonic() - began
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return None


def state_of_run(folder: Path) -> str:
    models = list((folder / ".tilth" / "models").glob("*/*/bundle.json"))
    facts = list((folder / ".tilth" / "stages").glob("evaluate-*/_facts.json"))
    return "done" if models and facts else "begun"


def state(folder: Path) -> dict[str, Any]:
    """What a user can see of a finished run: rows, fates, splits, the model's bytes and figures."""
    project = Project(str(folder))
    rows = [line for batch in project.table("desk").scan().batches() for line in batch.to_pylist()]
    fates = project.fates("desk")
    models = sorted((folder / ".tilth" / "models" / "desk").glob("*/bundle.json"))
    card = json.loads(models[-1].read_text())
    weights = hashlib.blake2b((models[-1].parent / "model" / "model.safetensors").read_bytes()).hexdigest()
    splits = [line["_id"] for batch in project.splits("desk").current().batches() for line in batch.to_pylist()]
    assert len(splits) == len(set(splits)), "a row stands twice in the split table"
    artefact = f"models/desk/{models[-1].parent.name}"
    used = [line["_id"] for batch in project.uses.of_artefact(artefact).batches() for line in batch.to_pylist()]
    assert len(models) == 1, "one model for one recipe"
    return {
        "rows": sorted(json.dumps(row, default=str, sort_keys=True) for row in rows),
        "ids": len({row["_id"] for row in rows}),
        "fates": [list(count) for count in fates.counts()],
        "splits": sorted(splits),
        "used": sorted(used),
        "weights": weights,
        "metrics": card["metrics"],
    }
