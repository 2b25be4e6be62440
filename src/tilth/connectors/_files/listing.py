"""List the files that a path, a folder or a glob stands for, sorted by their path relative to the root."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tilth.connectors._files.formats import OTHER_ENDINGS, by_ending, ending_of
from tilth.core.errors import DataError, did_you_mean

MAGIC = re.compile(r"[*?\[]")
_DOCUMENTS = ("readme", "license", "licence", "changelog", "notice", "copying", "source")


class Found(NamedTuple):
    """A file."""

    path: Path
    file: str
    """Its path relative to the root, with `/`."""
    bytes: int
    mtime_ns: int


class Listing(NamedTuple):
    """What a path stands for."""

    files: list[Found]
    notes: list[str]


def listed(path: str, format: str | None = None) -> Listing:
    """List files; the root is the folder before the first part with a `*`, `?` or `[`, or the file's own folder.

    `**` stands for any folders; names that begin with a dot or an underscore are passed over unless the path says them;
    links to folders are not followed; a folder that has such a sign in its name means itself. A folder means every file
    below it that has a known ending (or the given format), else every file that is no document.
    """
    whole = Path(path)
    if whole.is_dir():
        return _folder(whole, format, path)
    parts = whole.parts
    signs = (number for number, part in enumerate(parts) if MAGIC.search(part))
    fixed = next((number for number in signs if not Path(*parts[: number + 1]).is_dir()), None)
    if whole.exists() or whole.is_symlink() or fixed is None:
        return Listing([_one(whole, path)], [])
    root, pattern = Path(*parts[:fixed]), "/".join(parts[fixed:])
    if not root.is_dir():
        raise _missing(root, path)
    matches = re.compile(regex_of(pattern)).fullmatch
    hidden = any(part.startswith((".", "_")) for part in parts[fixed:])
    files = [
        found for found in _walk(root, hidden=hidden, deep="**" in pattern or "/" in pattern) if matches(found.file)
    ]
    if not files:
        raise _no_match(root, pattern, path)
    data = [found for found in files if format or _may_hold_data(found.file)] or files
    return Listing(data, _left_out(files, data))


def _one(path: Path, asked: str) -> Found:
    try:
        state = path.stat()
    except FileNotFoundError as error:
        raise _missing(path, asked) from error
    except (OSError, ValueError) as error:
        raise DataError(f"cannot be opened ({type(error).__name__})", where=asked, wanted="a file") from error
    if not stat.S_ISREG(state.st_mode):
        raise DataError("this is no file but a device or a pipe", where=asked, wanted="a file, a folder or a glob")
    if not os.access(path, os.R_OK):
        raise DataError("may not be read", where=asked, do="Give yourself the right to read it.")
    return Found(path, _utf8(path.name), state.st_size, state.st_mtime_ns)


def _folder(root: Path, format: str | None, asked: str) -> Listing:
    if (root / "_delta_log").is_dir():
        raise DataError(
            "this is a Delta table; its files hold rows that the table has since removed or replaced",
            where=asked,
            wanted="a folder of data files",
            do=f"To read the files all the same, name them: {asked.rstrip('/')}/**/*.parquet",
        )
    files = list(_walk(root, hidden=False, deep=True))
    chosen = _chosen(files, format)
    if not chosen:
        raise DataError("no data file in this folder", where=asked, wanted="CSV, JSON, Parquet, text …", do=_seen(root))
    return Listing(chosen, _left_out(files, chosen))


def _left_out(files: list[Found], chosen: list[Found]) -> list[str]:
    left = sorted({found.file for found in files} - {found.file for found in chosen})
    more = f" and {len(left) - 5} more" if len(left) > 5 else ""
    return [f"not read, as no data by their names: {', '.join(left[:5])}{more}"] if left else []


def _chosen(files: list[Found], format: str | None) -> list[Found]:
    data = [found for found in files if _may_hold_data(found.file)]
    named = {found.file: by_ending(found.file) for found in data}
    if format is not None:
        fitting = (None, "text", format) if format == "document" else (None, format)
        return [found for found in data if named[found.file] in fitting]
    # A text or a document beside tables says what they are, more often than not.
    tables = [found for found in data if named[found.file] not in (None, "text", "document")]
    texts, documents = ([found for found in data if named[found.file] == kind] for kind in ("text", "document"))
    return tables or (documents if len(documents) > len(texts) else texts) or data


def _may_hold_data(file: str) -> bool:
    return ending_of(file) not in OTHER_ENDINGS and not Path(file).stem.lower().startswith(_DOCUMENTS)


def _walk(root: Path, *, hidden: bool, deep: bool) -> Iterator[Found]:
    found = []
    for folder, folders, names in os.walk(root, followlinks=False):
        folders[:] = sorted(name for name in folders if hidden or not name.startswith((".", "_"))) if deep else []
        for name in names:
            if hidden or not name.startswith((".", "_")):
                path = Path(folder, name)
                try:
                    state = path.stat()
                except OSError:
                    # A link to nowhere, or a file that has gone since: not a file.
                    continue
                if stat.S_ISREG(state.st_mode):
                    found.append(
                        Found(path, _utf8(path.relative_to(root).as_posix()), state.st_size, state.st_mtime_ns)
                    )
    for each in sorted(found, key=lambda each: each.file):
        if not os.access(each.path, os.R_OK):
            raise DataError("may not be read", where=each.file, do="Give yourself the right to read it.")
        yield each


def _utf8(name: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        shown = name.encode("utf-8", "backslashreplace").decode()
        raise DataError("the file's name is not UTF-8", where=shown, do="Rename it.") from error
    return name


def regex_of(pattern: str) -> str:
    """Write a glob as a regular expression on a path with `/`.

    >>> bool(re.fullmatch(regex_of("**/*.csv"), "a/b/c.csv")), bool(re.fullmatch(regex_of("*.csv"), "a/b.csv"))
    (True, False)
    """
    parts = pattern.split("/")
    written = []
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if part == "**":
            written.append(".*" if last else "(?:.*/)?")
        else:
            written.append(_part(part) + ("" if last else "/"))
    return "(?s)" + "".join(written)


def _part(part: str) -> str:
    return re.sub(r"\[(!?)([^\]]+)\]|\*+|.", _sign, part, flags=re.DOTALL)


def _sign(found: re.Match[str]) -> str:
    if found[2]:
        ranges = re.escape(found[2]).replace(r"\-", "-")
        return f"[^/{ranges}]" if found[1] else f"[{ranges}]"
    return {"*": "[^/]*", "?": "[^/]"}.get(found[0][0], re.escape(found[0]))


def _missing(path: Path, asked: str) -> DataError:
    """Say which part of a path is not there, and what is in the folder before it."""
    parent, missing = path.parent, path.name
    while not parent.is_dir() and parent != parent.parent:
        parent, missing = parent.parent, parent.name
    names = _names(parent)
    guess = did_you_mean(missing, names) if names else None
    return DataError(
        f'nothing is called "{missing}" here',
        where=asked,
        wanted="a file, a folder or a glob",
        do=guess or _seen(parent),
    )


def _no_match(root: Path, pattern: str, asked: str) -> DataError:
    guess = did_you_mean(pattern, _names(root))
    return DataError(f'no file matches "{pattern}"', where=asked, wanted="at least one file", do=guess or _seen(root))


def _names(folder: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in os.scandir(folder) if not entry.name.startswith("."))
    except OSError:
        return []


def _seen(folder: Path) -> str:
    names = _names(folder)
    if not names:
        return "The folder is empty."
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return f"In that folder: {', '.join(names[:8])}{more}."
