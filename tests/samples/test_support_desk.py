"""The sample data set is what it says: readable as declared, with every planted defect where the truth says."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tilth.samples import support_desk
from tilth.samples.support_desk import COLUMNS, ENCODINGS, INTENTS, Summary, main, write
from tilth.samples.support_desk_alike import Alike, similarity
from tilth.samples.support_desk_people import TEST_CARDS
from tilth.samples.support_desk_repeats import ALIKE

Record = dict[str, Any]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    return write(tmp_path_factory.mktemp("desk"))


@pytest.fixture(scope="module")
def rows(desk: Summary) -> dict[str, Record]:
    """Every good row by its ticket_id."""
    return {row["ticket_id"]: row for row in read(desk.folder)[0]}


def read(folder: Path) -> tuple[list[Record], list[tuple[str, int]]]:
    """Read the raw files as a strict reader would: the good rows, and (file, line) of each reject."""
    good, rejects = list[Record](), list[tuple[str, int]]()
    for name, encoding in ENCODINGS.items():
        content = (folder / name).read_bytes()
        if name.endswith(".jsonl.gz"):
            for line, text in enumerate(gzip.decompress(content).decode(encoding).splitlines(), start=1):
                try:
                    good.append(json.loads(text))
                except json.JSONDecodeError:
                    rejects.append((name, line))
            continue
        delimiter = {"tickets_partner.csv": ";", "phone_notes.tsv": "\t"}.get(name, ",")
        reader = csv.reader(io.StringIO(content.decode(encoding), newline=""), delimiter=delimiter, strict=True)
        assert next(reader) == list(COLUMNS)
        while True:
            start = reader.line_num + 1
            try:
                fields = next(reader)
            except StopIteration:
                break
            except csv.Error:
                rejects.append((name, start))
                continue
            if len(fields) == len(COLUMNS):
                row: Record = dict(zip(COLUMNS, fields, strict=True))
                good.append(row | {"order_value": float(row["order_value"]) if row["order_value"] else None})
            else:
                rejects.append((name, start))
    return good, rejects


def truth(desk: Summary, name: str) -> list[Record]:
    lines = (desk.folder / "truth" / f"{name}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_same_seed_writes_the_same_bytes_and_another_seed_does_not(tmp_path: Path) -> None:
    first, again, other = (write(tmp_path / str(place), rows=200, seed=seed) for place, seed in enumerate((3, 3, 4)))
    assert [path.read_bytes() for path in first.files] == [path.read_bytes() for path in again.files]
    assert first.files[0].read_bytes() != other.files[0].read_bytes()


def test_the_bytes_do_not_hang_on_the_hash_seed_of_the_process(tmp_path: Path) -> None:
    here = write(tmp_path / "here", rows=200, seed=5)
    source = str(Path(support_desk.__file__).parents[2])
    command = [sys.executable, "-m", "tilth.samples.support_desk", str(tmp_path / "there"), "--rows=200", "--seed=5"]
    subprocess.run(command, check=True, capture_output=True, env={"PYTHONPATH": source, "PYTHONHASHSEED": "1"})
    for path in here.files:
        assert path.read_bytes() == (tmp_path / "there" / path.relative_to(here.folder)).read_bytes()


def test_a_strict_reader_finds_every_row_and_rejects_only_the_broken_lines(desk: Summary) -> None:
    good, rejects = read(desk.folder)
    assert len(good) == desk.rows == sum(desk.rows_of.values()) == 1500
    assert sorted(rejects) == sorted((line["file"], line["line"]) for line in truth(desk, "broken_lines"))
    assert {line["how"] for line in truth(desk, "broken_lines")} == {
        *("unclosed_quote", "too_few_fields", "not_json", "cut_off_json"),
    }


def test_the_partner_file_is_not_utf_8(desk: Summary) -> None:
    with pytest.raises(UnicodeDecodeError):
        (desk.folder / "tickets_partner.csv").read_text("utf-8")


def test_ticket_ids_are_unique_and_the_truth_names_each_row_once(desk: Summary, rows: dict[str, Record]) -> None:
    assert len(rows) == desk.rows
    assert sorted(row["ticket_id"] for row in truth(desk, "rows")) == sorted(rows)


def test_every_label_is_one_of_the_twelve_and_the_largest_class_is_four_times_the_smallest(
    desk: Summary, rows: dict[str, Record]
) -> None:
    assert len(INTENTS) == 12
    assert {row["intent"] for row in rows.values()} == set(INTENTS)
    sizes = Counter(row["intent"] for row in truth(desk, "rows") if row["intent"])
    assert 3 < max(sizes.values()) / min(sizes.values()) < 5


def test_a_fifth_to_a_quarter_is_chinese_and_most_of_the_rest_english(desk: Summary) -> None:
    of = Counter(row["language"] for row in truth(desk, "rows"))
    assert 0.20 < of["zh"] / desk.rows < 0.25
    assert 0.73 < of["en"] / desk.rows < 0.80
    assert 0.008 <= (of["fr"] + of["de"]) / desk.rows <= 0.012


def test_customers_write_several_messages_over_half_a_year(rows: dict[str, Record]) -> None:
    of = Counter(row["customer_id"] for row in rows.values())
    assert len(of) == 600
    assert of.most_common(1)[0][1] > 8
    days = sorted(row["created_at"] for row in rows.values())
    assert days[0] >= "2026-01-01"
    assert days[0] < "2026-01-04"
    assert "2026-06-27" < days[-1] < "2026-07-01"


def test_a_customer_writes_in_one_language(desk: Summary, rows: dict[str, Record]) -> None:
    languages = {
        (rows[row["ticket_id"]]["customer_id"], row["language"]) for row in truth(desk, "rows") if not noisy(row)
    }
    assert len(languages) == len({customer for customer, _ in languages})


def noisy(row: Record) -> bool:
    return "noise" in row["planted"]


def test_each_kind_is_planted_as_often_as_promised(desk: Summary) -> None:
    share = {kind: count / desk.rows for kind, count in desk.planted.items()}
    promised = {
        "exact_duplicates": 0.03,
        "near_duplicates": 0.04,
        "encoding_damage": 0.03,
        "personal_data": 0.08,
        "wrong_labels": 0.04,
        "noise": 0.026,
    }
    assert {kind: share[kind] for kind in promised} == pytest.approx(promised, abs=0.001)


def test_no_row_carries_two_kinds_of_damage_to_its_text_or_label(desk: Summary) -> None:
    for row in truth(desk, "rows"):
        assert len(set(row["planted"]) - {"order_values"}) <= 1


def test_the_row_truth_agrees_with_the_files_of_each_kind(desk: Summary) -> None:
    for kind in set(desk.planted) - {"broken_lines"}:
        listed = {row["ticket_id"] for row in truth(desk, kind)}
        assert listed == {row["ticket_id"] for row in truth(desk, "rows") if kind in row["planted"]}
        assert len(listed) == desk.planted[kind]


def test_exact_duplicates_are_all_the_equal_texts_there_are(desk: Summary, rows: dict[str, Record]) -> None:
    for pair in truth(desk, "exact_duplicates"):
        assert rows[pair["ticket_id"]]["text"] == rows[pair["duplicate_of"]]["text"]
    repeats = {pair["ticket_id"] for pair in truth(desk, "exact_duplicates")}
    rest = Counter(row["text"] for key, row in rows.items() if key not in repeats and row["text"])
    assert rest.most_common(1)[0][1] == 1


def test_some_duplicates_come_in_another_file_and_some_in_threes(desk: Summary) -> None:
    pairs = truth(desk, "exact_duplicates")
    assert {pair["how"] for pair in pairs} == {"same file", "other file"}
    assert Counter(pair["duplicate_of"] for pair in pairs).most_common(1)[0][1] == 2


def test_near_duplicates_are_alike_but_not_equal(desk: Summary, rows: dict[str, Record]) -> None:
    for pair in truth(desk, "near_duplicates"):
        text, base = rows[pair["ticket_id"]]["text"], rows[pair["duplicate_of"]]["text"]
        assert text != base
        assert ALIKE <= pair["similarity"] == round(similarity(text, base), 3)
    assert {pair["how"] for pair in truth(desk, "near_duplicates")} == {"reworded", "signature", "resent"}


def test_no_two_other_messages_are_alike_by_chance(desk: Summary, rows: dict[str, Record]) -> None:
    planted = [pair["ticket_id"] for kind in ("exact", "near") for pair in truth(desk, f"{kind}_duplicates")]
    clean = {row["ticket_id"]: row["clean"] for row in truth(desk, "encoding_damage")}
    noise = {row["ticket_id"] for row in truth(desk, "noise")}
    alike = Alike()
    for key in rows.keys() - {*planted, *noise}:
        text = clean.get(key, rows[key]["text"])
        assert alike.nearest(text) < ALIKE
        alike.add(text)


def test_repeats_come_later_from_the_same_customer_about_the_same_order(desk: Summary, rows: dict[str, Record]) -> None:
    for kind in ("exact", "near"):
        for pair in truth(desk, f"{kind}_duplicates"):
            row, base = rows[pair["ticket_id"]], rows[pair["duplicate_of"]]
            assert row["created_at"] > base["created_at"]
            assert all(row[name] == base[name] for name in ("customer_id", "order_value", "intent"))


def test_damaged_text_differs_from_the_clean_one_and_can_be_undone(desk: Summary, rows: dict[str, Record]) -> None:
    damaged = truth(desk, "encoding_damage")
    assert len({row["how"] for row in damaged}) == 6
    for row in damaged:
        text, clean = rows[row["ticket_id"]]["text"], row["clean"]
        assert text != clean
        if row["how"] == "mojibake_latin1":
            assert text.encode("latin-1").decode() == clean
        if row["how"] == "mojibake_cp1252":
            assert b"".join(cp1252(sign) for sign in text).decode() == clean
        if row["how"] == "zero_width":
            assert re.sub("[\u200b\u200c\ufeff]", "", text) == clean
        if row["how"] == "doubled_spaces":
            assert re.sub(" +", " ", text) == clean


def cp1252(sign: str) -> bytes:
    return bytes([ord(sign)]) if ord(sign) < 256 else sign.encode("cp1252")


def test_offsets_of_personal_data_point_at_it(desk: Summary, rows: dict[str, Record]) -> None:
    kinds: Counter[str] = Counter()
    for row in truth(desk, "personal_data"):
        assert row["spans"]
        for span in row["spans"]:
            assert rows[row["ticket_id"]]["text"][span["start"] : span["end"]] == span["text"]
            kinds[span["kind"]] += 1
    assert set(kinds) == {"email", "phone", "card", "iban", "name", "address"}
    assert min(kinds.values()) >= 5


def test_nothing_that_looks_like_personal_data_is_missing_from_the_truth(
    desk: Summary, rows: dict[str, Record]
) -> None:
    listed = {(row["ticket_id"], span["text"]) for row in truth(desk, "personal_data") for span in row["spans"]}
    looks = re.compile(r"[\w.]+@[\w.]+\w|\b\d(?:[ -]?\d){10,18}\b|\b[A-Z]{2}\d\d(?: ?[A-Z0-9]{4}){3,5}", re.ASCII)
    for key, row in rows.items():
        for found in looks.findall(row["text"]):
            assert any(ticket == key and found in span for ticket, span in listed), (key, found)


def test_personal_data_is_valid_and_belongs_to_nobody(desk: Summary) -> None:
    for row in truth(desk, "personal_data"):
        for span in row["spans"]:
            text, digits = span["text"], re.sub(r"\D", "", span["text"])
            if span["kind"] == "card":
                assert digits in TEST_CARDS
                assert luhn(digits)
            if span["kind"] == "iban":
                assert iban_remainder(text) == 1
                assert re.match(r"(GB|NL)\d\d ?ZZZZ|DE\d\d ?0000 ?0000", text)
            if span["kind"] == "email":
                assert re.fullmatch(r"[a-z0-9._]+@example\.(com|org|net)", text)
            if span["kind"] == "phone":
                assert re.fullmatch(r"(0|44)7700900\d{3}|02079460\d{3}|01632960\d{3}|1?(415|212)55501\d\d", digits)


@pytest.mark.parametrize("card", TEST_CARDS)
def test_every_test_card_passes_the_luhn_check(card: str) -> None:
    assert luhn(card)


def luhn(digits: str) -> bool:
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0


def iban_remainder(iban: str) -> int:
    signs = iban.replace(" ", "")
    return int("".join(str(int(sign, 36)) for sign in signs[4:] + signs[:4])) % 97


def test_wrong_labels_differ_from_the_true_ones_and_stand_in_the_files(desk: Summary, rows: dict[str, Record]) -> None:
    wrong = {row["ticket_id"]: row for row in truth(desk, "wrong_labels")}
    for row in truth(desk, "rows"):
        written = rows[row["ticket_id"]]["intent"]
        if row["ticket_id"] in wrong:
            assert written == wrong[row["ticket_id"]]["written"] != wrong[row["ticket_id"]]["true"] == row["intent"]
        elif row["intent"] is not None:
            assert written == row["intent"]


def test_noise_is_of_four_kinds(desk: Summary, rows: dict[str, Record]) -> None:
    noise = truth(desk, "noise")
    assert {row["how"] for row in noise} == {"empty", "one_word", "foreign", "mash"}
    for row in noise:
        text = rows[row["ticket_id"]]["text"]
        assert (row["how"] == "empty") == (text == "")
        assert row["how"] != "one_word" or len(text.split()) == 1


def test_order_values_are_plausible_but_for_those_the_truth_lists(desk: Summary, rows: dict[str, Record]) -> None:
    listed = {row["ticket_id"]: row for row in truth(desk, "order_values")}
    for key, row in rows.items():
        value = row["order_value"]
        if key not in listed:
            assert 0 < value < 1000
        elif listed[key]["how"] == "missing":
            assert value is None
        else:
            assert value == listed[key]["written"]
            assert not 0 < value < 1000
            assert 0 < listed[key]["true"] < 1000
    assert {row["how"] for row in listed.values()} == {"missing", "cents", "negative", "placeholder", "slipped_point"}


def test_messages_run_from_a_few_words_to_a_paragraph(desk: Summary, rows: dict[str, Record]) -> None:
    english = [row["ticket_id"] for row in truth(desk, "rows") if row["language"] == "en" and not noisy(row)]
    words = sorted(len(rows[key]["text"].split()) for key in english)
    assert words[0] <= 3
    assert words[-1] >= 60
    assert sum(bool(row["second_intent"]) for row in truth(desk, "rows")) > 30


def test_too_few_or_too_many_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"rows is 50\. Wanted: 200 to 3000"):
        write(tmp_path, rows=50)
    assert not list(tmp_path.iterdir())


def test_the_command_prints_what_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(tmp_path / "new"), "--rows", "200"])
    printed = capsys.readouterr().out
    assert "200 rows in" in printed
    assert re.search(r"tickets_partner\.csv +\d+ rows  gb18030", printed)
    assert (tmp_path / "new" / "truth" / "personal_data.jsonl").exists()


def test_the_command_refuses_a_wrong_number_of_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path), "--rows", "9"])
    assert "Wanted: 200 to 3000" in capsys.readouterr().err
