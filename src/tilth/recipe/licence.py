"""Hold the gate: rows whose licence forbids a recipe's use stop the plan."""

from __future__ import annotations

import re
from typing import Literal

Use = Literal["commercial", "research", "internal"]

OPEN = {
    "own",
    "cc0-1.0",
    "public-domain",
    "pddl-1.0",
    "cc-by-3.0",
    "cc-by-4.0",
    "cc-by-sa-3.0",
    "cc-by-sa-4.0",
    "cdla-permissive-2.0",
    "odc-by-1.0",
    "odbl-1.0",
    "mit",
    "apache-2.0",
    "bsd-2-clause",
    "bsd-3-clause",
}
"""Allow every use here; attribution and share-alike duties stay with the user and stand on the card."""
RESEARCH = {"research", "research-only", "academic", "non-commercial"}
_AGAINST_TRADE = re.compile(r"(?:^|-)(?:nc|non-?commercial)(?:-|$)")


def forbids(licence: str | None, use: Use | None) -> str | None:
    """Say why a licence forbids a use, or None where it does not or nothing is known.

    Terms are matched by SPDX identifier, whatever their capitals and spaces; one with the word NC or non-commercial
    forbids trade. A licence Tilth does not know is let through with a warning.

    >>> forbids("CC-BY-NC-4.0", "commercial")
    'the licence "CC-BY-NC-4.0" forbids commercial use'
    """
    if licence is None or use is None:
        return None
    word = _word(licence)
    limited = word in RESEARCH or bool(_AGAINST_TRADE.search(word))
    if limited and use == "commercial":
        return f'the licence "{licence}" forbids commercial use'
    if word in RESEARCH and use == "internal":
        return f'the licence "{licence}" forbids internal business use'
    return None


def unknown(licence: str | None) -> bool:
    """Tell whether Tilth cannot judge a licence, which deserves a warning."""
    if licence is None:
        return True
    word = _word(licence)
    return word not in OPEN and word not in RESEARCH and not _AGAINST_TRADE.search(word)


def _word(licence: str) -> str:
    return re.sub(r"[\s_-]+", "-", licence.strip().lower())
