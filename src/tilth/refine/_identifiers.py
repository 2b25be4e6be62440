"""Recognise identifiers by their shape, and believe them only when their check digits hold."""

from __future__ import annotations

import datetime
import ipaddress
import re
import unicodedata
from collections.abc import Callable
from typing import NamedTuple


class Kind(NamedTuple):
    """One kind of identifier."""

    mark: str
    """What stands in its place."""
    shape: str
    """A regular expression of what may be one. It holds no groups, and at most a few hundred characters match."""
    holds: Callable[[str, str], int]
    """From what has the shape, and what stands before it, to the identifier's length, or 0 when it is none."""


BEFORE = 24
"""How many characters before a shape its test may look at."""


def _all(test: Callable[[str], bool]) -> Callable[[str, str], int]:
    return lambda found, before: len(found) if test(found) else 0


def _start(measure: Callable[[str], int]) -> Callable[[str, str], int]:
    return lambda found, before: measure(found)


def digits_of(found: str) -> str:
    """Return the digits, of any script, as ASCII.

    >>> digits_of("４1-2")
    '412'
    """
    return "".join(str(unicodedata.digit(mark)) for mark in found if mark.isdecimal())


def luhn(digits: str) -> bool:
    """Check a card number's last digit (ISO/IEC 7812-1).

    >>> luhn("4111111111111111"), luhn("4111111111111112")
    (True, False)
    """
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2]]
    return (sum(doubled) + sum(map(int, digits[-1::-2]))) % 10 == 0


_CARD_PREFIXES = re.compile(
    r"(?:4(?:\d{12}|\d{15}|\d{18})"  # Visa
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|3(?:0[0-5]|[689]\d)\d{11}"  # Diners Club
    r"|(?:6011|64[4-9]\d|65\d\d)\d{12,15}"  # Discover
    r"|35\d{14}|(?:2131|1800)\d{11}"  # JCB
    r"|62\d{14,17}|81[0-7]\d{13,16}"  # UnionPay
    r"|(?:50|5[6-9]|6\d)\d{10,17})"  # Maestro
)


def card(found: str) -> int:
    """Return how many characters at the start are a payment card number: an issuer's prefix and length, and Luhn's
    digit.

    >>> card("4111 1111 1111 1111 12"), card("4111 1111 1111 1112")
    (19, 0)
    """
    ends = [at for at in range(len(found), 0, -1) if found[at - 1].isdecimal() and not found[at : at + 1].isdecimal()]
    for end in ends:
        digits = digits_of(found[:end])
        if _CARD_PREFIXES.fullmatch(digits) and len(set(digits)) > 1 and luhn(digits):
            return end
    return 0


_IBAN_LENGTHS = {
    code: int(length)
    for code, length in re.findall(
        r"([A-Z]{2})(\d\d)",
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 "
        "EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 "
        "IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 "
        "NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 "
        "SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30 ",
    )
}


def iban(found: str) -> int:
    """Return how many characters at the start are an IBAN: the country's length, remainder 1 modulo 97 (ISO 13616).

    >>> iban("DE89 3704 0044 0532 0130 00 and"), iban("DE88370400440532013000")
    (27, 0)
    """
    length = _IBAN_LENGTHS.get(found[:2].upper(), 0)
    marks = [at for at, mark in enumerate(found) if mark not in " -"][:length]
    compact = "".join(found[at] for at in marks)
    if not length or len(compact) != length:
        return 0
    turned = compact[4:] + compact[:4]
    return marks[-1] + 1 if int("".join(str(int(mark, 36)) for mark in turned)) % 97 == 1 else 0


_REGIONS = {
    *range(11, 16),
    *range(21, 24),
    *range(31, 38),
    *range(41, 47),
    *range(50, 55),
    *range(61, 66),
    71,
    81,
    82,
    83,
}


def is_cn_id(found: str) -> bool:
    """Tell a Chinese resident id: region, birth date, and the check digit of GB 11643-1999 (ISO 7064 MOD 11-2).

    >>> is_cn_id("11010519491231002X"), is_cn_id("110105194912310021")
    (True, False)
    """
    digits = digits_of(found[:17])
    if len(digits) != 17 or int(digits[:2]) not in _REGIONS:
        return False
    try:
        born = datetime.date(int(digits[6:10]), int(digits[10:12]), int(digits[12:14]))
    except ValueError:
        return False
    check = "10X98765432"[sum(int(digit) * pow(2, 17 - at, 11) for at, digit in enumerate(digits)) % 11]
    return 1900 <= born.year < 2100 and unicodedata.normalize("NFKC", found[17]).upper() == check


def is_ipv4(found: str) -> bool:
    """Tell four numbers of at most 255, without leading zeros."""
    return all(int(part) < 256 and (part == "0" or part[0] != "0") for part in found.split("."))


def is_ipv6(found: str) -> bool:
    """Tell an IPv6 address from a time, a C++ name or a bare "::"."""
    try:
        address = ipaddress.IPv6Address(found)
    except ValueError:
        return False
    return int(address) > 0xFFFF and any(mark.isdigit() for mark in found)


