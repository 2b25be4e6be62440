"""The rows of the support desk: who writes when about what, and what is planted in which row."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

from tilth.samples.support_desk_alike import Alike, similarity
from tilth.samples.support_desk_damage import damage, suited
from tilth.samples.support_desk_noise import mash, noise_texts
from tilth.samples.support_desk_people import Person, Span, give_away
from tilth.samples.support_desk_repeats import ALIKE, repeat
from tilth.samples.support_desk_writer import Draft, Writer, draft

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
END: Final = datetime(2026, 7, 1, tzinfo=UTC)

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

_NEIGHBOURS: Final = {
    "delivery_late": ("change_address", "refund_request"),
    "refund_request": ("payment_failed", "cancel_subscription", "delivery_late"),
    "password_reset": ("bug_report", "account_deletion"),
    "bug_report": ("feature_request", "product_question", "password_reset"),
    "payment_failed": ("refund_request", "invoice_question", "bug_report"),
    "product_question": ("feature_request", "bug_report"),
    "cancel_subscription": ("account_deletion", "refund_request"),
    "invoice_question": ("payment_failed", "refund_request"),
    "change_address": ("delivery_late", "password_reset"),
    "feature_request": ("product_question", "bug_report"),
    "speak_to_human": ("delivery_late", "refund_request"),
    "account_deletion": ("cancel_subscription", "password_reset"),
}
# file -> share of it in each language; the channels of a file with their shares
_FILES: Final = {
    "en": {"tickets_2026_h1.csv": 0.57, "chat_export.jsonl.gz": 0.27, "phone_notes.tsv": 0.12, "tickets_partner.csv": 0.04},
    "zh": {"tickets_2026_h1.csv": 0.14, "chat_export.jsonl.gz": 0.25, "phone_notes.tsv": 0.06, "tickets_partner.csv": 0.55},
}
_CHANNELS: Final = {
    "tickets_2026_h1.csv": ("email", "email", "email", "web_form", "web_form"),
    "chat_export.jsonl.gz": ("chat",),
    "phone_notes.tsv": ("phone_note",),
    "tickets_partner.csv": ("email", "web_form"),
}
_GOODS: Final = (19.9, 24.9, 39.0, 49.0, 59.0, 89.0, 119.0, 129.0, 249.0, 289.0)
_PLANS: Final = (4.99, 7.99, 9.99, 49.0, 79.0, 99.0)
_ABOUT_PLANS: Final = ("cancel_subscription", "account_deletion", "password_reset", "bug_report", "feature_request")
_URGENT: Final = ("password_reset", "payment_failed", "speak_to_human", "change_address")


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


def make_rows(count: int, *, seed: int) -> list[Row]:
    """Make all rows in order of time; each kind of planted defect is on rows of its own."""
    exact, near = round(count * 0.03), round(count * 0.04)
    noise = noise_texts(count, rng=Random(f"{seed}:noise"))
    rows = _written(count - exact - near - len(noise), count, seed)
    alike = Alike()
    _compose(rows, alike, seed)
    repeats = _repeats(rows, exact, near, alike, Random(f"{seed}:repeats"))
    rows += repeats
    rng = Random(f"{seed}:noise_rows")
    for text, how, language, intent in noise:
        like = rng.choice(rows)
        true = intent or None
        row = _again(like, text=mash(rng) if how == "mash" else text, when=_moment(rng))
        row.language, row.kind, row.how, row.true_intent = language, "noise", how, true
        row.intent, row.second_intent, row.original = intent or rng.choice(list(WEIGHTS)), None, None
        rows.append(row)
    _numbers(rows, Random(f"{seed}:numbers"))
    return sorted(rows, key=lambda row: row.created_at)


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


def _written(plain: int, count: int, seed: int) -> list[Row]:
    """Make the rows that are written once, without their texts."""
    rng = Random(f"{seed}:plan")
    writers = [f"CU-{10_000 + 7 * place + rng.randrange(7)}" for place in range(max(2, round(count * 0.4)))]
    chinese = round(plain * 0.225)
    rows: list[Row] = []
    for language, number in (("en", plain - chinese), ("zh", chinese)):
        share = number / plain
        start, end = (0, round(len(writers) * (1 - share))) if language == "en" else (round(len(writers) * (1 - share)), None)
        crowd = writers[start:end]
        # Everybody writes once; then few write often (Zipf).
        often = rng.choices(crowd, [1 / (place + 3) for place in range(len(crowd))], k=max(0, number - len(crowd)))
        people = (crowd + often)[:number]
        rng.shuffle(people)
        intents = list(shares(number, WEIGHTS))
        rng.shuffle(intents)
        files = list(shares(number, _FILES[language]))
        rng.shuffle(files)
        for customer, intent, file in zip(people, intents, files, strict=True):
            channel = rng.choice(_CHANNELS[file])
            rows.append(
                Row(
                    file=file,
                    language=language,
                    intent=intent,
                    true_intent=intent,
                    customer_id=customer,
                    channel=channel,
                    created_at=_moment(rng),
                    text="",
                )
            )
    rng.shuffle(rows)
    kinds = shares(
        count,
        {"personal_data": 0.08, "wrong_labels": 0.04, "encoding_damage": 0.03, "": 0.85},
    )
    for row, kind in zip(rows, kinds, strict=False):
        row.kind = kind
    return rows


def _moment(rng: Random) -> datetime:
    """Draw a time in the half year: fewer messages at the week-end and at night."""
    while True:
        day = START + timedelta(days=rng.randrange((END - START).days))
        if day.weekday() < 5 or rng.random() < 0.45:
            break
    hour = min(23.99, max(0.0, rng.gauss(14.5, 4.2)))
    return day + timedelta(seconds=int(hour * 3600) + rng.randrange(36))


def _compose(rows: list[Row], alike: Alike, seed: int) -> None:
    """Write the texts; a text too much like an earlier one is written anew."""
    rng, damages = Random(f"{seed}:texts"), 0
    habits: dict[str, Writer] = {}
    for row in rows:
        identity = Random(f"{seed}:{row.customer_id}")
        writer = habits.setdefault(row.customer_id, Writer.draw(row.customer_id, row.language, identity))
        person = Person.draw(row.language, identity)
        if row.kind == "encoding_damage":
            ways = ("mojibake_cp1252", "html_entities", "zero_width", "mojibake_latin1", "fullwidth", "doubled_spaces")
            # In latin-1 a Chinese text would turn into control characters that end lines.
            row.how = ways[damages % 6] if row.language == "en" or damages % 6 != 3 else "fullwidth"
            damages += 1
        for attempt in range(200):
            message = _message(row, writer, rng)
            if row.kind == "personal_data":
                row.text, row.spans = _with_person(message, person, row, rng)
            else:
                row.text = message.text
            if row.kind == "encoding_damage":
                row.clean = suited(row.text, row.how, rng=rng)
                row.text = damage(row.clean, row.how, rng=rng)
                if row.text == row.clean:
                    continue
            if alike.nearest(row.clean or row.text) < ALIKE - 0.05:
                break
        else:
            raise ValueError(f"support_desk: no new message after {attempt + 1} tries. Ask for fewer rows.")
        alike.add(row.clean or row.text)
        if row.kind == "wrong_labels":
            near = rng.random() < 0.7
            row.intent = rng.choice(_NEIGHBOURS[row.intent] if near else [name for name in WEIGHTS if name != row.intent])
            row.how = "neighbour" if near else "any"


def _message(row: Row, writer: Writer, rng: Random) -> Draft:
    intent = row.true_intent or row.intent
    second = None
    if row.channel in ("email", "web_form") and rng.random() < 0.14:
        second = rng.choice([name for name in WEIGHTS if name not in (intent, "speak_to_human")])
    row.second_intent = second
    return draft(writer, intent, row.channel, other=second, vague=rng.random() < 0.035, rng=rng)


def _with_person(message: Draft, person: Person, row: Row, rng: Random) -> tuple[str, list[Span]]:
    """Put a sentence with personal data into the message, or a name under it."""
    if row.channel == "email" and rng.random() < 0.25:
        close = "\n\n此致\n" if row.language == "zh" else f"\n\n{rng.choice(('Best regards', 'Kind regards', 'Thanks'))},\n"
        text = f"{message.opening}{message.joint.join(message.sentences)}{close}"
        return text + person.name, [Span("name", len(text), len(text) + len(person.name), person.name)]
    sentence, spans = give_away(person, language=row.language, intent=row.true_intent or "", rng=rng)
    joint = message.joint
    if row.language == "zh" and not joint:
        joint = "" if message.sentences[-1][-1] in "？！。" else "，"
    elif row.language == "en" and message.sentences[-1][-1] not in ".?!":
        joint = ". "
    before = message.opening + message.joint.join(message.sentences) + joint
    placed = [Span(span.kind, span.start + len(before), span.end + len(before), span.text) for span in spans]
    return before + sentence + message.closing, placed


def _repeats(rows: list[Row], exact: int, near: int, alike: Alike, rng: Random) -> list[Row]:
    """Make rows that repeat a plain one: word for word, or nearly."""
    latest = END - timedelta(days=6)
    plain = [
        (place, row)
        for place, row in enumerate(rows)
        if not row.kind and row.created_at < latest and row.channel != "phone_note" and len(row.text) > 12
    ]
    rng.shuffle(plain)
    made: list[Row] = []
    while len(made) < exact:
        _, base = plain.pop()
        for _ in range(min(2 if rng.random() < 0.15 else 1, exact - len(made))):
            row = _again(base, text=base.text, when=_later(base.created_at, rng))
            if rng.random() < 0.3:
                row.file = "tickets_2026_h1.csv" if base.file != "tickets_2026_h1.csv" else "chat_export.jsonl.gz"
                row.channel = rng.choice(_CHANNELS[row.file])
            row.kind, row.how = "exact_duplicates", "same file" if row.file == base.file else "other file"
            made.append(row)
    while len(made) < exact + near and plain:
        place, base = plain.pop()
        text, how = repeat(base.text, language=base.language, rng=rng)
        if how and similarity(text, base.text) >= ALIKE and alike.nearest(text, but=place) < ALIKE - 0.05:
            row = _again(base, text=text, when=_later(base.created_at, rng))
            row.kind, row.how = "near_duplicates", how
            alike.add(text)
            made.append(row)
    return made


def _later(when: datetime, rng: Random) -> datetime:
    return when + timedelta(minutes=min(8_000, round(5 + rng.lognormvariate(6.0, 1.6))))


def _again(like: Row, *, text: str, when: datetime) -> Row:
    """Make one more row of the same customer in the same file."""
    return Row(
        file=like.file,
        language=like.language,
        intent=like.intent,
        true_intent=like.true_intent,
        customer_id=like.customer_id,
        channel=like.channel,
        created_at=when,
        text=text,
        second_intent=like.second_intent,
        original=like,
    )


def _numbers(rows: list[Row], rng: Random) -> None:
    """Fill the columns of numbers, with missing and absurd order values."""
    for row in rows:
        intent = row.true_intent or row.intent
        row.priority = min(4, max(1, rng.choice((2, 3, 3)) - (intent in _URGENT) + (intent == "feature_request")))
        middle = {"chat": 1.4, "phone_note": 2.0}.get(row.channel, 5.6)
        row.waiting_minutes = round(rng.lognormvariate(middle, 0.7) * (0.5 + row.priority / 4))
        prices = _PLANS if intent in _ABOUT_PLANS and rng.random() < 0.7 else _GOODS
        row.true_value = round(rng.choice(prices) * rng.choice((1, 1, 1, 2, 3)) + rng.choice((0, 3.9, 5.9)), 2)
        row.order_value = row.true_value
        if rng.random() < (0.16 if intent in _ABOUT_PLANS else 0.04):
            row.order_value, row.value_how = None, "missing"
    valued = [row for row in rows if row.order_value is not None]
    for place, row in enumerate(rng.sample(valued, max(4, round(len(rows) * 0.008)))):
        row.value_how = ("cents", "negative", "placeholder", "slipped_point")[place % 4]
        row.order_value = {
            "cents": round(row.true_value * 100, 2),
            "negative": -row.true_value,
            "placeholder": 999999.99,
            "slipped_point": round(row.true_value * 10_000, 2),
        }[row.value_how]
