"""Tell that CSV files are read to the last good record, and that broken ones say why they are not."""

from __future__ import annotations

import csv
import io
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tilth.connectors.files import Files
from tilth.core.errors import DataError


def test_fields_may_hold_separators_quotes_and_newlines(read):
    found = read("a.csv", 'id,text\n1,"a, b"\n2,"say ""hi"""\n3,"two\nlines"\n')
    assert found.column("text") == ["a, b", 'say "hi"', "two\nlines"]
    assert found.names == ["a.csv:0", "a.csv:1", "a.csv:2"]


@pytest.mark.parametrize(("mark", "called"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_the_separator_is_found_and_said(read, mark, called):
    found = read("a.csv", f"id{mark}text\n1{mark}a, b, c\n2{mark}d, e\n")
    assert found.column("text") == ["a, b, c", "d, e"]
    assert found.notes == [f"a.csv: columns are separated by {called}"]


def test_a_comma_is_no_news(read):
    assert read("a.csv", "id,text\n1,a;b\n2,c;d\n").notes == []


def test_decimal_commas_do_not_look_like_separators(read):
    assert read("a.csv", "preis;menge\n1,5;2,3\n4,0;1,1\n").rows[0] == {"preis": "1,5", "menge": "2,3"}


def test_a_line_that_states_the_separator_is_no_header(read):
    assert read("a.csv", "sep=;\nid;text\n1;a\n").rows == [{"id": "1", "text": "a"}]


def test_one_column_keeps_its_commas(read):
    assert read("a.csv", "text\nhello, world\nwell, yes, no\n").column("text") == ["hello, world", "well, yes, no"]


def test_ragged_rows_are_rejected_with_their_number_and_keep_it(read):
    found = read("a.csv", "a,b,c\n1,2,3\n4,5\n6,7,8,9\n10,11,12\n")
    assert found.reasons() == {1: "has 2 fields, the header has 3", 2: "has 4 fields, the header has 3"}
    assert found.names == ["a.csv:0", "a.csv:3"]


def test_empty_cells_too_many_lose_nothing(read):
    assert read("a.csv", "a,b\n1,2,,\n3,4,\n").rows == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]


def test_an_unclosed_quote_costs_one_row_not_the_file(read):
    lines = ["id,text,label", '1,"fine",x', '2,"never closed,x', *(f'{n},"row {n}",y' for n in range(3, 50))]
    found = read("a.csv", "\n".join(lines) + "\n")
    assert [reject.ordinal for reject in found.rejects] == [1]
    assert found.column("text")[1:] == [f"row {n}" for n in range(3, 50)]


def test_an_unclosed_quote_with_no_other_quote_after_it_costs_one_row(read):
    body = "".join(f"{n},plain {n}\n" for n in range(20_000))
    found = read("a.csv", f'id,text\n1,"closed"\n2,"open\n{body}')
    assert len(found.rows) == 20_001
    assert found.reasons() == {1: "a quotation mark opens a field and nothing closes it within 5,000 lines"}


def test_an_unclosed_quote_at_the_end_costs_the_last_row(read):
    found = read("a.csv", 'id,text\n1,"a"\n2,"b\n')
    assert len(found.rows) == 1
    assert found.reasons() == {1: "a quotation mark opens a field and nothing closes it"}


@pytest.mark.slow
def test_a_quoted_field_may_run_over_the_border_of_a_page(read):
    long = "\n".join(f"line {number} of the letter" for number in range(3000))
    rows = [[str(number), long] for number in range(150)]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([["no", "letter"], *rows])
    found = read("a.csv", out.getvalue())
    assert len(out.getvalue()) > 8 << 20
    assert found.rejects == []
    assert [[row["no"], row["letter"]] for row in found.rows] == rows


def test_text_after_a_closing_quote_is_broken(read):
    found = read("a.csv", 'a,b\n1,"x" y\n2,"z"\n3,"w"\n')
    assert found.reasons() == {0: "text follows a closing quotation mark"}
    assert found.column("b") == ["z", "w"]


def test_quotation_marks_that_enclose_nothing_are_text(read):
    lines = ['ham\tHe said "yes" to me', 'spam\t"Free prizes for all', "ham\tok", 'ham\t12" vinyl', 'ham\tan end"']
    found = read("a.tsv", "\n".join(lines) + "\n", header=False, names=("label", "text"))
    assert [f"{row['label']}\t{row['text']}" for row in found.rows] == lines
    assert found.notes == ["a.tsv: quotation marks are part of the text, they enclose no fields"]


def test_the_quote_option_overrules_the_look(read):
    found = read("a.tsv", 'x\ty\n"1"\t2\n', quote="")
    assert found.rows == [{"x": '"1"', "y": 2}]
    assert read("b.csv", "x,y\n'a, b',2\n", quote="'").rows == [{"x": "a, b", "y": 2}]


def test_a_byte_order_mark_is_no_part_of_the_first_name(read):
    assert read("a.csv", b"\xef\xbb\xbfid,text\n1,a\n").rows == [{"id": "1", "text": "a"}]


def test_nul_bytes_break_their_row_only(read):
    found = read("a.csv", b"a,b\n1,x\n2,y\0z\n3,w\n")
    assert found.reasons() == {1: "holds a NUL byte"}
    assert found.column("b") == ["x", "w"]


def test_a_nul_byte_inside_a_quoted_field_breaks_the_record_it_is_in(read):
    found = read("a.csv", b'a,b\n1,"x\ny\0y\nz"\n3,w\n')
    assert 0 in found.reasons()
    assert found.rows[-1] == {"a": "3", "b": "w"} or found.rows[-1] == {"a": 3, "b": "w"}


def test_repeated_and_empty_names_are_renamed_and_said(read):
    found = read("a.csv", "text,,text,text_2\na,b,c,d\n")
    assert found.rows == [{"text": "a", "column_2": "b", "text_3": "c", "text_2": "d"}]
    assert 'a.csv: column 2 has no name: called "column_2"' in found.notes
    assert 'a.csv: column 3 repeats "text": called "text_3"' in found.notes


def test_very_many_renamed_columns_make_few_notes(read):
    assert len(read("a.csv", ",".join(["x"] * 100) + "\n" + ",".join("y" * 100) + "\n").notes) < 8


def test_a_header_without_rows_is_noted_and_keeps_its_columns(read):
    found = read("a.csv", "id,text\n")
    assert found.rows == []
    assert found.schema.names == ["id", "text"]
    assert found.notes == ["a.csv: holds a header and no row"]


def test_a_header_that_cannot_be_read_is_an_error(read):
    with pytest.raises(DataError, match="the header cannot be read: .*closes it"):
        read("a.csv", 'id,"text\n1,2\n', delimiter=",", quote='"')
    with pytest.raises(DataError, match="the header cannot be read: holds a NUL byte"):
        read("a.csv", b"i\0d,text\n1,2\n")


def test_a_header_may_run_over_lines_and_follow_blank_ones(read):
    assert read("a.csv", '\n\n"long\nname",b\n1,x\n2,y\n').rows[0] == {"long\nname": 1, "b": "x"}


def test_blank_lines_are_no_records(read):
    found = read("a.csv", "a,b\n\n1,2\n\n\n3,4\n\n")
    assert found.names == ["a.csv:0", "a.csv:1"]


def test_without_a_header_columns_have_numbers_or_the_given_names(read):
    assert read("a.csv", "1,x\n2,y\n", header=False).rows[0] == {"column_1": 1, "column_2": "x"}
    assert read("a.csv", "1,x\n2,y\n", header=False, names=("n", "t")).rows[1] == {"n": 2, "t": "y"}
    assert read("a.csv", "1,x\n2,y\n", names=("n", "t")).rows == [{"n": 2, "t": "y"}]


def test_names_must_go_with_the_columns(read):
    with pytest.raises(DataError, match=r"`names` gives 3 columns, the first record has 2"):
        read("a.csv", "1,x\n", header=False, names=("a", "b", "c"))


def test_a_header_that_looks_like_a_row_is_said(read):
    assert any("set header: false" in note for note in read("a.csv", "3,some text\n4,more\n").notes)


def test_numbers_truths_and_times_get_their_types(read):
    found = read("a.csv", "n,x,ok,at,t\n1,1.5,true,2024-02-29T10:00:00+02:00,a\n-2,2,False,2024-03-01,\n")
    assert found.rows[0] == {"n": 1, "x": 1.5, "ok": True, "at": datetime(2024, 2, 29, 8, tzinfo=UTC), "t": "a"}
    assert found.rows[1] == {"n": -2, "x": 2.0, "ok": False, "at": datetime(2024, 3, 1, tzinfo=UTC), "t": None}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("zip", "12345"), ("x", "00123"), ("x", "12345678901234567890"), ("x", "4915112345678"), ("x", "+49151123")),
        *(("phone", "5551234"), ("customer_id", "42"), ("x", "1,000"), ("x", "0x1F"), ("x", "1e999")),
        ("x", "2024-13-01"),
    ],
)
def test_what_a_number_would_lose_stays_text(read, name, value):
    quoted = f'"{value}"'
    assert read("a.csv", f"{name},b\n{quoted},1\n{quoted},2\n").rows[0][name] == value


