"""Find values in an answer by a path such as `data.items` or `edges[*].node`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tilth.core.errors import DataError

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+|\*)\]")
KNOWN = ("data", "items", "results", "records", "rows", "value", "entries", "objects", "hits", "content", "nodes")
"""Where APIs put their records, most often."""


def valid(path: str) -> bool:
    """Tell whether a text is a path.

    >>> valid("data.items"), valid("edges[*].node"), valid("a..b")
    (True, True, False)
    """
    return bool(re.fullmatch(r"[^.\[\]]+(?:\[(?:\d+|\*)\])*(?:\.[^.\[\]]+(?:\[(?:\d+|\*)\])*)*", path))


def get(value: Any, path: str) -> Any:
    """Return what stands at a path, None where nothing does; with `[*]` a list. A name may hold dots.

    >>> get({"data": {"items": [{"a": 1}, {"a": 2}]}}, "data.items[*].a")
    [1, 2]
    >>> get({"@odata.nextLink": "u"}, "@odata.nextLink")
    'u'
    """
    if isinstance(value, dict) and path in value:
        return value[path]
    return _walk(
        value, [found[1] or (found[2] if found[2] == "*" else int(found[2])) for found in _STEP.finditer(path)]
    )


def _walk(value: Any, steps: list[str | int]) -> Any:
    for at, step in enumerate(steps):
        if step == "*":
            rest = steps[at + 1 :]
            inner = [_walk(one, rest) for one in value] if isinstance(value, list) else []
            return [one for part in inner for one in (part if isinstance(part, list) and "*" in rest else [part])]
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def records_in(body: Any, path: str | None, where: str) -> list[Any]:
    """Return an answer's records: what stands at `path`, else the one list of objects that there is.

    Raises `DataError` where there is none or more than one.
    """
    if path is not None:
        found = get(body, path)
        if found is None and isinstance(body, (dict, list)):
            raise DataError(
                f'no "{path}" in the answer',
                where=where,
                wanted="the path to the records",
                do=f"The answer has: {', '.join(map(str, list(body)[:12]))}." if isinstance(body, dict) else None,
            )
        return found if isinstance(found, list) else [found]
    if isinstance(body, list):
        return body
    lists = dict(_lists(body)) if isinstance(body, dict) else {}
    for name in KNOWN:
        if name in lists:
            return lists[name]
    if len(lists) == 1:
        return next(iter(lists.values()))
    raise DataError(
        "cannot tell where the records are" if lists else "no list of records in the answer",
        where=where,
        wanted="the path to them as `records`",
        do=f"Lists in the answer: {', '.join(sorted(lists)[:12])}." if lists else None,
    )


def _lists(body: dict[str, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, list[Any]]]:
    for name, value in body.items():
        if isinstance(value, list) and all(isinstance(one, dict) for one in value):
            yield prefix + name, value
        elif isinstance(value, dict) and depth < 2:
            inner = list(_lists(value, f"{prefix}{name}.", depth + 1))
            # `data.items` counts as `data` where nothing else in it is a list.
            yield from [(prefix + name, inner[0][1])] if len(inner) == 1 and not prefix and name in KNOWN else inner
