"""Keep the greatest value of the incremental field, and step back from it by the overlap."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from tilth.connectors._rest.path import get, valid
from tilth.connectors._sql.window import amount
from tilth.core.errors import DataError, RecipeError, did_you_mean

OPTIONS = ("field", "param", "start", "overlap")


def check(incremental: Mapping[str, Any] | None, where: str, *, param: bool = True) -> None:
    """Raise `RecipeError` for options that can't be meant."""
    if incremental is None:
        return
    for name in incremental:
        if name not in OPTIONS:
            do = did_you_mean(name, OPTIONS)
            raise RecipeError(f'no option "{name}"', where=where, wanted=f"one of {', '.join(OPTIONS)}", do=do)
    for name in ("field", *(("param",) if param else ())):
        if not isinstance(incremental.get(name), str) or not incremental[name]:
            what = "the records' field" if name == "field" else "the parameter that takes its value"
            raise RecipeError(f"no {name}", where=where, wanted=what)
    if not valid(incremental["field"]):
        raise RecipeError("field is no path", where=where, wanted="such as updated_at")
    overlap = incremental.get("overlap", 0)
    if not isinstance(overlap, (str, int, float)) or isinstance(overlap, bool):
        raise RecipeError("overlap is no amount", where=where, wanted="such as 10m, or a number")
    amount(overlap, where)


def greatest(records: Iterable[Any], field: str, before: Any, where: str) -> Any:
    """Return the greatest value of a field, None left out. Raises `DataError` where values can't be compared."""
    found = before
    for record in records:
        value = get(record, field)
        if value is None:
            continue
        if not isinstance(value, (str, int, float)) or isinstance(value, bool):
            raise DataError(f'"{field}" holds neither texts nor numbers', where=where)
        if found is not None and isinstance(value, str) != isinstance(found, str):
            raise DataError(f'"{field}" is a text in one record and a number in another', where=where)
        if found is None or _rank(value) > _rank(found):
            found = value
    return found


def start_of(mark: Any, incremental: Mapping[str, Any]) -> str | None:
    """Return the value to ask from: the mark less the overlap, else the start.

    >>> start_of("2024-05-01T00:00:10Z", {"overlap": "10s"}), start_of(None, {"start": "2024-01-01"})
    ('2024-05-01T00:00:00Z', '2024-01-01')
    """
    if mark is None:
        start = incremental.get("start")
        return None if start is None else str(start)
    overlap = amount(incremental.get("overlap", 0), "overlap")
    if not overlap:
        return str(mark)
    if isinstance(mark, (int, float)):
        earlier_number = mark - overlap
        return str(int(earlier_number) if earlier_number == int(earlier_number) else earlier_number)
    moment = _moment(mark)
    if moment is None:
        return str(mark)
    earlier = (moment - timedelta(seconds=overlap)).isoformat()
    return earlier.replace("+00:00", "Z") if mark.endswith("Z") else earlier


def _rank(value: Any) -> tuple[int, Any]:
    """Order times as times, whatever their zones; other texts as they are written."""
    if not isinstance(value, str):
        return 0, value
    moment = _moment(value)
    return (0, value) if moment is None else (1, moment.timestamp())


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment
