"""Run a command on one core and account for it and all its children: processor time, wall time, peak memory."""

from __future__ import annotations

import os
import resource
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil


def watched(
    command: Sequence[str], *, cores: int = 1, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Run a command; returns cpu_seconds, wall_seconds, peak_gb (summed over its processes, ten times a second).

    Memory that processes share is counted once (PSS where the system tells it). Raises `SystemExit` when it fails.
    """
    allowed = sorted(os.sched_getaffinity(0))[-cores:]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    log = Path(cwd or ".") / "log.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(command),
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: os.sched_setaffinity(0, allowed),
        )
        peak = [0.0]
        watch = threading.Thread(target=_peak, args=(process.pid, peak), daemon=True)
        watch.start()
        code = process.wait()
    wall = time.perf_counter() - started
    watch.join(2)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if code:
        tail = log.read_text(errors="replace")[-2000:]
        raise SystemExit(f"bench: {command[0]} ended with {code}:\n{tail}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu_seconds": round(cpu, 2), "wall_seconds": round(wall, 2), "peak_gb": round(peak[0], 3)}


def _peak(pid: int, peak: list[float]) -> None:
    try:
        root = psutil.Process(pid)
        while root.is_running() and root.status() != psutil.STATUS_ZOMBIE:
            total = 0
            for process in [root, *root.children(recursive=True)]:
                try:
                    total += process.memory_full_info().pss
                except psutil.Error:
                    continue
            peak[0] = max(peak[0], total / 1e9)
            time.sleep(0.1)
    except psutil.Error:
        return
