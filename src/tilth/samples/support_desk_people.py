"""Invented people and their personal data, and sentences that give it away.

Nothing here can belong to anybody: example.com/.org/.net mailboxes, telephone numbers that Ofcom and the NANPA keep for
fiction, card numbers that payment firms publish for tests, IBANs of banks that do not exist, towns that are on no map.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from random import Random
from typing import Final, NamedTuple

# Card numbers of the test modes of payment providers. They pass the Luhn check and pay for nothing.
TEST_CARDS: Final = (
    *("4242424242424242", "4000056655665556", "5555555555554444", "2223003122003222", "5200828282828210"),
    *("5105105105105100", "378282246310005", "371449635398431", "6011111111111117", "6011000990139424"),
    *("4111111111111111", "4012888888881881", "3566002020360505", "6200000000000005"),
)
_FIRST: Final = (
    *("Marta", "Oliver", "Priya", "Tom", "Aisha", "Declan", "Ingrid", "Samuel", "Noor", "Felix", "Hannah"),
    *("Zoë", "Kwame", "Julia", "Rafael", "Siobhan", "Peter", "Yuki", "Grace", "Ivan", "José", "Lena"),
)
_LAST: Final = (
    *("Okafor", "Whitcombe", "Raman", "Ashdown", "Lindqvist", "Moreau", "Fennimore", "Haddad", "Castellan"),
    *("Pemberly", "Novak", "Brightwater", "O'Dowd", "Tanaka", "Weller", "Achterberg", "Dunmore", "Sørby"),
)
_NAMES_ZH: Final = (
    *(("陈雨桐", "chen.yutong"), ("李文博", "liwenbo88"), ("王思远", "wangsy"), ("张晓雯", "xiaowen.zhang")),
    *(("刘子轩", "liuzx2001"), ("赵一鸣", "yiming.zhao"), ("周若兰", "zhou_ruolan"), ("吴建国", "wujianguo")),
    *(("黄诗涵", "shihan.huang"), ("孙浩然", "sunhr"), ("林佳怡", "lin.jiayi"), ("徐志强", "xuzq66")),
)
_ROADS: Final = ("Thornbury Lane", "Old Tannery Road", "Larch Close", "Wren Street", "Mill Race", "Beacon Rise")
_TOWNS: Final = ("Ashcombe ZX4 7QP", "Fernhollow ZX11 2LT", "Little Brannock ZY8 5DW", "Harrowmere ZQ2 9BN")
_ROADS_ZH: Final = ("青溪市柳岸区望禾路", "云浦市东篱区稻香街", "青溪市竹里区白苔巷", "云浦市南圃区石榴路")

_FRAMES: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "en": (
        ("You can reach me at {email}.", "My mail is {email}", "Please answer to {email}, not to this address."),
        ("Call me on {phone}.", "My number is {phone}", "I'm best reached on {phone} after work."),
        ("The card is {card}, exp. 09/28.", "I paid with {card}.", "My card number: {card}"),
        ("My IBAN is {iban}.", "Please transfer it to {iban}.", "Account for the money: {iban}"),
        ("The new address is {address}.", "I live at {address}", "It should go to {address}."),
        ("It's under the name {name}.", "My name is {name}.", "{name} here."),
        ("Write to {email} or ring {phone}.", "{name}, {phone}", "Contact: {name}, {email}, {phone}"),
        ("Please deliver to {name}, {address}.", "The account holder is {name}, IBAN {iban}."),
    ),
    "zh": (
        ("我的邮箱是{email}", "回复到{email}", "注册邮箱{email}"),
        ("我电话{phone}", "请打{phone}联系我", "手机号{phone}"),
        ("卡号{card}", "是用{card}这张卡付的"),
        ("账户{iban}", "钱退到{iban}"),
        ("地址是{address}", "寄到{address}", "我住{address}"),
        ("我叫{name}", "姓名：{name}", "收件人{name}"),
        ("联系人{name}，{phone}", "{name}，邮箱{email}"),
        ("新地址：{address}，{name}收，电话{phone}", "户名{name}，账号{iban}"),
    ),
}
# Which groups of frames fit what is asked for; mailboxes, telephones and names fit everywhere.
_FITTING: Final = {
    "refund_request": (0, 2, 2, 3, 3, 3, 5, 7),
    "payment_failed": (0, 1, 2, 2, 2, 2, 6),
    "change_address": (4, 4, 4, 4, 6, 7),
    "delivery_late": (0, 1, 4, 4, 5, 6, 7),
    "invoice_question": (0, 2, 3, 3, 4, 5, 6),
    "cancel_subscription": (0, 2, 2, 3, 5, 6),
    "speak_to_human": (0, 1, 1, 1, 5, 6, 6),
}
_ANYWHERE: Final = (0, 0, 1, 5, 6)


class Span(NamedTuple):
    """One piece of personal data in a text: characters start to end, the end left out."""

    kind: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Person:
    """One invented customer's personal data."""

    name: str
    """First and last name, or a Chinese name."""
    email: str
    """A mailbox at example.com, .org or .net."""
    phone: str
    """A telephone number kept for fiction."""
    card: str
    """A card number for tests."""
    iban: str
    """An IBAN with right check digits, of a bank that does not exist."""
    address: str
    """A street address that is on no map."""

    @classmethod
    def draw(cls, language: str, rng: Random) -> Person:
        """Draw a person."""
        if language == "zh":
            name, box = rng.choice(_NAMES_ZH)
            address = f"{rng.choice(_ROADS_ZH)}{rng.randint(2, 399)}号{rng.randint(1, 20)}幢{rng.randint(101, 1802)}室"
        else:
            first, last = rng.choice(_FIRST), rng.choice(_LAST)
            plain = unicodedata.normalize("NFKD", f"{first}.{last}".lower().replace("ø", "o"))
            name, plain = f"{first} {last}", re.sub(r"[^a-z.]", "", plain)
            box = rng.choice((plain, f"{plain.split('.')[1]}{rng.randint(2, 99)}", plain.replace(".", "_")))
            flat = rng.choice(("", "", f"Flat {rng.randint(1, 30)}, "))
            address = f"{flat}{rng.randint(1, 240)} {rng.choice(_ROADS)}, {rng.choice(_TOWNS)}"
        return cls(
            name=name,
            email=f"{box}@example.{rng.choice(('com', 'com', 'org', 'net'))}",
            phone=_phone(rng),
            card=_grouped(rng.choice(TEST_CARDS), rng.choice((" ", " ", "-", ""))),
            iban=_iban(rng),
            address=address,
        )


