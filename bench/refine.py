"""Measure the text refinery: documents per second per core against datatrove and Data-Juicer, and cost against size.

    python bench/refine.py                 all three on the same 10,000 documents, one core each, in turns
    python bench/refine.py --agreement     how often our rules keep and drop what datatrove's own rules do
    python bench/refine.py --scale         ours alone on 10 k, 100 k and 1 M documents of 2 KB, two cores

What runs. Ours: `tilth run` of a recipe with Gopher repetition and quality, C4 (without the rule about the end of a
line, as FineWeb used it), FineWeb and near-duplicates (5-grams, 14 bands of 8, each pair verified): the whole way from
the JSON lines to a committed version with ids, splits and every fate. datatrove: the same rules and bands, its own
readers and writers, its four passes. Data-Juicer: its nearest eight filters and MinHash (`_refine_data_juicer.py`),
which is less work. Each is a process of its own on one core; the figures are of processor time (user and system) of all
its processes; wall time stands beside it. What starting costs (imports, loading) is measured on the first few documents
and taken off everybody's time; the ratios with the start included stand beside it. Ours runs once before, so that the
kernel is compiled; what that costs, in an empty cache folder, is `compile_seconds`.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import _peers
import _refine_corpus
import _refine_data_juicer
from _watched import watched

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "refine.json"
DATATROVE = ("datatrove[io,processing]==0.10.1", "spacy==3.8.18")
DATA_JUICER = ("py-data-juicer==1.6.1", "aiohttp")
FEW = 200
"""Documents of the runs that show what starting costs."""
Run = Callable[[Path, Path], dict[str, Any]]
QUIET = {
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "LOGURU_LEVEL": "WARNING",
}
RECIPE = """
name: documents
acquire:
  - files: {path: docs.jsonl, key: id, licence: own}
split: {duplicates: none}
refine:
  - gopher_repetition
  - gopher_quality: {english_rules: all}
  - c4: {end_marks: [], scope: all}
  - fineweb_quality
  - near_duplicates: {threshold: 0.7, ngram: 5, bands: 14, rows: 8}
