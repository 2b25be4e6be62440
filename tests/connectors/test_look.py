"""Tell what a look at data guesses, and why."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tilth.connectors._files.look import ROWS_EACH, look
from tilth.core.errors import DataError

INTENTS = ["refund", "delivery", "login"]


def tickets(rows: int, labels=lambda number: INTENTS[number % 3]) -> str:
    generator = random.Random(0)
    words = "please help my order never arrived and nobody answers the phone since monday".split()
    lines = ["ticket_id,customer_id,created_at,body,intent"]
    for number in range(rows):
        body = " ".join(generator.choices(words, k=12)) + f" {number}"
        lines.append(f"T{number},C{number % 40},2024-01-{number % 28 + 1:02},{body},{labels(number)}")
    return "\n".join(lines) + "\n"


def test_a_table_of_tickets_is_recognised(tmp_path: Path):
    (tmp_path / "a.csv").write_text(tickets(300))
    glance = look(str(tmp_path / "a.csv"))
    guesses = glance.guesses
    assert guesses.task.value == "text_classification"
    assert guesses.kind == "single"
    assert (guesses.text.value, guesses.label.value) == ("body", "intent")
    assert (guesses.key.value, guesses.group.value, guesses.time.value) == ("ticket_id", "customer_id", "created_at")
    assert guesses.label.reason == "3 values in 300 rows"
    assert "40 values over 300 rows" in guesses.group.reason
    assert (glance.rows, glance.all_rows, glance.rejects, glance.options) == (300, True, 0, {})
    intent = next(column for column in glance.columns if column.name == "intent")
    assert (intent.type, intent.null_share, intent.distinct) == ("string", 0.0, 3)
    assert intent.values == {"delivery": 100, "login": 100, "refund": 100}
    assert intent.lengths == (5, 5, 6, 8, 8)


def test_only_the_first_rows_of_each_file_are_read(tmp_path: Path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text(tickets(3 * ROWS_EACH))
    glance = look(str(tmp_path))
    assert (glance.rows, glance.all_rows, glance.files) == (2 * ROWS_EACH, False, ("a.csv", "b.csv"))


def test_rows_sorted_by_label_do_not_hide_it(tmp_path: Path):
    (tmp_path / "a.csv").write_text(tickets(5000, lambda number: "refund" if number < 3000 else "login"))
    label = look(str(tmp_path)).guesses.label
    assert label.value == "intent"
    assert "may be sorted" in label.reason


def test_a_file_without_a_header_says_so_and_gets_names(tmp_path: Path):
    lines = [f"{'spam' if n % 3 else 'ham'}\tsome text of a message number {n}" for n in range(60)]
    (tmp_path / "a.tsv").write_text("\n".join(lines))
    glance = look(str(tmp_path / "a.tsv"))
    assert glance.options == {"header": False, "names": ("label", "text")}
    assert glance.rows == 60
    assert (glance.guesses.text.value, glance.guesses.label.value) == ("text", "label")


def test_a_text_file_with_even_tabs_is_a_table(tmp_path: Path):
    (tmp_path / "a.txt").write_text("".join(f"中国的新闻标题第{n}条，今天发布\t{n % 4}\n" for n in range(80)))
    glance = look(str(tmp_path / "a.txt"))
    assert glance.options == {"format": "tsv", "header": False, "names": ("text", "label")}


def test_tokens_and_tags_are_recognised(tmp_path: Path):
    (tmp_path / "a.bio").write_text("EU\tB-ORG\nrejects\tO\n\nPeter\tB-PER\nsleeps\tO\nwell\tO\n\n" * 20)
    guesses = look(str(tmp_path / "a.bio")).guesses
    assert (guesses.task.value, guesses.kind) == ("token_classification", "tokens")
    assert (guesses.text.value, guesses.label.value) == ("tokens", "tags")


def test_lists_of_unequal_length_are_no_tokens_and_tags(tmp_path: Path):
    rows = [{"tokens": [f"a{n}", "b", "c"], "tags": ["B-X", *["O"] * (n % 3)]} for n in range(40)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert look(str(tmp_path / "a.jsonl")).guesses.kind != "tokens"


def test_several_labels_a_row_are_recognised_as_list_and_as_text(tmp_path: Path):
    labels = ["a", "b", "a|b", "b|c", "c", "a|c", "a|b|c"]
    text = "some long enough text about a thing, number"
    rows = [{"text": f"{text} {n}", "labels": labels[n % 7].split("|")} for n in range(70)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    guesses = look(str(tmp_path / "a.jsonl")).guesses
    assert (guesses.kind, guesses.label.value, guesses.separator) == ("multi", "labels", None)
    (tmp_path / "b.csv").write_text("text,labels\n" + "".join(f'"{text} {n}",{labels[n % 7]}\n' for n in range(70)))
    guesses = look(str(tmp_path / "b.csv")).guesses
    assert (guesses.kind, guesses.label.value, guesses.separator) == ("multi", "labels", "|")


def test_a_table_of_measures_is_no_text_task(tmp_path: Path):
    (tmp_path / "a.csv").write_text(
        "t,x,y\n" + "".join(f"2024-01-01 00:{n % 60:02},{n * 0.5},{n * 7}\n" for n in range(99))
    )
    guesses = look(str(tmp_path / "a.csv")).guesses
    assert (guesses.task, guesses.text, guesses.time.value) == (None, None, "t")


def test_rejects_are_counted_with_reasons_and_errors_are_errors(tmp_path: Path):
    (tmp_path / "a.csv").write_text("a,b\n1,2\n3\n4,5\n")
    glance = look(str(tmp_path / "a.csv"))
    assert (glance.rejects, glance.reasons) == (1, ("a.csv, record 2: has 1 fields, the header has 2",))
    with pytest.raises(DataError):
        look(str(tmp_path / "none.csv"))


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "text", "label", "kind"),
    [
        ("banking77/train.csv", "text", "category", "single"),
        ("sms_spam/sms.tsv", "text", "label", "single"),
        ("ag_news/test.csv", "text", "label", "single"),
        ("sst2", "text", "label", "single"),
        ("zh_thucnews_dev/dev.txt", "text", "label", "single"),
        ("zh_chnsenticorp_hotel", "review", "label", "single"),
        ("enron_spam", "text", "label", "single"),
        ("imdb_sample", "text", "label", "single"),
        ("conll2003/eng.testa", "tokens", "tags", "tokens"),
        ("zh_weibo_ner", "tokens", "tags", "tokens"),
    ],
)
def test_real_data_are_recognised(shared: Path, name: str, text: str, label: str, kind: str):
    guesses = look(str(shared / name)).guesses
    assert (guesses.text.value, guesses.label.value, guesses.kind) == (text, label, kind)
