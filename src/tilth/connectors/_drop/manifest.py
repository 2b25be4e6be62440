"""Read a partner's manifest: which files a delivery holds, how long they are, and their checksums."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from tilth.connectors._archive.unpack import safe_name
from tilth.core.errors import DataError

MOST = 16 << 20
"""Bytes of a manifest at most."""
_SUM = re.compile(r"\\?([0-9a-fA-F]{64})(?: [ *](.+))?\Z")


class Listed(NamedTuple):
    """A file that a manifest promises."""

    name: str
    sha256: str
    bytes: int | None


def listed(raw: bytes, manifest: str) -> list[Listed]:
    """Return what a manifest lists; names are relative to its folder. Raises `DataError` where it can't be read.

    A manifest is JSON (`{"files": [{"name", "sha256", "bytes"}]}`, or the list alone), or lines as `sha256sum` writes
    them; a file `<name>.sha256` may hold the checksum alone.

    >>> listed(b"0" * 64 + b"  a.csv\\n", "in/day.sha256")[0].name
    'in/a.csv'
    """
    try:
        text = raw.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise DataError("the manifest is not UTF-8", where=manifest) from error
    folder = manifest.rpartition("/")[0]
    found = _of_json(text, manifest) if text.startswith(("{", "[")) else _of_lines(text, manifest)
    return [one._replace(name=f"{folder}/{one.name}" if folder else one.name) for one in found]


def _of_json(text: str, manifest: str) -> list[Listed]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError("the manifest is no whole JSON", where=manifest) from error
    files = value.get("files") if isinstance(value, dict) else value
    if not isinstance(files, list):
        raise _wrong(manifest)
    return [_entry(one, manifest) for one in files]


def _entry(one: Any, manifest: str) -> Listed:
    found = one if isinstance(one, dict) else {}
    name, digest, size = (found.get(word) for word in ("name", "sha256", "bytes"))
    if not isinstance(name, str) or not isinstance(digest, str) or not _SUM.match(digest):
        raise _wrong(manifest)
    if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < 0):
        raise _wrong(manifest)
    return Listed(safe_name(name, manifest), digest.lower(), size)


def _of_lines(text: str, manifest: str) -> list[Listed]:
    found = []
    for line in text.splitlines():
        matched = _SUM.match(line.strip())
        if not matched:
            raise _wrong(manifest)
        name = matched[2] or manifest.rpartition("/")[2].rpartition(".")[0]
        found.append(Listed(safe_name(name, manifest), matched[1].lower(), None))
    return found


def _wrong(manifest: str) -> DataError:
    return DataError(
        "the manifest does not list files with checksums",
        where=manifest,
        wanted='{"files": [{"name": …, "bytes": …, "sha256": …}]}, or lines of sha256sum',
    )
