"""Find and mask personal data that has a shape."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import pyarrow as pa

from tilth.core.batch import Batch, with_column
from tilth.refine._columns import map_text, strings
from tilth.refine._identifiers import BEFORE, KINDS, MAY_HOLD, WITH_AT

KindName = Literal["credentials", "email", "iban", "cn_id", "card", "cn_mobile", "ipv6", "ipv4", "phone"]


class Found(NamedTuple):
    """One identifier: its kind, and the characters [start, end) it takes."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class PersonalData:
    """Mask or count e-mail, phone, card, bank account and IP numbers, passwords in URLs, Chinese resident ids.

    >>> from tilth.testing import batch
    >>> texts = ["Mail ann@example.org or call +44 20 7946 0958", "card 4111 1111 1111 1111", "no 4111 1111 1111 1112"]
    >>> rows = batch(text=texts)
    >>> PersonalData().map(rows).column("text").to_pylist()
    ['Mail [EMAIL] or call [PHONE]', 'card [CARD]', 'no 4111 1111 1111 1112']
    >>> PersonalData(action="flag").map(rows).column("personal_data").to_pylist()
    [2, 1, 0]

    Kinds with check digits (card: Luhn; IBAN: modulo 97; Chinese resident id: ISO 7064) count only when these hold, so
    an order number is not a card. Phones, e-mail and IP addresses have none and go by their shape. Names and postal
    addresses have no shape: they need a model, and this operator does not look for them.
    """

    column: str = "text"
    """The text column."""
    kinds: tuple[KindName, ...] = (
        "credentials",
        "email",
        "iban",
        "cn_id",
        "card",
        "cn_mobile",
        "ipv6",
        "ipv4",
        "phone",
    )
    """What to look for."""
    action: Literal["mask", "flag"] = "mask"
    """Replace each by its kind, such as [EMAIL], or leave the text and only count."""
    into: str = "personal_data"
    """The column for the count, when flagging."""

    def map(self, batch: Batch) -> Batch:
        """Return the batch with the column masked, or with the count beside it."""
        if self.action == "mask":
            return map_text(batch, self.column, self, self._masked)
        texts = strings(batch, self.column, self).to_pylist()
        counts = [None if text is None else sum(1 for _ in self.find(text)) for text in texts]
        return with_column(batch, self.into, counts, pa.int32())

    def find(self, text: str) -> Iterator[Found]:
        """Yield what one text holds, left to right, without overlap."""
        if not MAY_HOLD.search(text):
            return
        shapes = _shapes(self.kinds, "@" in text)
        at = 0
        while candidate := shapes.any.search(text, at):
            start = candidate.start()
            at = start + 1
            before = text[max(0, start - BEFORE) : start]
            for kind, shape in shapes.each:
                found = shape.match(text, start)
                length = KINDS[kind].holds(found.group(), before) if found else 0
                if length:
                    yield Found(kind, start, start + length)
                    at = start + length
                    break

    def _masked(self, text: str) -> str:
        parts, at = [], 0
        for found in self.find(text):
            parts += [text[at : found.start], KINDS[found.kind].mark]
            at = found.end
        return "".join([*parts, text[at:]]) if at else text


class _Shapes(NamedTuple):
    any: re.Pattern[str]
    each: tuple[tuple[str, re.Pattern[str]], ...]


@functools.cache
def _shapes(kinds: tuple[str, ...], with_at: bool) -> _Shapes:
    wanted = [kind for kind in KINDS if kind in kinds and (with_at or kind not in WITH_AT)]
    # With no kinds, a pattern that never matches.
    any_of = re.compile("|".join(f"(?:{KINDS[kind].shape})" for kind in wanted) or r"(?!)")
    return _Shapes(any_of, tuple((kind, re.compile(KINDS[kind].shape)) for kind in wanted))
