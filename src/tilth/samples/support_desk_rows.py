"""The rows of the support desk with their texts, and what is planted in which row."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import Final

from tilth.samples.support_desk_alike import Alike, similarity
from tilth.samples.support_desk_damage import DAMAGES, damage, suited
from tilth.samples.support_desk_noise import mash, noise_texts
from tilth.samples.support_desk_numbers import fill_numbers
from tilth.samples.support_desk_people import Person, Span, give_away
from tilth.samples.support_desk_plan import CHANNELS, END, WEIGHTS, Row, moment, planned
from tilth.samples.support_desk_repeats import ALIKE, repeat
from tilth.samples.support_desk_writer import Draft, Writer, draft

TRIES: Final = 400
"""How often a message is written anew that is too much like an earlier one."""

VAGUE: Final = {"en": 0.018, "zh": 0.012}
"""How often a message leaves its matter unsaid, by language."""

SECOND_TOPIC: Final = {"en": 0.065, "zh": 0.045}
"""How often a mail or form has a second topic, by language."""

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
"""Which other intents an annotator mistakes each for."""


def make_rows(count: int, *, seed: int) -> list[Row]:
    """Make all rows in order of time; each kind of planted defect is on rows of its own."""
    exact, near = round(count * 0.03), round(count * 0.04)
    noise = noise_texts(count, rng=Random(f"{seed}:noise"))
    rows = planned(count - exact - near - len(noise), rows=count, rng=Random(f"{seed}:plan"))
    alike = Alike()
    _compose(rows, alike, seed)
    repeats = _repeats(rows, exact, near, alike, Random(f"{seed}:repeats"))
    rows += repeats
    rng = Random(f"{seed}:noise_rows")
    for text, how, language, intent in noise:
        like = rng.choice(rows)
        row = _again(like, text=mash(rng) if how == "mash" else text, when=moment(rng))
        row.language, row.kind, row.how, row.true_intent = language, "noise", how, intent or None
        row.intent, row.second_intent, row.original = intent or rng.choice(list(WEIGHTS)), None, None
        rows.append(row)
    fill_numbers(rows, Random(f"{seed}:numbers"))
    return sorted(rows, key=lambda row: row.created_at)


def _compose(rows: list[Row], alike: Alike, seed: int) -> None:
    """Write the texts; a text too much like an earlier one is written anew."""
    rng, damages = Random(f"{seed}:texts"), 0
    for row in rows:
        identity = Random(f"{seed}:{row.customer_id}")
        writer = Writer.draw(row.customer_id, row.language, identity)
        person = Person.draw(row.language, identity)
        if row.kind == "encoding_damage":
            row.how, damages = DAMAGES[damages % len(DAMAGES)], damages + 1
            if row.language == "zh":
                # Chinese has few spaces; and read as latin-1 it may hold U+0085, which ends a line in some readers.
                row.how = {"mojibake_latin1": "mojibake_cp1252", "doubled_spaces": "zero_width"}.get(row.how, row.how)
        for _ in range(TRIES):
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
            raise ValueError(f"support_desk: no new message in {TRIES} tries. Wanted: fewer rows or another seed.")
        alike.add(row.clean or row.text)
        if row.kind == "wrong_labels":
            near = rng.random() < 0.7
            row.intent = rng.choice(
                _NEIGHBOURS[row.intent] if near else [name for name in WEIGHTS if name != row.intent]
            )
            row.how = "neighbour" if near else "any"


def _message(row: Row, writer: Writer, rng: Random) -> Draft:
    intent = row.true_intent or row.intent
    second = None
    if row.channel in ("email", "web_form") and rng.random() < SECOND_TOPIC[row.language]:
        second = rng.choice([name for name in WEIGHTS if name not in (intent, "speak_to_human")])
    row.second_intent = second
    return draft(
        writer,
        intent,
        row.channel,
        other=second,
        vague=rng.random() < VAGUE[row.language],
        when=row.created_at,
        rng=rng,
    )


def _with_person(message: Draft, person: Person, row: Row, rng: Random) -> tuple[str, list[Span]]:
    """Put a sentence with personal data into the message, or a name under it."""
    if row.channel == "email" and rng.random() < 0.2:
        close = (
            "\n\n此致\n" if row.language == "zh" else f"\n\n{rng.choice(('Best regards', 'Kind regards', 'Thanks'))},\n"
        )
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
                row.channel = rng.choice(CHANNELS[row.file])
            row.kind, row.how = "exact_duplicates", "same file" if row.file == base.file else "other file"
            made.append(row)
    while len(made) < exact + near:
        if not plain:
            raise ValueError("support_desk: no message left to repeat. Wanted: fewer rows or another seed.")
        place, base = plain.pop()
        text, how = repeat(base.text, language=base.language, rng=rng)
        if similarity(text, base.text) >= ALIKE and alike.nearest(text, but=place) < ALIKE - 0.05:
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
