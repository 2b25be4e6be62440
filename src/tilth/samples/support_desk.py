"""Write the support desk of an invented shop: 1,500 messages in English and Chinese, with every defect planted.

Brambleway sells a notes app and the things that go with it. Its messages lie in four raw files, as such data really
arrives; what was planted in them lies in ``truth/``, so that each step of a recipe can be measured:

===================== ======== ==========================================================================
file                  encoding holds
===================== ======== ==========================================================================
tickets_2026_h1.csv   UTF-8    mails and web forms, texts of several lines
tickets_partner.csv   GB18030  mails and web forms from a partner in China, ``;`` between fields, CRLF
chat_export.jsonl.gz  UTF-8    chats, one JSON object a line, gzipped
phone_notes.tsv       UTF-8    what agents noted down, tabs between fields, no quotes
===================== ======== ==========================================================================

Run ``python -m tilth.samples.support_desk FOLDER``. Same rows and seed, same bytes (of the
gzipped file: with the same zlib).
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from tilth.samples.support_desk_files import COLUMNS, json_lines, number, raw_files, truth_files
from tilth.samples.support_desk_rows import make_rows

__all__ = ["COLUMNS", "ENCODINGS", "INTENTS", "Summary", "write"]

INTENTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "refund_request": "The customer wants money back for something bought, returned or charged by mistake.",
        "delivery_late": "The customer asks where a parcel is that is late, lost or incomplete.",
        "cancel_subscription": "The customer wants to end, pause or downgrade a paid plan or stop its renewal.",
        "password_reset": "The customer cannot sign in, or wants a new password or login code.",
        "invoice_question": "The customer needs an invoice or receipt, or asks about an amount or detail on one.",
        "bug_report": "The customer reports that the app or a device does not work as it should.",
        "feature_request": "The customer wishes for something that the app, shop or product cannot do yet.",
        "account_deletion": "The customer wants the account closed and the personal data erased.",
        "payment_failed": "The customer tries to pay and the payment is declined, stuck or not recognised.",
        "change_address": "The customer wants a delivery or account address changed.",
        "speak_to_human": "The customer wants to talk to a person instead of a bot or form.",
        "product_question": "The customer asks what a product or plan can do, costs or fits, before or after buying.",
    }
)
"""The twelve intents, each with a description in one sentence."""

ENCODINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "tickets_2026_h1.csv": "utf-8",
        "tickets_partner.csv": "gb18030",
        "chat_export.jsonl.gz": "utf-8",
        "phone_notes.tsv": "utf-8",
    }
)
"""The raw files and how their characters are encoded (those of the gzipped file once unpacked)."""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What `write` wrote."""

    folder: Path
    """Where the files lie."""
    files: tuple[Path, ...]
    """Raw files, then the files of truth."""
    rows: int
    """Rows that a reader should find, over all raw files."""
    rows_of: Mapping[str, int]
    """The same by raw file."""
    planted: Mapping[str, int]
    """How many rows (or lines) each kind of defect was planted in."""


def write(folder: Path, *, rows: int = 1500, seed: int = 0) -> Summary:
    """Write the raw files into a folder and the truth into ``truth/`` below it, over what may lie there.

    Raises ValueError when `rows` is not from 200 to 3000: below, some kinds would be missing; above, the phrases run
    out and messages would repeat by chance.
    """
    if not 200 <= rows <= 3000:
        raise ValueError(f"support_desk: rows is {rows}. Wanted: 200 to 3000.")
    desk = make_rows(rows, seed=seed)
    number(desk, seed=seed)
    raw, broken = raw_files(desk, seed=seed)
    truth = truth_files(desk, broken)
    of = Counter(row.file for row in desk)
    contents = {folder / name: content for name, content in raw.items()}
    contents |= {folder / "truth" / f"{name}.jsonl": json_lines(records) for name, records in truth.items()}
    (folder / "truth").mkdir(parents=True, exist_ok=True)
    for path, content in contents.items():
        path.write_bytes(content)
    return Summary(
        folder=folder,
        files=tuple(contents),
        rows=len(desk),
        rows_of={name: of[name] for name in raw},
        planted={name: len(records) for name, records in truth.items() if name != "rows"},
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the sample into the folder named on the command line and print what was written."""
    parser = argparse.ArgumentParser(
        prog="python -m tilth.samples.support_desk", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("folder", type=Path, help="where to write; made if it is not there")
    parser.add_argument("--rows", type=int, default=1500, help="rows in all, 200 to 3000 (default: 1500)")
    parser.add_argument("--seed", type=int, default=0, help="the same seed writes the same bytes (default: 0)")
    chosen = parser.parse_args(arguments)
    try:
        summary = write(chosen.folder, rows=chosen.rows, seed=chosen.seed)
    except ValueError as wrong:
        parser.error(str(wrong))
    print(f"{summary.rows} rows in {summary.folder}")
    for file, found in summary.rows_of.items():
        print(f"  {file:22} {found:5} rows  {ENCODINGS[file]}")
    print("planted, with the truth in truth/:")
    for kind, found in summary.planted.items():
        print(f"  {kind:22} {found:5}")


if __name__ == "__main__":
    main()
