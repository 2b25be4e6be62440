"""Read a date, with or without a time, in the forms that people and programs write.

Year first (ISO 8601 and its relatives, `20240501`, `2024年5月1日`, `2024년 5월 1일`, `民國113年5月1日`), month by name
(English, German, French, Spanish, Italian, Portuguese, Dutch), and day and month as numbers, in which either may come
first. Two figures for a year mean 1969 to 2068, as in POSIX `strptime`. Part dates ("May 2024") are no dates.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from typing import Literal, NamedTuple

Order = Literal["day", "month", "unknown"]
"""What comes first where only numbers are written."""
_LONGEST = 64
_MONTHS = (
    "january jan januar janvier janv enero ene gennaio gen janeiro januari",
    "february feb februar fevrier fevr febrero febbraio fevereiro fev februari",
    "march mar marz maerz mars marzo marco maart mrt",
    "april apr avril avr abril abr aprile",
    "may mai mayo maggio mag maio mei",
    "june jun juni juin junio giugno giu junho",
    "july jul juli juillet juil julio luglio lug julho",
    "august aug aout agosto ago augustus",
    "september sep sept septembre septiembre settembre set setembro",
    "october oct oktober okt octobre octubre ottobre ott outubro out",
    "november nov novembre noviembre novembro",
    "december dec dezember dez decembre diciembre dic dicembre dezembro",
)
_MONTH_OF = {name: month for month, names in enumerate(_MONTHS, start=1) for name in names.split()}
_HAN = str.maketrans("〇零一二三四五六七八九", "00123456789")
_TENS = re.compile(r"(\d)?十(\d)?")
_YEAR_FIRST = re.compile(
    r"(?P<roc>民[國国]|中[華华]民[國国])?\s*(?P<y>\d{4}|\d{2,3}(?=\s*[年년]))\s*(?:[-/.]|年|년)"
    r"\s*(?P<m>\d{1,2})\s*(?:[-/.]|月|월)\s*(?P<d>\d{1,2})(?!\d)\s*[日号號일]?"
)
_COMPACT = re.compile(r"(?P<y>(?:1[6-9]|2[01])\d\d)(?P<m>\d\d)(?P<d>\d\d)(?!\d)")
_NUMBERS = re.compile(r"(?P<a>\d{1,2})\s*(?P<mark>[-/.])\s*(?P<b>\d{1,2})\s*(?P=mark)\s*(?P<y>\d{4}|\d{2})(?!\d)")
_DAY_NAME = re.compile(
    r"(?P<d>\d{1,2})(?:st|nd|rd|th|er|\.|º|ª)?[\s\-/.]*(?:of |de |den )?"
    r"(?P<n>[a-z]{3,10})\.?,?[\s\-/.]*(?:de )?(?P<y>\d{4}|\d{2})(?!\d)"
)
_NAME_DAY = re.compile(r"(?P<n>[a-z]{3,10})\.?[\s\-/]*(?P<d>\d{1,2})(?:st|nd|rd|th)?,?[\s\-/]+(?P<y>\d{4})(?!\d)")
_YEAR_NAME = re.compile(r"(?P<y>\d{4})[\s\-/]*(?P<n>[a-z]{3,10})\.?[\s\-/]*(?P<d>\d{1,2})(?!\d)")
_WEEKDAY = re.compile(
    r"^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+|[(\[]?(?:星期|周|週|礼拜|禮拜)[0-9日天][)\]]?|[(\[][月火水木金土日][)\]]"
)
_TIME = re.compile(
    r"(?P<half>上午|下午|晚上|中午|凌晨|早上)?\s*(?P<h>\d{1,2})\s*(?:[:h.]|[点點时時])\s*(?P<mi>\d{1,2})?\s*分?"
    r"(?:\s*:?\s*(?P<s>\d{2})(?:秒|(?:[.,](?P<f>\d{1,9}))?))?\s*(?P<ap>[ap]\.?m\.?)?"
    r"\s*(?P<zone>z|utc|gmt|[+-]\d{2}:?\d{2}|[+-]\d{2})?"
)


class Read(NamedTuple):
    """A moment read; `swapped` is the other reading where day and month might be the other way round."""

    moment: datetime.datetime
    timed: bool
    zoned: bool
    swapped: datetime.datetime | None
    first: Order
    """What came first, where the numbers tell; `unknown` where they don't or where nothing could be mixed up."""


