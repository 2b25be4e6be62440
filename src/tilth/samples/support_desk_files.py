"""The raw files of the support desk and the truth beside them, as bytes."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterable
from random import Random
from typing import Final

from tilth.samples.support_desk_alike import similarity
from tilth.samples.support_desk_plan import Row

COLUMNS: Final = (
    *("ticket_id", "created_at", "customer_id", "channel", "priority", "order_value", "waiting_minutes"),
    *("text", "intent"),
)
"""The columns of every raw file, in their order."""

_NUMBERS: Final = {
    "tickets_2026_h1.csv": ("T-", 204_118),
    "tickets_partner.csv": ("P-", 5_012),
    "chat_export.jsonl.gz": ("C-", 881_207),
    "phone_notes.tsv": ("N-", 3_311),
}
_TORN: Final = (
    'T-299999,2026-06-30T21:58:40Z,CU-10044,email,3,49.0,212,"Hello, the transfer of this file was cut off in the'
)
_STRAY: Final = "--- export resumed after reconnect ---"
_SHORT: Final = "N-9999\t2026-04-02T09:15:00Z\tCU-10102\tphone_note"


def number(rows: list[Row], *, seed: int) -> None:
    """Give each row its ticket_id: ascending in time within a file, with gaps."""
    rng = Random(f"{seed}:tickets")
    last = {file: start for file, (_, start) in _NUMBERS.items()}
    for row in rows:
        last[row.file] += rng.randint(1, 4)
        row.ticket_id = f"{_NUMBERS[row.file][0]}{last[row.file]}"


def raw_files(rows: list[Row], *, seed: int) -> tuple[dict[str, bytes], list[dict[str, object]]]:
    """Return the raw files by name, and the truth about their broken lines."""
    rng = Random(f"{seed}:broken")
    of = {file: [_record(row) for row in rows if row.file == file] for file in _NUMBERS}

    tickets = _delimited(of["tickets_2026_h1.csv"], delimiter=",", end="\n")
    partner = _delimited(of["tickets_partner.csv"], delimiter=";", end="\r\n")
    notes = _delimited(of["phone_notes.tsv"], delimiter="\t", end="\n").splitlines(keepends=True)
    chats = [json.dumps(record, ensure_ascii=False) + "\n" for record in of["chat_export.jsonl.gz"]]

    # Only at the end of a file does an open quote leave the other records whole.
    broken: list[dict[str, object]] = [
        {"file": "tickets_2026_h1.csv", "line": tickets.count("\n") + 1, "how": "unclosed_quote", "text": _TORN}
    ]
    tickets += _TORN
    place = rng.randrange(2, max(3, len(notes)))
    notes.insert(place, _SHORT + "\n")
    broken.append({"file": "phone_notes.tsv", "line": place + 1, "how": "too_few_fields", "text": _SHORT})
    cut = json.dumps({**of["chat_export.jsonl.gz"][-1], "ticket_id": "C-999999"}, ensure_ascii=False)[:150]
    for line, how in ((_STRAY, "not_json"), (cut, "cut_off_json")):
        place = rng.randrange(1, len(chats)) if how == "not_json" else len(chats)
        chats.insert(place, line + "\n")
        broken.append({"file": "chat_export.jsonl.gz", "line": place + 1, "how": how, "text": line})
    return {
        "tickets_2026_h1.csv": tickets.encode(),
        "tickets_partner.csv": partner.encode("gb18030"),
        "chat_export.jsonl.gz": _gzipped("".join(chats).encode()),
        "phone_notes.tsv": "".join(notes).encode(),
    }, broken


def truth_files(rows: list[Row], broken: list[dict[str, object]]) -> dict[str, list[dict[str, object]]]:
    """Return the truth by file name: one record for each planted thing, and one for each row."""

    def of(kind: str) -> list[Row]:
        return sorted((row for row in rows if row.kind == kind), key=lambda row: row.ticket_id)

    def repeats(kind: str) -> Iterable[tuple[Row, Row]]:
        return ((row, row.original) for row in of(kind) if row.original is not None)

    return {
        "rows": [
            {
                "ticket_id": row.ticket_id,
                "file": row.file,
                "language": row.language or None,
                "intent": row.true_intent,
                "second_intent": row.second_intent,
                "planted": [row.kind] * bool(row.kind) + ["order_values"] * bool(row.value_how),
            }
            for row in sorted(rows, key=lambda row: row.ticket_id)
        ],
        "exact_duplicates": [
            {"ticket_id": row.ticket_id, "duplicate_of": base.ticket_id, "how": row.how}
            for row, base in repeats("exact_duplicates")
        ],
        "near_duplicates": [
            {
                "ticket_id": row.ticket_id,
                "duplicate_of": base.ticket_id,
                "how": row.how,
                "similarity": round(similarity(row.text, base.text), 3),
            }
            for row, base in repeats("near_duplicates")
        ],
        "encoding_damage": [
            {"ticket_id": row.ticket_id, "how": row.how, "clean": row.clean} for row in of("encoding_damage")
        ],
        "personal_data": [
            {"ticket_id": row.ticket_id, "spans": [span._asdict() for span in row.spans]} for row in of("personal_data")
        ],
        "wrong_labels": [
            {"ticket_id": row.ticket_id, "how": row.how, "written": row.intent, "true": row.true_intent}
            for row in of("wrong_labels")
        ],
        "noise": [{"ticket_id": row.ticket_id, "how": row.how} for row in of("noise")],
        "order_values": [
            {
                "ticket_id": row.ticket_id,
                "how": row.value_how,
                "written": row.order_value,
                "true": row.true_value,
            }
            for row in sorted(rows, key=lambda row: row.ticket_id)
            if row.value_how
        ],
        "broken_lines": broken,
    }


def json_lines(records: Iterable[dict[str, object]]) -> bytes:
    """Return records as JSON lines in UTF-8."""
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()


def _record(row: Row) -> dict[str, object]:
    when = row.created_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {name: when if name == "created_at" else getattr(row, name) for name in COLUMNS}


def _delimited(records: list[dict[str, object]], *, delimiter: str, end: str) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, delimiter=delimiter, lineterminator=end)
    writer.writeheader()
    writer.writerows(records)
    return out.getvalue()


def _gzipped(content: bytes) -> bytes:
    out = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=out, mtime=0) as packed:
        packed.write(content)
    return out.getvalue()
