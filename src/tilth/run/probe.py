"""Try every connection of a recipe for real, before a run relies on it: sources, sinks, the project's folder."""

from __future__ import annotations

import contextlib
import secrets
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from tilth.bytes.cache import open_cache
from tilth.core.connector import Finding, Probed, Source
from tilth.core.errors import TilthError, first_line
from tilth.core.secret import hide
from tilth.recipe.model import Entry, Recipe
from tilth.run.landing import anchored

PATIENCE = 60.0
"""Seconds after which a connection that says nothing counts as not well."""
_AT_ONCE = 8


class Told(NamedTuple):
    """What was found, and at which place of the recipe."""

    place: str
    finding: Finding


def probe(recipe: Recipe, root: Path | None = None) -> Iterator[Told]:
    """Yield findings in the order of the recipe; reads no data, leaves nothing behind, raises nothing."""
    folder = Path(recipe.path).resolve().parent
    yield Told("project", _project(root or folder))
    if recipe.cache not in ("none", "disk"):
        yield from (Told("cache", found) for found in _patiently(lambda: _cache(recipe.cache)))
    entries = [*recipe.acquire, *recipe.store]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for entry, found in zip(entries, pool.map(partial(_entry, folder=folder), entries), strict=True):
            yield from (Told(entry.place, one) for one in found)


def _project(root: Path) -> Finding:
    # A folder that a run would make is not made here.
    there = next(folder for folder in (root.absolute(), *root.absolute().parents) if folder.is_dir())
    try:
        with tempfile.NamedTemporaryFile(dir=there):
            return Finding(True, f"{root} can be written")
    except OSError as error:
        return Finding(False, f"{root} cannot be written: {error.strerror}", "Choose another with --root.")


def _cache(url: str) -> Iterator[Finding]:
    # What is tried here is under a key of its own, and is gone afterwards.
    with contextlib.closing(open_cache(url, secret=secrets.token_bytes(32))) as cache:
        yield from cache.probe()


def _entry(entry: Entry, folder: Path) -> list[Finding]:
    return _patiently(lambda: _look(entry, folder))


def _patiently(look_at: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """Look at one connection; a look that hangs is left behind with its thread."""
    found: list[Finding] = []
    done = threading.Event()

    def look() -> None:
        try:
            found.extend(Finding(one.ok, hide(one.what), hide(one.do)) for one in look_at())
        except TilthError as error:
            found.append(Finding(False, str(error)))
        except Exception as error:  # noqa: BLE001 (a connector of the user's own may raise anything)
            found.append(Finding(False, hide(f"{type(error).__name__}: {first_line(error)}")))
        finally:
            done.set()

    threading.Thread(target=look, daemon=True).start()
    if done.wait(PATIENCE):
        return found
    return [*found, Finding(False, f"no answer within {PATIENCE:.0f} s", "Is the address right, and the way open?")]


def _look(entry: Entry, folder: Path) -> Iterator[Finding]:
    part: Any = anchored(entry, folder)
    if isinstance(part, Probed):
        yield from part.probe()
    elif isinstance(part, Source):
        shards, _ = part.plan(None)
        size = sum(shard.bytes for shard in shards)
        yield Finding(True, f"{len(shards)} shards, {size / (1 << 20):.1f} MiB")
    else:
        yield Finding(True, f"{entry.name} has nothing to try")
