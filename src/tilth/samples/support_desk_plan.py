"""Who writes when, in which file, about what: the rows of the support desk before they have texts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

from tilth.samples.support_desk_people import Span

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
END: Final = datetime(2026, 7, 1, tzinfo=UTC)

CHINESE: Final = 0.24
"""The share of Chinese messages."""

WEIGHTS: Final = {
    "delivery_late": 16.0,
    "refund_request": 14.0,
    "password_reset": 11.0,
    "bug_report": 10.0,
    "payment_failed": 9.0,
    "product_question": 8.0,
    "cancel_subscription": 7.5,
    "invoice_question": 6.0,
    "change_address": 5.5,
    "feature_request": 5.0,
    "speak_to_human": 4.5,
    "account_deletion": 4.0,
}
"""How often each intent comes, the largest four times the smallest."""

# file -> share of it in each language; the channels of a file with their shares
_FILES: Final = {
    "en": {
        "tickets_2026_h1.csv": 0.57,
        "chat_export.jsonl.gz": 0.27,
        "phone_notes.tsv": 0.12,
        "tickets_partner.csv": 0.04,
    },
    "zh": {
        "tickets_2026_h1.csv": 0.14,
        "chat_export.jsonl.gz": 0.25,
        "phone_notes.tsv": 0.06,
        "tickets_partner.csv": 0.55,
    },
}
CHANNELS: Final = {
    "tickets_2026_h1.csv": ("email", "email", "email", "web_form", "web_form"),
    "chat_export.jsonl.gz": ("chat",),
    "phone_notes.tsv": ("phone_note",),
    "tickets_partner.csv": ("email", "web_form"),
}


@dataclass(kw_only=True, eq=False)
class Row:
    """One message with its columns and the truth about it."""

    file: str
    """The file it is written to."""
    language: str
    """"en", "zh", "fr" or "de"; "" for noise that is in none."""
    intent: str
    """The intent as written."""
    customer_id: str
    """Who wrote."""
    channel: str
    """How they wrote."""
    created_at: datetime
    """When they wrote."""
    text: str
    """The message as written."""
    true_intent: str | None
    """The intent in truth, None for noise without one."""
    kind: str = ""
    """What is planted: "", exact_duplicates, near_duplicates, encoding_damage, personal_data, wrong_labels, noise."""
    how: str = ""
    """In which way it is planted."""
    second_intent: str | None = None
    """The second topic of the message."""
    clean: str = ""
    """The text before the encoding damage."""
    spans: list[Span] = field(default_factory=list)
    """The personal data in the text."""
    original: Row | None = None
    """The row this one repeats."""
    priority: int = 3
    """1 (at once) to 4 (some day)."""
    waiting_minutes: int = 0
    """Minutes until the first answer."""
    order_value: float | None = None
    """What the order cost as written, None when missing."""
    true_value: float = 0.0
    """What the order cost."""
    value_how: str = ""
    """"missing" or the kind of outlier."""
    ticket_id: str = ""
    """The key, given when files are written."""


def planned(plain: int, *, rows: int, rng: Random) -> list[Row]:
    """Plan the `plain` rows that are written once, of `rows` in all; some are marked for a defect to be planted."""
    writers = [f"CU-{10_000 + 7 * place + rng.randrange(7)}" for place in range(round(rows * 0.4))]
    rng.shuffle(writers)
    chinese, chinese_writers = round(plain * CHINESE), round(len(writers) * CHINESE)
    crowds = {"en": writers[chinese_writers:], "zh": writers[:chinese_writers]}
    made: list[Row] = []
    for language, number in (("en", plain - chinese), ("zh", chinese)):
        crowd = crowds[language]
        # Everybody writes once; beyond that, a few write often (Zipf).
        often = rng.choices(crowd, [1 / (place + 12) for place in range(len(crowd))], k=max(0, number - len(crowd)))
        people = _shuffled([*crowd, *often][:number], rng)
        intents = _shuffled(shares(number, WEIGHTS), rng)
        files = _shuffled(shares(number, _FILES[language]), rng)
        made += [
            Row(
                file=file,
                language=language,
                intent=intent,
                true_intent=intent,
                customer_id=customer,
                channel=rng.choice(CHANNELS[file]),
                created_at=moment(rng),
                text="",
            )
            for customer, intent, file in zip(people, intents, files, strict=True)
        ]
    rng.shuffle(made)
    planted = {"personal_data": 0.08, "wrong_labels": 0.04, "encoding_damage": 0.03}
    for row, kind in zip(made, shares(rows, {**planted, "": 0.85}), strict=False):
        row.kind = kind
    return made


def moment(rng: Random) -> datetime:
    """Draw a time in the half year: fewer messages at the week-end and at night."""
    while True:
        day = START + timedelta(days=rng.randrange((END - START).days))
        if day.weekday() < 5 or rng.random() < 0.45:
            break
    hour = min(23.99, max(0.0, rng.gauss(14.5, 4.2)))
    return day + timedelta(seconds=int(hour * 3600) + rng.randrange(36))


def shares(total: int, weights: dict[str, float]) -> Iterator[str]:
    """Yield names in proportion to their weights, `total` in all, by largest remainder.

    >>> "".join(shares(5, {"a": 3, "b": 1}))
    'aaaab'
    """
    whole = sum(weights.values())
    exact = {name: total * weight / whole for name, weight in weights.items()}
    counts = {name: math.floor(value) for name, value in exact.items()}
    by_rest = sorted(exact, key=lambda name: counts[name] - exact[name])
    for name in by_rest[: total - sum(counts.values())]:
        counts[name] += 1
    for name, number in counts.items():
        yield from [name] * number


def _shuffled(names: Iterable[str], rng: Random) -> list[str]:
    mixed = list(names)
    rng.shuffle(mixed)
    return mixed
