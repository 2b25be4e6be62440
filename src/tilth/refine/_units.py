"""Know units of measure: what they measure and how many SI units they are, exactly.

Factors are the exact definitions of the SI brochure (BIPM, 9th edition 2019) and of NIST Special Publication 811 (2008,
appendix B); Chinese market units (斤, 两, 里) are those of the State Council's order of 1959. Names that mean several
things (12k, 5 pt, 3 度) are left out; case is not looked at. A mark for money is only written alike, never converted:
¥ may be yen or yuan, and $ many things.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import NamedTuple

_TABLE = """
length m 1: m metre metres meter meters 米 公尺
length m 1000: km kilometre kilometres kilometer kilometers 公里 千米
length m 0.1: dm decimetre decimeter 分米
length m 0.01: cm centimetre centimetres centimeter centimeters 厘米 公分
length m 0.001: mm millimetre millimetres millimeter millimeters 毫米
length m 0.000001: µm um micrometre micrometer micron microns 微米
length m 0.000000001: nm nanometre nanometer 纳米
length m 0.3048: ft foot feet ' 英尺
length m 0.0254: in inch inches " '' 英寸
length m 0.9144: yd yard yards 码
length m 1609.344: mi mile miles 英里
length m 1852: nmi 海里
length m 500: 里 市里
mass kg 1: kg kilogram kilograms kilo kilos kgs 公斤 千克
mass kg 0.001: g gram grams gramme grammes 克
mass kg 0.000001: mg milligram milligrams 毫克
mass kg 0.000000001: µg ug mcg microgram micrograms 微克
mass kg 1000: t tonne tonnes 吨
mass kg 0.45359237: lb lbs pound pounds 磅
mass kg 0.028349523125: oz ounce ounces 盎司
mass kg 6.35029318: st stone stones
mass kg 907.18474: ton tons
mass kg 0.5: 斤 市斤
mass kg 0.05: 两 市两
time s 1: s sec secs second seconds 秒 秒钟
time s 0.001: ms millisecond milliseconds 毫秒
time s 60: min mins minute minutes 分 分钟
time s 3600: h hr hrs hour hours 小时 时
time s 86400: d day days 天 日
time s 604800: wk week weeks 周 星期
area m² 1: m² m2 sqm 平方米 平米
area m² 1000000: km² km2 平方公里
area m² 10000: ha hectare hectares 公顷
area m² 0.0001: cm² cm2 平方厘米
area m² 0.09290304: ft² ft2 sqft 平方英尺
area m² 4046.8564224: acre acres 英亩
volume l 1: l litre litres liter liters 升 公升
volume l 0.001: ml millilitre millilitres milliliter milliliters cc 毫升
volume l 0.01: cl centilitre centiliter
volume l 0.1: dl decilitre deciliter
volume l 1000: m³ m3 立方米
volume l 3.785411784: gal gallon gallons 加仑
volume l 0.473176473: pint pints
volume l 0.0295735295625: floz
speed m/s 1: m/s 米/秒
speed m/s 0.44704: mph
pressure Pa 1: pa
pressure Pa 100: hpa mbar
pressure Pa 1000: kpa
pressure Pa 100000: bar bars
pressure Pa 101325: atm
energy J 1: j joule joules 焦
energy J 1000: kj 千焦
energy J 4184: kcal 千卡 大卡
energy J 4.184: cal
energy J 3600000: kwh
energy J 3600: wh
power W 1: w watt watts 瓦
power W 1000: kw 千瓦
temperature K 1: kelvin
data B 1: byte bytes 字节
data B 1000: kb
data B 1000000: mb
data B 1000000000: gb
data B 1000000000000: tb
data B 1024: kib
data B 1048576: mib
data B 1073741824: gib
"""
_MONEY_NAMES = """
€: € eur euro euros
£: £ gbp
$: $
USD: usd us$
¥: ¥
CNY: cny rmb 元 人民币
JPY: jpy 円
CHF: chf
₹: ₹ inr
₩: ₩ krw
kr: kr
zł: zł pln
"""
_DEGREES = {
    **dict.fromkeys(("°c", "celsius", "摄氏度", "degc"), (Decimal(1), Decimal("273.15"))),
    **dict.fromkeys(("°f", "fahrenheit", "华氏度", "degf"), (Decimal(5) / 9, Decimal("459.67") * 5 / 9)),
}


class Unit(NamedTuple):
    """What a unit measures, the base it is told in, and base = number * factor + offset."""

    measure: str
    base: str
    factor: Decimal
    offset: Decimal = Decimal(0)


class Part(NamedTuple):
    """A written number and the unit after (or before) it, as looked up by `find`."""

    number: str
    unit: str


def find(name: str) -> Unit | None:
    """Return the unit of that name; a mark for money has its own mark as base.

    >>> find("lb").factor, find("公斤").base, find("RMB").base
    (Decimal('0.45359237'), 'kg', 'CNY')
    """
    return _UNITS.get(_plain(name).replace("^", ""))


def parts(text: str) -> tuple[Part, ...]:
    """Take a measure apart: "5 ft 3 in", "2h 15m", "€ 12"; nothing if it is none, or of several measures.

    >>> parts("5' 3\\"")
    (Part(number='5', unit="'"), Part(number='3', unit='"'))
    >>> parts("12 parsnips"), parts("12")
    ((), (Part(number='12', unit=''),))
    """
    plain = _plain(text)
    before = _MONEY_FIRST.fullmatch(plain)
    if before and before["unit"] in _MONEY:
        return (Part(f"{before['sign']}{before['number']}", before["unit"]),)
    found = [Part(one["number"], one["unit"].strip()) for one in _PART.finditer(plain)]
    if not found or not _WHOLE.fullmatch(plain):
        return ()
    if len(found) == 1:
        return tuple(found) if not found[0].unit or find(found[0].unit) else ()
    # "m" is a minute after hours and a metre elsewhere.
    measure = (find(found[0].unit) or Unit("", "", Decimal(1))).measure
    if measure == "time":
        found = [Part(one.number, "min") if one.unit == "m" else one for one in found]
    units = [find(one.unit) for one in found]
    fine = all(unit is not None and unit.measure == measure and not unit.offset for unit in units)
    return tuple(found) if fine and measure != "money" else ()


def base_value(found: tuple[Part, ...], numbers: list[float]) -> Decimal:
    """Return the measure in its base unit; the sign of the first part is that of all."""
    total = Decimal(0)
    for part, number in zip(found, numbers, strict=True):
        unit = find(part.unit)
        if unit is not None:
            size = Decimal(repr(number)) * unit.factor + unit.offset
            total += -size if total < 0 < size else size
    return total


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text[:_LONGEST]).replace("′", "'").replace("″", '"').replace("’", "'")
    folded = folded.replace("μ", "µ").replace("²", "2").replace("³", "3").replace("−", "-").replace("”", '"')
    return " ".join(folded.casefold().split())


def _read_money() -> dict[str, str]:
    lines = (line.split(": ", 1) for line in _MONEY_NAMES.strip().splitlines())
    return {name: mark for mark, names in lines for name in names.split()}


def _read_table() -> dict[str, Unit]:
    found: dict[str, Unit] = {}
    for line in _TABLE.strip().splitlines():
        head, names = line.split(": ", 1)
        measure, base, factor = head.split()
        for name in names.split():
            found.setdefault(_plain(name), Unit(measure, base, Decimal(factor)))
    found |= {name: Unit("speed", "m/s", Decimal(5) / 18) for name in ("km/h", "kmh", "kph", "公里/小时", "千米/时")}
    found |= {name: Unit("temperature", "K", factor, offset) for name, (factor, offset) in _DEGREES.items()}
    return found | {name: Unit("money", mark, Decimal(1)) for name, mark in _MONEY.items()}


_LONGEST = 64
_MONEY = _read_money()
_UNITS = _read_table()
_NUMBER = r"[+-]?\d[\d.,' ]*?(?:e[+-]?\d{1,3})?"
_NAME = r"(?:[^\W\d_]|['\"°$€£¥₹₩/²³])(?:[^\W\d_]|['/$]|(?<=[mt])[23](?!\d))*"
_PART = re.compile(rf"(?P<number>{_NUMBER})\s*(?P<unit>{_NAME}|(?=$))\.?")
_WHOLE = re.compile(rf"{_NUMBER}\s*(?:{_NAME})?\.?(?:\s*(?:,|and|und)?\s*{_NUMBER}\s*{_NAME}\.?)*")
_MONEY_FIRST = re.compile(rf"(?P<sign>-?)(?P<unit>[^\W\d_]{{2,4}}\$?|[$€£¥₹₩])\s*(?P<number>{_NUMBER})")
