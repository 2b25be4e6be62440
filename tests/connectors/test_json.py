"""Tell that JSON records keep their structure, and that what does not fit is a reject or said."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from tilth.connectors._files import json as _json
from tilth.connectors._reading import Reading
from tilth.connectors.files import Files
from tilth.core.errors import DataError
from tilth.testing import storm


def lines(records) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def test_lines_of_objects_are_rows(read):
    records = [{"id": 1, "text": "a 界", "tags": ["x"], "who": {"name": "n", "age": 3}}, {"id": 2, "text": None}]
    found = read("a.jsonl", lines(records))
    assert found.rows == [records[0], {"id": 2, "text": None, "tags": None, "who": None}]
    assert found.names == ["a.jsonl:0", "a.jsonl:1"]
    assert found.schema.field("who").type == pa.struct([("name", pa.string()), ("age", pa.int64())])


def test_broken_lines_are_rejected_by_line_and_later_rows_keep_their_names(read):
    found = read("a.jsonl", '{"a": 1}\n{"a": 2\n\n[1]\n{"a": NaN}\n{"a": 1, "a": 2}\n{"a": 3}\n')
    assert found.names == ["a.jsonl:0", "a.jsonl:6"]
    assert found.reasons() == {
        1: "line 2: not valid JSON at character 7: expecting ',' delimiter",
        3: "line 4: not an object",
        4: "line 5: NaN is no JSON number",
        5: "line 6: a key comes twice in one object",
    }


def test_a_reject_never_says_what_the_record_says(read):
    found = read("a.jsonl", '{"a": 1}\n{"a": "secret-4711"}\n{"secret-4712": 1\n')
    assert len(found.rejects) == 0 or "secret" not in str(found.rejects)
    assert len(found.rejects) >= 1


def test_later_values_that_do_not_fit_are_rejected_with_what_to_do(read):
    sample = [{"n": 1, "s": {"x": True}, "l": [1.5]} for _ in range(1000)]
    late = [{"n": "x"}, {"n": 2.5}, {"n": 2.0}, {"s": {"x": 1}}, {"s": []}, {"l": ["a"]}, {"l": [1, None]}]
    found = read("a.jsonl", lines([*sample, *late]))
    assert found.rows[1000:] == [{"n": 2, "s": None, "l": None}, {"n": None, "s": None, "l": [1.0, None]}]
    reasons = found.reasons()
    assert reasons[1000] == '"n" is not an int, as in the first records; "types: {n: string}" keeps it as text'
    assert [reasons[number].split(",")[0] for number in (1003, 1004, 1005)] == [
        '"s.x" is not a bool',
        '"s" is not an object',
        '"l[]" is not a float',
    ]
    assert len(reasons) == 5


def test_keys_that_come_late_are_left_out_and_counted_or_kept_by_types(read):
    records = [*({"a": 1} for _ in range(1000)), {"a": 2, "b": "x"}, {"a": 3, "b": [1, {"c": "ü"}]}]
    found = read("a.jsonl", lines(records))
    assert len(found.rows) == 1002
    note = '2 records hold "b", which no record in the sample has: left out; "types: {b: string}" keeps it as text'
    assert found.notes == [f"a.jsonl: {note}"]
    kept = read("a.jsonl", lines(records), types={"b": "string"})
    assert kept.column("b")[-2:] == ["x", '[1,{"c":"ü"}]']
    assert kept.notes == []


def test_values_of_several_kinds_become_text_that_loses_nothing(read):
    records = [{"v": 1, "w": 1}, {"v": "x", "w": {"k": [1]}}, {"v": True, "w": "y"}, {"v": None, "w": 1.5}]
    found = read("a.jsonl", lines(records))
    assert found.column("v") == ["1", "x", "true", None]
    assert found.column("w") == ["1", '{"k":[1]}', "y", "1.5"]
    assert found.notes == ['a.jsonl: "v" holds 2 values that are not text: written as text']


def test_numbers_widen_and_never_overflow(read):
    found = read("a.jsonl", lines([{"a": 1, "b": 1 << 70, "c": 1}, {"a": 1.5, "b": 2, "c": 2}, {"c": 1 << 63}]))
    assert found.column("a") == [1.0, 1.5, None]
    assert found.column("b") == [str(1 << 70), "2", None]
    assert found.column("c") == ["1", "2", str(1 << 63)]
    late = read("a.jsonl", lines([{"c": 1}] * 1000) + '{"c": 9223372036854775808}\n{"c": 1e400}\n')
    assert len(late.rejects) == 2


def test_a_column_of_nulls_takes_what_comes(read):
    records = [
        *({"a": 1, "b": None, "c": {}, "d": []} for _ in range(1000)),
        {"b": {"x": 1}, "c": {"y": 2}, "d": ["z"]},
    ]
    found = read("a.jsonl", lines(records))
    assert found.rows[-1] == {"a": None, "b": '{"x":1}', "c": '{"y":2}', "d": ["z"]}
    assert found.rejects == []


def test_an_object_with_very_many_keys_is_kept_as_text(read):
    records = [{"map": {f"k{number}-{key}": key for key in range(5)}} for number in range(60)]
    found = read("a.jsonl", lines(records))
    assert json.loads(found.rows[7]["map"]) == records[7]["map"]


def test_keys_that_are_data_are_an_error(read):
    with pytest.raises(DataError, match="2500 different keys"):
        read("a.jsonl", lines({f"key {number}-{key}": 1 for key in range(5)} for number in range(500)))


def test_halves_of_surrogate_pairs_are_replaced_and_said(read):
    found = read("a.jsonl", '{"a": "cut \\ud83d"}\n{"a": "whole \\ud83d\\ude00", "b": ["\\udc00x"]}\n')
    assert found.rows == [{"a": "cut \ufffd", "b": None}, {"a": "whole 😀", "b": ["\ufffdx"]}]
    assert found.notes == ["a.jsonl: 2 halves of surrogate pairs replaced by U+FFFD"]


def test_deep_nesting_is_rejected_or_kept_as_text(read):
    found = read("a.jsonl", '{"a": 1}\n{"a": ' + "[" * 100_000 + "}\n" + '{"a": 2}\n')
    assert found.reasons() == {1: "line 2: nested too deep"}
    deep = '{"a": ' + "[" * 60 + "]" * 60 + "}"
    assert len(read("b.jsonl", f"{deep}\n").rows) == 1


def test_times_can_be_asked_for(read):
    found = read(
        "a.jsonl",
        lines([{"t": "2024-01-02T03:04:05Z"}, {"t": "soon"}, {"t": None}, {"t": 5}]),
        types={"t": "timestamp"},
    )
    assert found.column("t") == [datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC), None]
    assert sorted(found.reasons()) == [1, 3]


def test_carriage_returns_and_a_mark_do_not_matter(read):
    assert read("a.jsonl", b'\xef\xbb\xbf{"a": 1}\r\n{"a": 2}\r\n').column("a") == [1, 2]


def test_an_array_of_objects_is_rows(read):
    records = [{"a": number, "b": ["x]", "{"]} for number in range(20)]
    for indent in (None, 2):
        found = read("a.json", json.dumps(records, indent=indent))
        assert found.rows == records
        assert found.names[:2] == ["a.json:0", "a.json:1"]


def test_lines_in_a_json_file_are_lines(read):
    assert read("a.json", '{"a": 1}\n{"a": 2}\n').column("a") == [1, 2]
    assert read("b.json", '{"a": 1}').column("a") == [1]


def test_an_array_under_a_key_is_named_or_asked_for(read):
    held = {"version": {"no": [1, 2]}, "result": {"items": [{"a": 1}, {"a": 2}]}, "rest": 1}
    for text in (json.dumps(held), json.dumps(held, indent=1)):
        assert read("a.json", text, records="result.items").column("a") == [1, 2]
    with pytest.raises(DataError, match=r'no key "item".*Did you mean "items"') as caught:
        read("a.json", json.dumps({"items": [], "x": 1}), records="item")
    assert "a.json" in str(caught.value)
    with pytest.raises(DataError, match="Say which key holds them, such as: records: data"):
        read("b.json", json.dumps({"data": [{"a": 1}]}, indent=1))
    with pytest.raises(DataError, match="not an array"):
        read("c.json", json.dumps({"data": {"a": 1}}), records="data")


def test_a_mistake_in_an_array_costs_its_element(read):
    found = read("a.json", '[{"a": 1}, {"a": }, {"a": 2} {"a": 3}, 5, "x", {"a": 4},]')
    assert found.column("a") == [1, 4]
    assert sorted(found.reasons()) == [1, 2, 3, 4]
    assert found.names == ["a.json:0", "a.json:5"]


@pytest.mark.parametrize("tail", ['{"a": 3, "b', '{"a": 3', "", ","])
def test_an_array_that_is_cut_short_keeps_its_rows_and_says_so(read, tail):
    found = read("a.json", '[{"a": 1}, {"a": 2}, ' + tail)
    assert found.column("a") == [1, 2]
    assert "the file ends" in next(iter(found.reasons().values())) or tail == ","


def test_text_after_an_array_is_said(read):
    found = read("a.json", '[{"a": 1}] [{"a": 2}]')
    assert found.column("a") == [1]
    assert found.reasons() == {1: "there is more text after the end of the array"}


def test_an_element_over_the_limit_is_skipped(read):
    big = json.dumps({"a": 0, "b": 'x[{\\"' * 2000})
    found = read("a.json", f'[{{"a": 1}}, {big}, {{"a": 2}}]', max_record_bytes=1000)
    assert found.column("a") == [1, 2]
    assert found.reasons() == {1: "longer than max_record_bytes (1,000 bytes)"}


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_half_of_a_surrogate_pair_in_a_key_is_a_reject(read, name: str):
    said = ['{"a": 1}', '{"\\ud800a": 2}', '{"a": 3}']
    found = read(name, "\n".join(said) if name == "a.jsonl" else f"[{','.join(said)}]")
    assert [row["a"] for row in found.rows] == [1, 3]
    assert [reason.rpartition(": ")[2] for reason in found.reasons().values()] == [
        "a key holds half of a surrogate pair"
    ]


def test_words_that_look_like_numbers_in_prose_are_read_the_quick_way(tmp_path: Path, monkeypatch):
    path = tmp_path / "a.jsonl"
    path.write_text(lines({"id": at, "text": "fill_value: NaN, -Infinity or -0]"} for at in range(2000)))
    monkeypatch.setattr(_json, "chunk_of", lambda *_: pytest.fail("read the slow way"))
    source = Files(path=str(path))
    shards, _ = source.plan(None)
    assert sum(record.batch.num_rows for shard in shards for record in source.read(shard)) == 2000


def test_records_that_are_no_objects_are_an_error(read):
    with pytest.raises(DataError, match="no record in the files looked at can be read"):
        read("a.json", "[1, 2, 3]")
    with pytest.raises(DataError, match="no record"):
        read("a.jsonl", "hello\nworld\n")


def careful(path: Path, schema: pa.Schema, monkeypatch) -> list:
    with monkeypatch.context() as patch:
        patch.setattr(_json, "_quick", lambda *_: None)
        return told(path, schema)


def told(path: Path, schema: pa.Schema) -> list:
    reading = Reading(path=path, file="a.jsonl", format="jsonl", encoding="utf-8")
    chunks = list(_json.read(reading, schema))
    rows = [repr(row) for chunk in chunks for row in chunk.batch.to_pylist()]
    ordinals = [ordinal for chunk in chunks for ordinal in chunk.ordinals]
    return [
        rows,
        ordinals,
        [chunk.rejects for chunk in chunks if chunk.rejects],
        [chunk.notes for chunk in chunks if chunk.notes],
    ]


VALUES = [
    *("1", "-0", "0", "2.0", "1e3", "-1.5", "9223372036854775808", "1e400", "0.1", "123456789012345678901234567890"),
    *("null", "true", "false", '""', '"a"', '"\\u00e9\\n"', '"\\ud83d"', '"\\ud83d\\ude00"', '"\\u0000"', '"é界"'),
    *("[]", "[1]", '["a", null]', "[[]]", "{}", '{"x": 1}', '{"x": null, "y": "z"}', '{"x": 1, "x": 2}', '{"q": 1}'),
    *("NaN", "Infinity", "01", "+1", ".5", "1.", "'a'", "tru", '"2024-01-01"', '"open', "[1", "{", "", '"\\x"', '"\t"'),
]
FITTING = {
    "i": ["1", "-7", "null", "9007199254740993", "0"],
    "f": ["1", "0.1", "-0.0", "1e-320", "null", "1.7976931348623157e308", "123456789012345678"],
    "s": ['"a"', '""', '"\\u00e9\\n"', '"}\\n{"', '"\\ud83d\\ude00"', "null", '"é界"', '"NaN"'],
    "b": ["true", "false", "null"],
    "l": ["[]", '["a", null]', "null", '["{", "}"]'],
    "o": ["{}", '{"x": 1}', '{"y": "z", "x": null}', "null"],
    "t": ['"2024-01-01"', '"2024-01-01T00:00:00+01:00"', "null"],
    "z": ["1"],
}
SCHEMA = pa.schema(
    [
        *(("i", pa.int64()), ("f", pa.float64()), ("s", pa.string()), ("b", pa.bool_())),
        *(("l", pa.list_(pa.string())), ("o", pa.struct([("x", pa.int64()), ("y", pa.string())]))),
        ("t", pa.timestamp("us", "UTC")),
    ]
)


@pytest.mark.storm
@pytest.mark.parametrize("seed", range(storm(50, 1500)))
def test_the_quick_way_gives_what_the_careful_way_gives(tmp_path: Path, monkeypatch, seed: int):
    generator = random.Random(seed)
    text = []
    for _ in range(generator.randrange(1, 6)):
        names = generator.sample([*SCHEMA.names, "z"], generator.randrange(1, 4))
        members = [
            f'"{name}": {generator.choice(FITTING[name] if generator.random() < 0.9 else VALUES)}'
            for name in names
            if name != "z" or generator.random() < 0.2
        ]
        text.append(generator.choice(["", " "]) * (seed % 5 == 0) + "{" + ", ".join(members) + "}")
    path = tmp_path / "a.jsonl"
    raw = (generator.choice(["\n", "\n", "\n", "", " \n", "\r\n"]).join(text) + "\n").encode()
    if seed % 3 == 0:
        at = generator.randrange(len(raw))
        raw = raw[:at] + generator.choice([b"\xff", b"\xe4\xb8", b"\0", b"\r", b"\xed\xa0\x80", b"\xc0\x80"]) + raw[at:]
    path.write_bytes(raw)
    assert told(path, SCHEMA) == careful(path, SCHEMA, monkeypatch)


@pytest.mark.parametrize("damage", [b"\xff", b"\xe4\xb8", b"\xed\xa0\x80", b"\xc0\x80", b"\xf5\x80\x80\x80", b"\0"])
def test_bytes_that_are_no_text_cost_their_line_alone(tmp_path: Path, damage: bytes):
    path = tmp_path / "a.jsonl"
    good = [f'{{"s": "é界 {at}"}}'.encode() for at in range(50)]
    path.write_bytes(b"\n".join([*good[:20], b'{"s": "a' + damage + b'z"}', *good[20:]]) + b"\n")
    reading = Reading(path=path, file="a.jsonl", format="jsonl", encoding="utf-8")
    chunks = list(_json.read(reading, pa.schema([("s", pa.string())])))
    assert [row["s"] for chunk in chunks for row in chunk.batch.to_pylist()] == [f"é界 {at}" for at in range(50)]
    assert [reject[0] for chunk in chunks for reject in chunk.rejects] == [20]


@pytest.mark.slow
def test_each_value_alone_is_read_the_same_both_ways(tmp_path: Path, monkeypatch):
    path = tmp_path / "a.jsonl"
    quick = 0
    for name in SCHEMA.names:
        for value in VALUES:
            path.write_text(f'{{"{name}": {value}}}\n')
            line = path.read_text().rstrip("\n")
            quick += _json._quick(line.encode(), _json._quick_schema(SCHEMA), SCHEMA) is not None
            assert told(path, SCHEMA) == careful(path, SCHEMA, monkeypatch), (name, value)
    assert quick > 30


# Not ru_maxrss: a process that was just started inherits its parent's there.
MEMORY = """
import re, sys
from pathlib import Path
from tilth.connectors.files import Files


