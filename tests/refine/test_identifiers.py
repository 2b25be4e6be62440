"""Check digits tell an identifier from a number that only looks like one."""

from __future__ import annotations

import re

import pytest

from tilth.refine import _identifiers as identifiers


@pytest.mark.parametrize(
    "number",
    ["4111111111111111", "5500 0000 0000 0004", "3782-822463-10005", "6011111111111117", "30569309025904",
     "3530111333300000", "6200000000000005", "2223003122003222", "4917610000000000003"],
)  # fmt: skip
def test_cards_of_each_issuer(number: str) -> None:
    assert identifiers.card(number) == len(number)


@pytest.mark.parametrize("number", ["4111111111111112", "0000000000000000", "1234567812345670", "41111111111"])
def test_not_cards(number: str) -> None:
    assert identifiers.card(number) == 0


def test_a_random_number_is_a_card_less_than_one_time_in_fifty() -> None:
    numbers = [str((7919 * n * n + 104729 * n) % 10**16).zfill(16) for n in range(1, 2000)]
    assert sum(identifiers.card(number) > 0 for number in numbers) < 2000 / 25


@pytest.mark.parametrize(
    "number",
    ["DE89370400440532013000", "GB29 NWBK 6016 1331 9268 19", "FR14 2004 1010 0505 0001 3M02 606",
     "NO9386011117947", "MT84MALT011000012345MTLCAST001S", "nl91abna0417164300"],
)  # fmt: skip
def test_ibans(number: str) -> None:
    assert identifiers.iban(number) == len(number)


def test_an_iban_ends_where_its_country_says() -> None:
    assert identifiers.iban("DE89 3704 0044 0532 0130 00 THANKS") == 27


@pytest.mark.parametrize("number", ["DE88370400440532013000", "XX89370400440532013000", "DE8937040044053201300"])
def test_not_ibans(number: str) -> None:
    assert identifiers.iban(number) == 0


@pytest.mark.parametrize(("number", "holds"), [
    ("11010519491231002X", True), ("11010519491231002x", True), ("440308199901101512", True),
    ("110105194912310021", False), ("110105194913310025", False), ("990105194912310021", False),
])  # fmt: skip
def test_chinese_resident_ids(number: str, holds: bool) -> None:
    assert identifiers.is_cn_id(number) is holds


@pytest.mark.parametrize(("text", "holds"), [
    ("fe80::1ff:fe23:4567:890a", True), ("2001:db8::8a2e:370:7334", True), ("::1", False),
    ("12:30:45", False), ("::", False),
])  # fmt: skip
def test_ipv6(text: str, holds: bool) -> None:
    assert identifiers.is_ipv6(text) is holds


def test_every_shape_begins_only_where_a_text_may_hold_it() -> None:
    held = {
        "credentials": "https://ann:secret@example.org",
        "email": "ann@example.org",
        "iban": "GB29NWBK60161331926819",
        "cn_id": "11010519491231002X",
        "card": "4111 1111 1111 1111",
        "cn_mobile": "138 1234 5678",
        "ipv6": "2001:db8::1",
        "ipv4": "1.1.1.1",
        "phone": "020 7946 0958",
    }
    assert held.keys() == identifiers.KINDS.keys()
    for kind, text in held.items():
        assert re.search(identifiers.KINDS[kind].shape, text), kind
        assert identifiers.MAY_HOLD.search(text), kind
        assert (kind in identifiers.WITH_AT) == ("@" in text), kind
