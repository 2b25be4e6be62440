"""The columns of numbers: priority, order value and waiting time, some values missing or absurd."""

from __future__ import annotations

from random import Random
from typing import Final

from tilth.samples.support_desk_plan import Row

_GOODS: Final = (19.9, 24.9, 39.0, 49.0, 59.0, 89.0, 119.0, 129.0, 249.0, 289.0)
_PLANS: Final = (4.99, 7.99, 9.99, 49.0, 79.0, 99.0)
_ABOUT_PLANS: Final = ("cancel_subscription", "account_deletion", "password_reset", "bug_report", "feature_request")
_URGENT: Final = ("password_reset", "payment_failed", "speak_to_human", "change_address")


def fill_numbers(rows: list[Row], rng: Random) -> None:
    """Fill the columns of numbers, with missing and absurd order values."""
    for row in rows:
        intent = row.true_intent or row.intent
        row.waiting_minutes = _waited(row.channel, rng)
        if row.original is not None:
            continue
        row.priority = min(4, max(1, rng.choice((2, 3, 3)) - (intent in _URGENT) + (intent == "feature_request")))
        prices = _PLANS if intent in _ABOUT_PLANS and rng.random() < 0.7 else _GOODS
        row.true_value = round(rng.choice(prices) * rng.choice((1, 1, 1, 2, 3)) + rng.choice((0, 3.9, 5.9)), 2)
        row.order_value = row.true_value
        if rng.random() < (0.16 if intent in _ABOUT_PLANS else 0.04):
            row.order_value, row.value_how = None, "missing"
    # A hundred times a small price would still be a price.
    valued = [row for row in rows if row.order_value is not None and row.true_value >= 49]
    for place, row in enumerate(rng.sample(valued, max(4, round(len(rows) * 0.008)))):
        row.value_how = ("cents", "negative", "placeholder", "slipped_point")[place % 4]
        row.order_value = {
            "cents": round(row.true_value * 100, 2),
            "negative": -row.true_value,
            "placeholder": 999999.99,
            "slipped_point": round(row.true_value * 10_000, 2),
        }[row.value_how]
    for row in rows:
        # A message sent again is about the same order.
        if (base := row.original) is not None:
            row.priority, row.order_value = base.priority, base.order_value
            row.true_value, row.value_how = base.true_value, base.value_how


def _waited(channel: str, rng: Random) -> int:
    """Draw the minutes until the first answer: a few in a chat, hours for a mail."""
    return round(rng.lognormvariate({"chat": 1.4, "phone_note": 2.0}.get(channel, 5.6), 0.8))