def give_away(person: Person, *, language: str, intent: str, rng: Random) -> tuple[str, list[Span]]:
    """Return a sentence with personal data in it, and where in the sentence they stand."""
    frame = rng.choice(_FRAMES[language][rng.choice(_FITTING.get(intent, _ANYWHERE))])
    sentence, spans, done = "", list[Span](), 0
    for slot in re.finditer(r"\{(\w+)\}", frame):
        value: str = getattr(person, slot[1])
        sentence += frame[done : slot.start()]
        spans.append(Span(slot[1], len(sentence), len(sentence) + len(value), value))
        sentence, done = sentence + value, slot.end()
    return sentence + frame[done:], spans


def _phone(rng: Random) -> str:
    digits = f"{rng.randint(0, 999):03}"
    return rng.choice(
        (
            f"07700 900{digits}",
            f"+44 7700 900{digits}",
            f"020 7946 0{digits}",
            f"01632 960{digits}",
            f"(415) 555-01{digits[:2]}",
            f"+1 212-555-01{digits[:2]}",
        )
    )


def _grouped(digits: str, joint: str) -> str:
    cuts = (4, 10) if len(digits) == 15 else (4, 8, 12)
    return joint.join(digits[start:end] for start, end in zip((0, *cuts), (*cuts, None), strict=True))


def _iban(rng: Random) -> str:
    """Draw an IBAN of a bank code that is not given out; check digits after ISO 13616 (MOD 97-10 of ISO 7064)."""
    country, account = rng.choice(
        (
            ("GB", f"ZZZZ000000{rng.randrange(10**8):08}"),
            ("DE", f"00000000{rng.randrange(10**10):010}"),
            ("NL", f"ZZZZ{rng.randrange(10**10):010}"),
        )
    )
    number = int("".join(str(int(sign, 36)) for sign in f"{account}{country}00"))
    iban = f"{country}{98 - number % 97:02}{account}"
    return " ".join(iban[place : place + 4] for place in range(0, len(iban), 4)) if rng.random() < 0.6 else iban