def read(text: str) -> Read | None:
    """Read a text, with the day first where both readings are possible; None if it is no date.

    >>> read("2024年5月1日").moment.date().isoformat()
    '2024-05-01'
    >>> read("03/04/2024").swapped.date().isoformat(), read("13/04/2024").first
    ('2024-03-04', 'day')
    """
    if len(text) > _LONGEST:
        return None
    rest = _WEEKDAY.sub(" ", _plain(text)).strip()
    for pattern in (_YEAR_FIRST, _COMPACT, _NUMBERS, _DAY_NAME, _NAME_DAY, _YEAR_NAME):
        found = pattern.match(rest)
        if found and (readings := _days(found.groupdict())):
            break
    else:
        return None
    day, swapped, first = readings
    tail = rest[found.end() :].lstrip(" ,t").strip()
    time = _time(tail)
    if time is None:
        return None
    since, zone = time
    try:
        moment = datetime.datetime.combine(day, datetime.time()) + since
        other = datetime.datetime.combine(swapped, datetime.time()) + since if swapped else None
        if zone:
            moment, other = moment - zone, other - zone if other else None
    except OverflowError:
        return None
    return Read(moment, bool(tail), zone is not None, other, first)


def _plain(text: str) -> str:
    """Return the text in compatibility form without accents, Chinese numerals as figures."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    marked = "".join(mark for mark in folded if not unicodedata.combining(mark))
    plain = unicodedata.normalize("NFC", marked).strip()
    if plain.isascii():
        return " ".join(plain.split())
    plain = "".join(str(unicodedata.digit(mark)) if mark.isdecimal() else mark for mark in plain)
    plain = plain.translate(_HAN).replace("廿", "2十").replace("元年", "1年")
    return " ".join(_TENS.sub(lambda tens: f"{tens[1] or 1}{tens[2] or 0}", plain).split())


def _days(found: dict[str, str | None]) -> tuple[datetime.date, datetime.date | None, Order] | None:
    """Return the day, the other day it may be, and what came first."""
    year = _year(found["y"] or "", bool(found.get("roc")))
    if "a" in found:
        a, b = int(found["a"] or 0), int(found["b"] or 0)
        by_day, by_month = _date(year, b, a), _date(year, a, b)
        if by_day and by_month:
            return by_day, by_month if by_day != by_month else None, "unknown"
        if by_day:
            return by_day, None, "day"
        return (by_month, None, "month") if by_month else None
    month = _MONTH_OF.get(found["n"] or "", 0) if "n" in found else int(found["m"] or 0)
    day = _date(year, month, int(found["d"] or 0))
    return (day, None, "unknown") if day else None


def _year(figures: str, roc: bool) -> int:
    year = int(figures)
    if roc:
        return year + 1911
    if len(figures) == 2:
        return year + (1900 if year >= 69 else 2000)
    return year if len(figures) == 4 else 0


def _date(year: int, month: int, day: int) -> datetime.date | None:
    try:
        return datetime.date(year, month, day)
    except ValueError:
        return None


def _time(tail: str) -> tuple[datetime.timedelta, datetime.timedelta | None] | None:
    """Return the time of day and the zone's offset; None if the tail is no time."""
    if not tail:
        return datetime.timedelta(), None
    found = _TIME.fullmatch(tail)
    if not found:
        return None
    hour, minute, second = int(found["h"]), int(found["mi"] or 0), int(found["s"] or 0)
    late = (found["ap"] or "").startswith("p") or found["half"] in ("下午", "晚上", "中午")
    if found["ap"] or found["half"]:
        if hour > 12:
            late = False
        elif hour == 12 and (found["ap"] or found["half"] != "中午"):
            hour = 0
        hour += 12 if late and hour < 12 else 0
    if hour > 24 or minute > 59 or second > 60 or (hour == 24 and (minute or second)):
        return None
    micro = int((found["f"] or "").ljust(6, "0")[:6] or 0)
    since = datetime.timedelta(hours=hour, minutes=minute, seconds=second, microseconds=micro)
    return since, _zone(found["zone"])


def _zone(text: str | None) -> datetime.timedelta | None:
    if not text:
        return None
    if text[0] not in "+-":
        return datetime.timedelta()
    figures = text[1:].replace(":", "").ljust(4, "0")
    away = datetime.timedelta(hours=int(figures[:2]), minutes=int(figures[2:]))
    return -away if text[0] == "-" else away
