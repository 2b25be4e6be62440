"""Personal data with a shape is masked or counted; what only looks like it stays."""

from __future__ import annotations

import gzip
import json
import time
import typing
from pathlib import Path

import pytest

from tilth.refine._identifiers import KINDS
from tilth.refine.personal_data import KindName, PersonalData
from tilth.testing import batch


def masked(text: str, **options: object) -> str:
    return str(PersonalData(**options).map(batch(text=[text])).column("text")[0].as_py())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mail ann.o'neil+x@mail.example.co.uk.", "Mail [EMAIL]."),
        ("请联系zhang@example.com谢谢", "请联系[EMAIL]谢谢"),
        ("mailto:müller@exämple.de", "mailto:[EMAIL]"),
        ("git clone https://ann:s3cret@example.org/x.git", "git clone https://[CREDENTIALS]@example.org/x.git"),
        ("card 4111 1111 1111 1111 12/26", "card [CARD] 12/26"),
        ("卡号4111111111111111。", "卡号[CARD]。"),
        ("IBAN: DE89 3704 0044 0532 0130 00, thanks", "IBAN: [IBAN], thanks"),
        ("身份证11010519491231002X，谢谢", "身份证[CN_ID]，谢谢"),
        ("手机 13812345678 或 +86 138-1234-5678", "手机 [PHONE] 或 [PHONE]"),
        ("座机010-62345678", "座机[PHONE]"),
        ("Call +44 20 7946 0958 x12 now", "Call [PHONE] now"),
        ("(415) 555-2671 or 415-555-2671", "[PHONE] or [PHONE]"),
        ("Phone: 60-56-85-91", "Phone: [PHONE]"),
        ("ping 192.168.0.1, fe80::1ff:fe23:4567:890a", "ping [IP], [IP]"),
        ("a@b.co,c@d.org", "[EMAIL],[EMAIL]"),
    ],
)
def test_masks(text: str, expected: str) -> None:
    assert masked(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "order 4111 1111 1111 1112",
        "invoice 60-56-85-91",
        "on 2024-05-31 at 12:30:45, 31.05.2024",
        "1999-2004 and 2019 2020",
        "version 1.2.3.4 and 1.2.3.4.5 and 999.1.1.1",
        "std::vector a::b 3:4",
        "ISBN 978-3-16-148410-0",
        "1,234,567.89 EUR, 12345678",
        "@ann and ann@ and a@b",
        "https://example.org:8080/a@b",
        "sha 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
        "000000000000",
    ],
)
def test_leaves_alone(text: str) -> None:
    assert masked(text) == text


def test_only_the_kinds_asked_for() -> None:
    assert masked("ann@example.org 1.1.1.1", kinds=("ipv4",)) == "ann@example.org [IP]"
    assert masked("ann@example.org", kinds=()) == "ann@example.org"


def test_flagging_counts_and_leaves_the_text() -> None:
    rows = batch(text=["ann@example.org, bob@example.org", "none", None])
    found = PersonalData(action="flag", into="found").map(rows)
    assert found.column("found").to_pylist() == [2, 0, None]
    assert found.column("text").equals(rows.column("text"))


def test_the_kinds_on_offer_are_the_kinds_known() -> None:
    assert set(typing.get_args(KindName)) == set(KINDS) == set(PersonalData().kinds)


@pytest.mark.parametrize(
    "seed", ["1", "a", "1 ", "a.", "a@", "1.", "a:", "+1(", "x@y.", "0-", "4111 ", "DE89 ", "a1", "://a:"]
)
def test_a_hostile_text_takes_time_in_proportion(seed: str) -> None:
    text = seed * (20_000 // len(seed)) + " ann@example.org"
    started = time.process_time()
    list(PersonalData().find(text))
    assert time.process_time() - started < 2


@pytest.mark.shared
def test_finds_what_presidios_synthetic_set_marks(shared: Path) -> None:
    with gzip.open(shared / "pii_presidio_synthetic" / "synth_dataset_v2.json.gz", "rt", encoding="utf-8") as page:
        rows = json.load(page)
    known = {
        "EMAIL_ADDRESS": ("email",),
        "IBAN_CODE": ("iban",),
        "IP_ADDRESS": ("ipv4", "ipv6"),
        "CREDIT_CARD": ("card",),
        "PHONE_NUMBER": ("phone", "cn_mobile"),
    }
    wanted = dict.fromkeys(known, 0)
    hit = dict.fromkeys(known, 0)
    false = 0
    for row in rows:
        found = list(PersonalData().find(row["full_text"]))
        false += len(found)
        for span in row["spans"]:
            kinds = known.get(span["entity_type"], ())
            overlap = [one for one in found if one.start < span["end_position"] and one.end > span["start_position"]]
            if kinds:
                wanted[span["entity_type"]] += 1
                hit[span["entity_type"]] += any(one.kind in kinds for one in overlap)
            false -= sum(one.kind in kinds for one in overlap)
    recall = {kind: hit[kind] / wanted[kind] for kind in known}
    assert recall["EMAIL_ADDRESS"] == recall["IBAN_CODE"] == recall["IP_ADDRESS"] == 1
    assert recall["CREDIT_CARD"] > 0.99
    assert recall["PHONE_NUMBER"] > 0.8
    assert false <= 3