"""
NEAR = "  - near_duplicates: {threshold: 0.7, ngram: 5, bands: 14, rows: 8}\n"
ALL_COMPARED = RECIPE.replace(NEAR, "").replace("refine:\n", "refine:\n" + NEAR)
"""The same, with near-duplicates first: no rule makes their work smaller."""


def ours(docs: Path, folder: Path, *, cores: int = 1, cold: bool = False, recipe: str = RECIPE) -> dict[str, Any]:
    """Run a recipe in a new project; `cold` lets it find no compiled kernel."""
    folder.mkdir(parents=True)
    (folder / "recipe.yaml").write_text(recipe)
    (folder / "docs.jsonl").symlink_to(docs)
    command = [str(Path(sys.executable).with_name("tilth")), "run", "recipe.yaml", "-q", "--workers", str(cores)]
    env = {**QUIET, "TILTH_KERNEL_CACHE": str(folder / "kernel")} if cold else QUIET
    found = watched(command, cores=cores, cwd=folder, env=env)
    summaries = sorted((folder / ".tilth" / "runs").glob("*/summary.json"))
    summary = json.loads(summaries[-1].read_text())
    stages = {stage["name"]: stage["seconds"] for stage in summary["stages"]}
    return {**found, "kept": summary["accounts"]["kept"], "stage_seconds": stages}


def datatrove(docs: Path, folder: Path, *, fast: bool = False) -> dict[str, Any]:
    """Run datatrove, with its own word tokenizer or with a regular expression in its place."""
    folder.mkdir(parents=True)
    python = _peers.python_of("datatrove", DATATROVE)
    command = [str(python), str(HERE / "_refine_datatrove.py"), str(docs), str(folder), *(["--fast"] if fast else [])]
    found = watched(command, cwd=folder, env=QUIET)
    return {**found, "kept": _lines(sorted((folder / "out").glob("*.jsonl")))}


def data_juicer(docs: Path, folder: Path) -> dict[str, Any]:
    """Run Data-Juicer."""
    folder.mkdir(parents=True)
    python = _peers.python_of("data-juicer", DATA_JUICER)
    (folder / "recipe.yaml").write_text(_refine_data_juicer.recipe(docs, folder))
    command = [str(python.parent / "dj-process"), "--config", str(folder / "recipe.yaml")]
    found = watched(command, cwd=folder, env=QUIET)
    return {**found, "kept": _lines([folder / "out.jsonl"])}


def _lines(paths: list[Path]) -> int:
    return sum(1 for path in paths for _ in path.open("rb"))


def compare(home: Path, runs: int) -> dict[str, Any]:
    """Run everybody on the same documents, and on the first few of them, which costs little but the start."""
    texts = _refine_corpus.documents()
    docs, few = home / "docs.jsonl", home / "few.jsonl"
    _write(docs, texts)
    _write(few, texts[:FEW])
    size = sum(len(text.encode()) for text in texts)
    cold = ours(docs, home / "cold", cold=True)
    print(f"  ours, nothing compiled: {cold}", flush=True)
    ours(docs, home / "warm")
    whole: dict[str, list[dict[str, Any]]] = {}
    start: dict[str, list[dict[str, Any]]] = {}
    peers: dict[str, Run] = {
        "data_juicer": data_juicer,
        "datatrove_fast": lambda docs, folder: datatrove(docs, folder, fast=True),
        "datatrove": datatrove,
    }
    turns = [("ours", ours)] * runs + list(peers.items()) + [("ours", ours)]
    for number, (name, run) in enumerate(turns):
        start.setdefault(name, []).append(run(few, home / f"{number}-{name}-few"))
        whole.setdefault(name, []).append(run(docs, home / f"{number}-{name}"))
        print(f"  {name}: {whole[name][-1]}; {FEW} documents: {start[name][-1]}", flush=True)
    figures = {name: _rates(whole[name], start[name], len(texts) - FEW) for name in whole}
    mine = figures["ours"]
    return {
        "documents": len(texts),
        "mean_bytes": round(size / len(texts)),
        "few": FEW,
        "runs": whole,
        "starts": start,
        "first_run": cold,
        "rates": figures,
        "mb_per_s_core": round(size / len(texts) * mine["docs_per_cpu_second"] / 1e6, 1),
        "vs": _ratios(figures, "docs_per_cpu_second"),
        "vs_by_wall_time": _ratios(figures, "docs_per_wall_second"),
        "vs_start_included": _ratios(figures, "docs_per_cpu_second_start_included"),
        "compile_seconds": round(max(0.0, cold["cpu_seconds"] - mine["cpu_seconds"]), 1),
        "versions": {
            "datatrove": _peers.version_in(_peers.python_of("datatrove", DATATROVE), "datatrove"),
            "py-data-juicer": _peers.version_in(_peers.python_of("data-juicer", DATA_JUICER), "py-data-juicer"),
        },
    }


def _rates(whole: list[dict[str, Any]], start: list[dict[str, Any]], documents: int) -> dict[str, float]:
    """Return documents per second: of the time that grows with them, and of all of it."""

    def median(runs: list[dict[str, Any]], what: str) -> float:
        return statistics.median(run[what] for run in runs)

    cpu, start_cpu = median(whole, "cpu_seconds"), median(start, "cpu_seconds")
    wall, start_wall = median(whole, "wall_seconds"), median(start, "wall_seconds")
    return {
        "docs_per_cpu_second": round(documents / (cpu - start_cpu), 1),
        "docs_per_wall_second": round(documents / (wall - start_wall), 1),
        "docs_per_cpu_second_start_included": round((documents + FEW) / cpu, 1),
        "cpu_seconds": round(cpu, 2),
        "start_cpu_seconds": round(start_cpu, 2),
        "peak_gb": max(run["peak_gb"] for run in whole),
    }


def _ratios(figures: dict[str, dict[str, float]], what: str) -> dict[str, float]:
    return {name: round(figures["ours"][what] / rates[what], 1) for name, rates in figures.items() if name != "ours"}


def _write(path: Path, texts: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for at, text in enumerate(texts):
            file.write(json.dumps({"id": f"doc-{at}", "text": text}, ensure_ascii=False) + "\n")


def scale(home: Path, counts: list[int]) -> list[dict[str, Any]]:
    """Run ours on more and more documents of 2 KB, near-duplicates first, on two cores."""
    found = []
    for count in counts:
        docs = home / f"docs-{count}.jsonl"
        _write(docs, _refine_corpus.many(count))
        run = ours(docs, home / f"scale-{count}", cores=2, recipe=ALL_COMPARED)
        # Workers outlive their parents' count of processor time; wall time is what is meant here.
        del run["cpu_seconds"]
        found.append({"documents": count, "bytes": docs.stat().st_size, **run})
        print(f"  {found[-1]}", flush=True)
        docs.unlink()
        shutil.rmtree(home / f"scale-{count}")
    return found


def figures(kept: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of the last line; what was never measured is -."""
    speed, agreement = kept.get("speed", {}), kept.get("agreement", {})
    vs = speed.get("vs", {})
    largest = next((run for run in kept.get("scale", []) if run["documents"] == 1_000_000), {})
    return {
        "vs_datatrove": vs.get("datatrove", "-"),
        "vs_data_juicer": vs.get("data_juicer", "-"),
        "vs_datatrove_start_included": speed.get("vs_start_included", {}).get("datatrove", "-"),
        "vs_data_juicer_start_included": speed.get("vs_start_included", {}).get("data_juicer", "-"),
        "vs_datatrove_fast": vs.get("datatrove_fast", "-"),
        "docs_per_s_core": speed.get("rates", {}).get("ours", {}).get("docs_per_cpu_second", "-"),
        "mb_per_s_core": speed.get("mb_per_s_core", "-"),
        "compile_seconds": speed.get("compile_seconds", "-"),
        "peak_gb_1m": largest.get("peak_gb", "-"),
        "agreement": agreement.get("with_our_words", "-"),
        "agreement_unmodified": agreement.get("unmodified", "-"),
    }


