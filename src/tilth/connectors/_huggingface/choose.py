"""Choose a data set's files: by its card's `configs`, else by the names of folders and files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tilth.connectors._archive.unpack import fits
from tilth.connectors._files.formats import by_ending
from tilth.connectors._files.listing import regex_of
from tilth.core.errors import DataError, did_you_mean

READABLE = ("parquet", "jsonl", "json", "csv", "tsv", "arrow", "text")
"""What is taken, in this order: of the first format that there is."""
_SPLITS = {
    "train": ("train", "training"),
    "test": ("test", "testing", "eval", "evaluation"),
    "validation": ("validation", "valid", "val", "dev"),
}
"""The hub's splits, and the words that stand for them in names."""


def configs_of(card: str) -> list[dict[str, Any]]:
    """Return the `configs` of a card's YAML head; an unreadable head counts as none.

    >>> configs_of("---\\nconfigs:\\n- config_name: en\\n  data_files: en/*.parquet\\n---\\n# Card")
    [{'config_name': 'en', 'data_files': 'en/*.parquet'}]
    """
    import yaml

    found = re.match(r"---\r?\n(.*?)\r?\n---\s*(?:\n|\Z)", card, re.S)
    if not found:
        return []
    try:
        head = yaml.safe_load(found[1])
    except (yaml.YAMLError, RecursionError, ValueError):
        return []
    configs = head.get("configs") if isinstance(head, dict) else None
    return [one for one in configs if isinstance(one, dict)] if isinstance(configs, list) else []


def chosen(
    paths: Sequence[str],
    configs: Sequence[Mapping[str, Any]],
    *,
    config: str | None,
    hub_split: str | None,
    files: str | None,
    where: str,
) -> list[str]:
    """Return the paths to read. Raises `DataError` that says what there is to choose from."""
    readable = [path for path in paths if by_ending(path) in READABLE and not _aside(path)]
    if files is not None:
        found = [path for path in readable if fits(path, files)]
        if not found:
            raise DataError(f'no file fits "{files}"', where=where, wanted="a glob", do=_some(readable))
        return found
    told = _by_card(readable, configs, config, hub_split, where) if configs else None
    found = _by_names(readable, config, hub_split, where) if told is None else told
    if not found:
        raise DataError(
            "no file that can be read",
            where=where,
            wanted=", ".join(READABLE),
            do="Sets that are made by a script are not run. Look for its parquet: revision: refs/convert/parquet.",
        )
    first = next(format for format in READABLE if any(by_ending(path) == format for path in found))
    return [path for path in found if by_ending(path) == first]


def _by_card(
    paths: Sequence[str], configs: Sequence[Mapping[str, Any]], config: str | None, hub_split: str | None, where: str
) -> list[str] | None:
    names = [str(one.get("config_name", "default")) for one in configs]
    if config is None and len(configs) > 1 and "default" not in names:
        raise DataError("several configurations", where=where, wanted=f"config: one of {', '.join(names[:20])}")
    wanted = config or ("default" if "default" in names else names[0])
    if wanted not in names:
        what = f'no configuration "{wanted}"'
        raise DataError(what, where=where, wanted=f"one of {', '.join(names[:20])}", do=did_you_mean(wanted, names))
    one = configs[names.index(wanted)]
    if "data_files" not in one:
        return None
    patterns = _patterns(one["data_files"])
    if hub_split is not None and hub_split not in patterns:
        what = f'no split "{hub_split}"'
        raise DataError(what, where=where, wanted=f"one of {', '.join(patterns)}", do=did_you_mean(hub_split, patterns))
    globs = patterns[hub_split] if hub_split else [glob for each in patterns.values() for glob in each]
    expressions = [re.compile(regex_of(glob.removeprefix("./"))) for glob in globs]
    return [path for path in paths if any(one.fullmatch(path) for one in expressions)]


def _patterns(data_files: Any) -> dict[str, list[str]]:
    """Return globs by split: `data_files` is a glob, a list of globs, or a list of {split, path}."""
    entries = data_files if isinstance(data_files, list) else [data_files]
    found: dict[str, list[str]] = {}
    for entry in entries:
        split, path = (entry.get("split", "train"), entry.get("path")) if isinstance(entry, dict) else ("train", entry)
        globs = path if isinstance(path, list) else [path]
        found.setdefault(str(split), []).extend(glob for glob in globs if isinstance(glob, str))
    return found


def _by_names(paths: Sequence[str], config: str | None, hub_split: str | None, where: str) -> list[str]:
    if config is not None:
        folders = sorted({path.partition("/")[0] for path in paths if "/" in path})
        paths = [path for path in paths if path.startswith(f"{config}/")]
        if not paths:
            what = f'no configuration "{config}"'
            raise DataError(what, where=where, wanted=f"one of {', '.join(folders[:20]) or 'none'}", do=_some(folders))
    if hub_split is None:
        return list(paths)
    by_split = {split: [path for path in paths if _is_of(path, words)] for split, words in _SPLITS.items()}
    known = next((split for split, words in _SPLITS.items() if hub_split in words), None)
    found = by_split[known] if known else [path for path in paths if _is_of(path, (hub_split,))]
    if found:
        return found
    if hub_split in _SPLITS["train"] and not any(by_split.values()):
        # Where names say nothing, all is train.
        return list(paths)
    here = ", ".join(split for split, held in by_split.items() if held)
    raise DataError(f'no split "{hub_split}"', where=where, wanted=f"one of {here or 'train'}", do=_some(paths))


def _is_of(path: str, words: Iterable[str]) -> bool:
    return re.search(rf"(?:^|[/._ -])(?:{'|'.join(map(re.escape, words))})(?=[/._ -]|$)", path, re.I) is not None


def _aside(path: str) -> bool:
    last = path.rpartition("/")[2].lower()
    hidden = any(step.startswith((".", "_")) for step in path.split("/"))
    return hidden or last.startswith(("readme", "license", "licence", "dataset_info", "dataset_infos", "dummy"))


def _some(names: Sequence[str]) -> str | None:
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return f"There are: {', '.join(names[:8])}{more}." if names else None