def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])


files = Files(path=sys.argv[1])
shards, _ = files.plan(None)
before = peak()
found = [record for shard in shards for record in files.read(shard)]
rows = sum(record.batch.num_rows for record in found)
rejects = [reject.reason for record in found for reject in record.rejects]
print(rows, len(rejects), rejects[0], sep="|")
print(peak() - before, file=sys.stderr)
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.txt"])
def test_a_line_of_200_megabytes_is_a_reject_in_bounded_memory(tmp_path: Path, name: str):
    path = tmp_path / name
    rows = 50_000
    with path.open("w") as out:
        row = {"a.jsonl": '{"a": "x"}\n', "a.json": '{"a": "x"},\n', "a.csv": "1,x\n", "a.txt": "x\n"}[name]
        out.write({"a.json": "[", "a.csv": "n,a\n"}.get(name, ""))
        out.write(row * rows)
        out.write('{"a": "' if "json" in name else "2,")
        for _ in range(200):
            out.write("y" * (1 << 20))
        out.write({"a.jsonl": '"}\n', "a.json": '"},\n'}.get(name, "\n"))
        out.write(row.rstrip(",\n") + ("]" if name == "a.json" else "\n"))
    done = subprocess.run([sys.executable, "-c", MEMORY, path], capture_output=True, text=True, check=True, timeout=120)
    said = done.stdout.strip().split("|")
    assert said[:2] == [str(rows + 1), "1"]
    assert "longer than max_record_bytes" in said[2]
    assert int(done.stderr) < 160 << 10, "kilobytes more than after the plan"


@pytest.mark.shared
def test_real_files_give_every_row(shared: Path, read_all):
    assert len(read_all(Files(path=str(shared / "enron_spam"))).rows) == 5172
    found = read_all(Files(path=str(shared / "pii_presidio_synthetic" / "synth_dataset_v2.json.gz")))
    assert (len(found.rows), sum(len(spans) for spans in found.column("spans"))) == (1500, 2863)
