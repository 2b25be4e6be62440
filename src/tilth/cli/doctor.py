"""`tilth doctor`: look at this machine and this project, one line each, with what to do."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from tilth import api
from tilth.cli._options import AsJson
from tilth.core.connector import Finding
from tilth.core.errors import TilthError

EXTRAS = {
    "train": ("torch", "transformers", "tokenizers", "safetensors", "sklearn"),
    "serve": ("fastapi", "uvicorn", "prometheus_client"),
    "report": ("matplotlib",),
    "excel": ("python_calamine",),
    "extract": ("lxml", "pypdf"),
    "stores": ("obstore", "hdfs_native"),
    "sql": ("adbc_driver_postgresql", "duckdb", "pg8000", "pymysql"),
    "mongodb": ("pymongo",),
    "bigquery": ("google.cloud.bigquery",),
    "redshift": ("redshift_connector",),
    "cache": ("pymemcache", "redis"),
    "crawl": ("aiohttp", "protego", "selectolax"),
    "web": ("urllib3",),
    "dlt": ("dlt",),
}
NEEDED_DISK = 2 << 30
NEEDED_MEMORY = 2 << 30


def doctor(
    recipe: Annotated[Path | None, typer.Argument(help="A recipe to look at too.")] = None, as_json: AsJson = False
) -> None:
    """Say what is well and what is not. Exit code 3 when something needs doing."""
    found = list(_look(recipe))
    if as_json:
        print(json.dumps([finding._asdict() for finding in found], ensure_ascii=False))
    else:
        for finding in found:
            print(shown(finding))
    if not all(finding.ok for finding in found):
        raise typer.Exit(3)


def shown(finding: Finding) -> str:
    """Write a finding as one line."""
    return f"{'ok ' if finding.ok else '!! '} {finding.what}" + (f"  → {finding.do}" if finding.do else "")


def _look(recipe: Path | None) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding(sys.version_info >= (3, 11), f"Python {version}", "" if sys.version_info >= (3, 11) else "Use 3.11.")
    for extra, packages in EXTRAS.items():
        missing = [name for name in packages if not _installed(name)]
        what = f"extra {extra}: " + (f"{', '.join(missing)} missing" if missing else "installed")
        # What a recipe needs and misses is said where its connections are tried.
        needed = extra in ("train", "serve", "report")
        yield Finding(not (missing and needed), what, f'pip install "tilth[{extra}]"' if missing else "")
    memory = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    yield Finding(
        memory >= NEEDED_MEMORY,
        f"{len(os.sched_getaffinity(0))} cores, {memory / (1 << 30):.1f} GiB of memory free",
        "" if memory >= NEEDED_MEMORY else "Training wants 2 GiB.",
    )
    folder = recipe.resolve().parent if recipe else Path.cwd()
    free = shutil.disk_usage(folder).free
    yield Finding(
        free >= NEEDED_DISK, f"{free / (1 << 30):.1f} GiB of disk free", "" if free >= NEEDED_DISK else "Free some."
    )
    yield _can_write(folder)
    yield from _threads()
    if importlib.util.find_spec("torch") is not None:
        yield _torch()
    if recipe is not None:
        yield from _recipe(recipe)


def _installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:
        return False


def _can_write(folder: Path) -> Finding:
    try:
        with tempfile.NamedTemporaryFile(dir=folder):
            return Finding(True, f"{folder} can be written")
    except OSError as error:
        return Finding(False, f"{folder} cannot be written: {error.strerror}", "Choose another with --root.")


def _threads() -> Iterator[Finding]:
    policy = os.environ.get("OMP_WAIT_POLICY", "")
    ok = policy.upper() == "PASSIVE"
    hint = "On busy cores: export OMP_WAIT_POLICY=PASSIVE GOMP_SPINCOUNT=0"
    yield Finding(True, f"threads wait {'passively' if ok else 'actively'}", "" if ok else hint)


def _torch() -> Finding:
    import torch

    where = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "CPU"
    return Finding(True, f"torch {importlib.metadata.version('torch')} on {where}")


def _recipe(path: Path) -> Iterator[Finding]:
    try:
        found = api.check(path)
    except TilthError as error:
        yield Finding(False, str(error))
        return
    yield Finding(True, f"{path}: right")
    for place, finding in api.probe(found):
        yield finding._replace(what=f"{place}: {finding.what}")