def test_a_later_cell_of_another_type_rejects_its_row_and_says_what_to_do(read):
    body = "".join(f"{number},t\n" for number in range(1500))
    found = read("a.csv", f"n,t\n{body}oops,t\n00123,t\n7,t\n")
    reason = 'column "n" is not an int, as the first records are; "types: {n: string}" keeps it as text'
    assert found.reasons() == {1500: reason, 1501: reason}
    assert "oops" not in str(found.rejects)
    kept = read("a.csv", f"n,t\n{body}oops,t\n00123,t\n", types={"n": "string"})
    assert kept.rejects == []
    assert kept.column("n")[-2:] == ["oops", "00123"]


def test_types_can_be_asked_for(read):
    found = read("a.csv", "a,b,c\n007,yes,2024-01-02\n+8,no,x\n", types={"a": "int", "b": "bool", "c": "timestamp"})
    assert found.rows == [{"a": 7, "b": True, "c": datetime(2024, 1, 2, tzinfo=UTC)}]
    assert "timestamp" in found.reasons()[1]


def test_spellings_of_missing_are_null_among_numbers_and_text_among_text(read):
    found = read("a.csv", "n,country\n1,NA\nNA,DE\n,FR\n")
    assert found.column("n") == [1, None, None]
    assert found.column("country") == ["NA", "DE", "FR"]


def test_the_key_stays_text_whatever_it_looks_like(read):
    found = read("a.csv", "n,t\n1,a\n2,b\n", key="n")
    assert found.column("n") == ["1", "2"]
    assert found.names == ['"1"', '"2"']


def test_old_line_ends_are_line_ends(read):
    expected = [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]
    assert read("a.csv", b"a,b\r\n1,x\r\n2,y\r\n").rows == expected
    assert read("a.csv", b"a,b\r1,x\r2,y\r").rows == expected


def test_spaces_after_each_separator_are_left_out_and_said(read):
    found = read("a.csv", "a, b, c\n1, x, y\n2, z, w\n")
    assert found.rows[0] == {"a": 1, "b": "x", "c": "y"}
    assert found.notes == ["a.csv: the space after each separator is left out"]


def test_columns_are_matched_by_name_over_files(tmp_path: Path, read_all):
    (tmp_path / "a.csv").write_text("id,text\n1,x\n")
    (tmp_path / "b.csv").write_text("text,id,extra\ny,2,e\n")
    found = read_all(Files(path=f"{tmp_path}/*.csv"))
    assert found.rows == [{"id": "1", "text": "x", "extra": None}, {"id": "2", "text": "y", "extra": "e"}]
    assert found.notes == ["a.csv: lacks columns that are empty in its rows: extra"]


def test_types_widen_over_files_not_by_their_order(tmp_path: Path, read_all):
    (tmp_path / "a.csv").write_text("n,m,k\n1,1,1\n")
    (tmp_path / "b.csv").write_text("n,m,k\n2.5,x,\n")
    found = read_all(Files(path=f"{tmp_path}/*.csv"))
    assert found.rows == [{"n": 1.0, "m": "1", "k": 1}, {"n": 2.5, "m": "x", "k": None}]


def test_a_record_over_the_limit_is_rejected_wherever_it_stands(read):
    long = "x" * 300
    found = read("a.csv", f'a,b\n1,{long}\n2,ok\n3,"{long}\n{long}"\n4,ok\n', max_record_bytes=500)
    assert found.reasons()[2] == "longer than max_record_bytes (500 bytes)"
    assert [row["b"] for row in found.rows if row["a"] in (1, 2, 4, "1", "2", "4")] == [long, "ok", "ok"]


def test_what_python_writes_is_what_is_read(read):
    generator = random.Random(5)
    signs = ["a", "é", "界", '"', ",", ";", "\n", " ", "\t", "'", "|", "0"]
    rows = [["x" + "".join(generator.choices(signs, k=generator.randrange(12))) for _ in range(4)] for _ in range(3000)]
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows([["p", "q", "r", "s"], *rows])
    found = read("a.csv", out.getvalue(), delimiter=",")
    assert found.rejects == []
    assert [list(row.values()) for row in found.rows] == rows


@pytest.mark.shared
@pytest.mark.slow
def test_real_files_give_every_row(shared: Path, read_all):
    counts = {
        "banking77/train.csv": 10003,
        "quora_duplicates/quora_duplicates.csv": 5000,
        "zh_online_shopping/sample.csv.gz": 7775,
        "dedupe_chicago_early_childhood/csv_example_input_with_true_ids.csv": 3337,
    }
    for name, rows in counts.items():
        found = read_all(Files(path=str(shared / name)))
        assert (name, len(found.rows), found.rejects) == (name, rows, [])


@pytest.mark.shared
def test_the_spam_collection_is_read_whole_in_spite_of_its_quotes(shared: Path, read_all):
    found = read_all(Files(path=str(shared / "sms_spam/sms.tsv"), header=False, names=("label", "text")))
    labels = found.column("label")
    assert (labels.count("ham"), labels.count("spam"), found.rejects) == (4827, 747, [])
