"""Run Tilth end to end on the sample it writes itself: data, model, report, one question over HTTP.

make demo
"""

from __future__ import annotations

import json
import shutil
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from tilth import api
from tilth.cli._progress import LogLines
from tilth.report import page
from tilth.report.summary import CaughtLine
from tilth.report.text import terminal
from tilth.samples import support_desk
from tilth.serve import http
from tilth.tables.project import Project

HERE = Path(__file__).resolve().parent
FOLDER = Path("demo")
QUESTION = "I was charged twice for the same order, please give me my money back"


def main() -> None:
    """Write the sample, run the recipe, compare with the planted truth, serve and ask."""
    began = time.perf_counter()
    support_desk.write(FOLDER / "data")
    shutil.copy(HERE / "support_desk.yaml", FOLDER / "recipe.yaml")
    ran = api.run(FOLDER / "recipe.yaml", listen=LogLines())
    summary = replace(ran.summary, caught=tuple(caught(FOLDER)))
    report = page.write(summary, ran.report.parent)
    print(terminal(summary))
    print("\n  planted faults: what was caught")
    for line in summary.caught:
        print(f"    {line.kind:<18} {line.caught:>4} of {line.planted:<4} false alarms {line.false_alarms}")
    assert ran.bundle is not None
    ask(ran.bundle)
    print(f"\n  report   {report}")
    print(f"  again    tilth run {FOLDER / 'recipe.yaml'}")
    print(f"  serve    tilth serve {ran.bundle}")
    print(f"  demo     {time.perf_counter() - began:.0f} s")


def ask(bundle: Path) -> None:
    """Serve the model on a free port and ask it one question over HTTP."""
    ready: list[str] = []
    done = threading.Event()
    server = threading.Thread(
        target=http.serve, args=(bundle,), kwargs={"port": 0, "on_ready": ready.append, "stop": done.is_set}
    )
    server.start()
    try:
        while not ready and server.is_alive():
            time.sleep(0.05)
        request = urllib.request.Request(  # noqa: S310 (a loopback address that we serve ourselves)
            f"{ready[0]}/predict",
            data=json.dumps({"rows": [{"text": QUESTION}]}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            found = json.load(answer)
        print(f"\n  POST {ready[0]}/predict  “{QUESTION}”")
        print(f"    {json.dumps(found['answers'][0], ensure_ascii=False)[:160]}")
    finally:
        done.set()
        server.join()


def caught(folder: Path) -> Iterator[CaughtLine]:
    """Compare the fates on record with the faults that the sample planted."""
    project = Project(str(folder))
    ids = {}
    for batch in project.table("support-desk.acquired").scan(columns=["_id", "ticket_id"]).batches():
        ids.update(zip(batch.column("_id").to_pylist(), batch.column("ticket_id").to_pylist(), strict=True))
    dropped: dict[str, set[str]] = {}
    changed: dict[str, set[str]] = {}
    unreadable = 0
    for batch in project.fates("support-desk").table.scan().batches():
        for fate in batch.to_pylist():
            operator = fate["operator"].rpartition(" ")[2]
            ticket = ids.get(fate["_id"])
            if ticket is None:
                unreadable += 1
            elif fate["fate"] == "dropped":
                dropped.setdefault(operator, set()).add(ticket)
            elif fate["fate"] == "changed":
                changed.setdefault(operator, set()).add(ticket)
    every = dropped | {name: changed.get(name, set()) | dropped.get(name, set()) for name in changed}
    truth = {path.stem: list(lines(path)) for path in (folder / "data" / "truth").glob("*.jsonl")}
    for kind, file, operators in (
        ("exact duplicates", "exact_duplicates", ("exact_duplicates",)),
        ("near duplicates", "near_duplicates", ("near_duplicates", "exact_duplicates")),
        ("encoding damage", "encoding_damage", ("fix_text", "normalise_space")),
        ("personal data", "personal_data", ("personal_data",)),
        ("noise", "noise", ("language", "length", "empty")),
        ("wrong labels", "wrong_labels", ()),
    ):
        planted = {line["ticket_id"] for line in truth[file]}
        pairs = {line["ticket_id"]: line.get("duplicate_of") for line in truth[file]}
        found = set().union(*(every.get(name, set()) for name in operators)) if operators else set()
        # Of two copies either may stay: a pair is caught when one of the two left.
        hit = {ticket for ticket in planted if ticket in found or pairs[ticket] in found}
        known = planted | {other for other in pairs.values() if other}
        alarms = len(found - known - _other_faults(truth, file)) if operators else 0
        yield CaughtLine(
            kind=kind, planted=len(planted), caught=len(hit), missed=len(planted - hit), false_alarms=alarms
        )
    broken = len(truth["broken_lines"])
    yield CaughtLine(
        kind="broken lines",
        planted=broken,
        caught=min(unreadable, broken),
        missed=max(0, broken - unreadable),
        false_alarms=max(0, unreadable - broken),
    )


def _other_faults(truth: dict[str, list[dict[str, Any]]], file: str) -> set[str]:
    """A row that was planted as another fault is no false alarm of this one."""
    return {
        ticket
        for name, found in truth.items()
        if name not in (file, "rows", "wrong_labels", "broken_lines")
        for line in found
        for ticket in (line.get("ticket_id"), line.get("duplicate_of"))
        if ticket
    }


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """Read a JSONL file."""
    for line in path.read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


if __name__ == "__main__":
    main()