_GAP = r"[ \u00a0.-]"
_PHONE_ALONE = (
    rf"(?:(?:\+|00)[1-9]\d{{0,2}}{_GAP}?(?:\(0?\d{{1,5}}\)|\d){_GAP}?(?:\d{_GAP}?){{5,12}}\d"  # +44 20 7946 0958
    rf"|(?:1{_GAP})?\([2-9]\d\d\){_GAP}?[2-9]\d\d{_GAP}?\d{{4}}"  # (415) 555-2671
    rf"|(?:1{_GAP})?[2-9]\d\d(?:-[2-9]\d\d-|\.[2-9]\d\d\.| [2-9]\d\d )\d{{4}}"  # 415-555-2671
    rf"|\(?0\d{{1,4}}\)?{_GAP}/?{_GAP}?\d{{2,8}}(?:{_GAP}\d{{2,8}}){{0,4}}"  # 020 7946 0958, 010-62345678
    r"|400-\d{3}-\d{4}|800-\d{3}-\d{4})"  # Chinese service numbers
)
_PHONE_CALLED = rf"\(?\d{{1,5}}\)?(?:{_GAP}?\d{{2,8}}){{1,5}}"
"""A number so plain that only the words before it tell a phone from an order."""
_CALL = re.compile(
    r"(?:\b(?:tele)?(?:phone|fono|fon)|\btel|\bmobile?|\bcell(?:ular)?|\bfax|\bcall(?:ed|ing)?|\bdial|\bdesk|\btext|\bsms|\bwhatsapp"
    r"|\bring|\breach|\banswer(?:ing)?|\bhandy|电话|電話|手机|手機|座机|热线|传真|致电|联系方式)(?:\W{1,3}\w+){0,2}\W{0,4}$",
    re.IGNORECASE,
)
_DATE = re.compile(r"\d{4}[-./ ]\d{1,2}[-./ ]\d{1,2}|\d{1,2}[-./ ]\d{1,2}[-./ ]\d{4}|(?:19|20)\d\d[- ](?:19|20)\d\d")
_ALONE = re.compile(rf"{_PHONE_ALONE}(?:\s?(?:x|ext\.?)\s?\d{{1,5}})?")


def is_phone(found: str, before: str) -> int:
    """Tell a phone number by its shape, or a plainer one by the words before it; 7 to 15 digits (ITU-T E.164).

    >>> is_phone("020 7946 0958", "at "), is_phone("9472 7916", "call me on "), is_phone("9472 7916", "order ")
    (13, 9, 0)
    """
    digits = digits_of(found)
    if len(set(digits)) < 3 or _DATE.fullmatch(found):
        return 0
    if 8 <= len(digits) <= 20 and _ALONE.fullmatch(found):
        return len(found)
    return len(found) if 7 <= len(digits) <= 15 and _CALL.search(before) else 0


KINDS: dict[str, Kind] = {
    # A host and a name before it: only the name and the password go.
    "credentials": Kind(
        "[CREDENTIALS]", r"(?<=://)[^\s/@:<>\"'\[\]]{1,64}:[^\s/@<>\"']{1,128}(?=@[\w\[])", _all(lambda found: True)
    ),
    "email": Kind(
        "[EMAIL]",
        r"(?<![A-Za-z0-9À-ɏ._%+\-])[A-Za-z0-9À-ɏ_%+\-](?:[A-Za-z0-9À-ɏ._%+\-']{0,62}[A-Za-z0-9À-ɏ_%+\-])?"
        r"@(?:[A-Za-z0-9À-ɏ](?:[A-Za-z0-9À-ɏ-]{0,61}[A-Za-z0-9À-ɏ])?\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9-])",
        _all(lambda found: ".." not in found),
    ),
    "iban": Kind("[IBAN]", r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]){11,40}", _start(iban)),
    "cn_id": Kind("[CN_ID]", r"(?<![\dA-Za-z])\d{17}[\dXxＸｘ](?![\dA-Za-z])", _all(is_cn_id)),
    "card": Kind("[CARD]", r"(?<![\dA-Za-z.])\d(?:[ -]?\d){11,18}(?!\d)", _start(card)),
    "cn_mobile": Kind(
        "[PHONE]",
        r"(?<![\d.])(?:(?:\+|00)?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?!\d|\.\d)",
        _all(lambda found: len(set(digits_of(found))) > 2),
    ),
    "ipv6": Kind(
        "[IP]",
        r"(?<![0-9A-Za-z_:.])(?:[0-9A-Fa-f]{1,4}:|:(?=:)){1,8}[0-9A-Fa-f:.]{1,40}(?<![.:])(?![0-9A-Za-z_:])",
        _all(is_ipv6),
    ),
    "ipv4": Kind("[IP]", r"(?<![0-9A-Za-z_.])(?<!version )(?:\d{1,3}\.){3}\d{1,3}(?![0-9A-Za-z_]|\.\d)", _all(is_ipv4)),
    "phone": Kind(
        "[PHONE]",
        rf"(?<![\dA-Za-z.+])(?:{_PHONE_ALONE}|{_PHONE_CALLED})(?:\s?(?:x|ext\.?)\s?\d{{1,5}})?(?![\dA-Za-z]|\.\d)",
        is_phone,
    ),
}
"""In order of trust: a checked identifier wins over a likely one that begins at the same place."""

MAY_HOLD = re.compile(r"@|\d(?:\D{0,3}\d){5}|\d\.\d{1,3}\.\d|[0-9A-Fa-f]:[0-9A-Fa-f]{0,4}:")
"""A text without one of these holds no kind: an at sign, six digits near one another, dots or colons of an IP."""
WITH_AT = ("credentials", "email")
"""The kinds that no text without an at sign holds."""