def main() -> int:
    """Run what was asked for, write the figures, print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3, help="runs of ours before the peers (one more after)")
    parser.add_argument("--agreement", action="store_true", help="compare verdicts with datatrove's own rules")
    parser.add_argument("--scale", type=int, nargs="*", metavar="DOCUMENTS", help="ours on so many documents of 2 KB")
    args = parser.parse_args()
    kept: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    with tempfile.TemporaryDirectory(prefix="tilth-bench-") as name:
        home = Path(name)
        if args.agreement:
            import _refine_agreement

            kept["agreement"] = _refine_agreement.measure(_peers.python_of("datatrove", DATATROVE), home)
        elif args.scale is not None:
            kept["scale"] = scale(home, args.scale or [10_000, 100_000, 1_000_000])
        else:
            kept["speed"] = compare(home, args.runs)
    found = figures(kept)
    kept |= {
        "what": "The text refinery against datatrove and Data-Juicer: documents per second per core, filters and "
        "near-duplicates, reading and writing included.",
        "keys": {name: value for name, value in found.items() if value != "-"},
        "machine": f"{_processor()}, 1 core each",
        "cores": os.cpu_count(),
        "date": datetime.date.today().isoformat(),
        "notes": [
            "Ratios of documents per second of processor time, the start of each taken off (with it beside), one core. "
            "Ours does more: ids, splits, verified pairs, every row's fate, two committed tables. Data-Juicer runs its "
            "nearest eight filters and MinHash.",
            "agreement: 10,000 texts, datatrove's rule code fed with our words. agreement_unmodified: with its own "
            "tokenizer, 1,000 texts in Latin letters; most of the rest is one rule (it counts marks as words).",
        ],
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(kept, indent=1) + "\n")
    print("refine: " + " ".join(f"{name}={value}" for name, value in found.items()))
    return 0


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    sys.exit(main())
