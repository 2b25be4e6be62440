"""Notes reach their rows: by id, then by file; repeated keys leave but for the last; the recipe's first place wins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.core.batch import AT, ID, SPLIT, Batch
from tilth.core.engine import KEY, Rows
from tilth.core.shard import Shard
from tilth.engines.local import Local
from tilth.run.sidecar import NOTE, Sidecar, build, chained, notes

LIGHT = pa.schema([(ID, pa.string()), (AT, pa.string()), (SPLIT, pa.string())])


@dataclass(frozen=True)
class Lines:
    """Reads lists of lines, one list a shard, two lines a batch."""

    parts: list[list[dict[str, Any]]]
    schema: pa.Schema

    def __call__(self, shard: Shard) -> Iterator[Batch]:
        lines = self.parts[shard.where["n"]]
        for start in range(0, len(lines), 2):
            yield pa.RecordBatch.from_pylist(lines[start : start + 2], schema=self.schema)


def rows(parts: list[list[dict[str, Any]]], schema: pa.Schema) -> Rows:
    return Rows(shards=tuple(Shard(id=f"s{n}", where={"n": n}) for n in range(len(parts))), read=Lines(parts, schema))


def acquired(files: dict[str, str]) -> list[dict[str, Any]]:
    """Write files as rows: each letter of a file is a row, and its id."""
    return [{ID: name, AT: f"{file}:{n:012d}"} for file in sorted(files) for n, name in enumerate(files[file])]


def joined(files: dict[str, str], known: list[dict[str, Any]], shards: int = 1) -> dict[str, dict[str, Any]]:
    """Return each row's note by place, as a worker reads it beside the files."""
    light = acquired(files)
    cuts = [len(light) * n // shards for n in range(shards + 1)]
    parts = [light[a:b] for a, b in zip(cuts, cuts[1:], strict=False)]
    with Local(workers=1) as engine:
        sidecar = build(rows(parts, LIGHT), rows([known[::2], known[1::2]], NOTE), engine)
        found: dict[str, dict[str, Any]] = {}
        for file in files:
            lines = beside(sidecar, file)
            assert [line[AT] for line in lines] == [f"{file}:{n:012d}" for n in range(len(files[file]))]
            found |= {
                line[AT]: {key: value for key, value in line.items() if value is not None and key != KEY}
                for line in lines
            }
        return found


def beside(sidecar: Sidecar, file: str) -> list[dict[str, Any]]:
    return [line for batch in sidecar.beside(file) for line in batch.to_pylist()]


def at(file: str, number: int) -> str:
    return f"{file}:{number:012d}"


def leaving(name: str, place: str, **more: Any) -> dict[str, Any]:
    return {ID: name, "place": place, "rule": "rule of " + place, **more}


def test_each_row_gets_what_is_known_of_its_id() -> None:
    found = joined(
        {"f": "ab", "g": "c"},
        [{ID: "a", "split": "test", "unit": "u"}, leaving("c", "refine[0] x", value=0.5, threshold=0.4, other_id="a")],
    )
    assert found[at("f", 0)]["split"] == "test"
    assert found[at("f", 0)]["unit"] == "u"
    assert set(found[at("f", 1)]) <= {ID, AT}
    assert {key: found[at("g", 0)][key] for key in ("place", "rule", "value", "threshold", "other_id")} == {
        "place": "refine[0] x",
        "rule": "rule of refine[0] x",
        "value": 0.5,
        "threshold": 0.4,
        "other_id": "a",
    }


def test_a_row_that_leaves_has_its_split_too() -> None:
    note = joined({"f": "a"}, [leaving("a", "refine[0] x"), {ID: "a", "split": "train", "unit": "u"}])[at("f", 0)]
    assert (note["split"], note["rule"]) == ("train", "rule of refine[0] x")


def test_of_rows_that_repeat_a_key_only_the_last_stays() -> None:
    found = joined({"f": "aba", "g": "ca"}, [{ID: "a", "split": "train", "unit": "u"}])
    for place in (at("f", 0), at("f", 2)):
        assert (found[place]["place"], found[place]["rule"]) == ("acquire", "repeated_key")
        assert found[place]["other_id"] == "a"
        assert found[place]["split"] == "train"
    assert "rule" not in found[at("g", 1)]
    assert "rule" not in found[at("f", 1)]


def test_the_last_is_the_last_of_the_table() -> None:
    # Tables order rows by shard: "f" before "f-1", though ":" sorts after "-".
    found = joined({"f": "a", "f-1": "a"}, [])
    assert "rule" in found[at("f", 0)]
    assert "rule" not in found[at("f-1", 0)]


def test_the_last_of_repeated_rows_leaves_where_its_id_does() -> None:
    found = joined({"f": "aa"}, [leaving("a", "refine[1] x")])
    assert [found[at("f", n)]["place"] for n in (0, 1)] == ["acquire", "refine[1] x"]


@pytest.mark.parametrize(
    ("places", "first"),
    [
        (["refine[10] empty", "refine[2] length"], "refine[2] length"),
        (["refine[2] b", "refine[10] a", "refine[9] c"], "refine[2] b"),
        (["refine[0] x", "split"], "split"),
        (["refine[3] near_duplicates", "refine[3] exact_duplicates"], "refine[3] exact_duplicates"),
    ],
)
def test_the_recipes_first_place_says_why_a_row_leaves(places: list[str], first: str) -> None:
    for order in (places, places[::-1]):
        assert joined({"f": "a"}, [leaving("a", place) for place in order])[at("f", 0)]["place"] == first


def test_notes_about_nobody_are_left_out() -> None:
    assert set(joined({"f": "a"}, [{ID: "z", "split": "test", "unit": "u"}])) == {at("f", 0)}


def test_a_file_without_rows_has_no_notes() -> None:
    with Local(workers=1) as engine:
        sidecar = build(rows([acquired({"f": "ab"})], LIGHT), rows([], NOTE), engine)
        assert beside(sidecar, "nowhere") == []
        assert len(beside(sidecar, "f")) == 2


def test_names_of_files_may_be_anything() -> None:
    files = {"000-a:b.csv": "ab", "000-a": "c", "000-a:b": "d", "naïve 中文 .x": "e", ":": "f"}
    assert len(joined(files, [])) == 6


def test_many_files_share_the_streams() -> None:
    files = {f"f{n:03d}": "abcdefgh"[n % 8] for n in range(300)}
    found = joined(files, [{ID: letter, "split": "test", "unit": letter} for letter in "abcd"])
    assert len(found) == 300
    stay = [place for place, note in found.items() if "rule" not in note]
    assert stay == [at(f"f{n:03d}", 0) for n in range(292, 300)]
    assert [found[place].get("split") for place in stay] == [None] * 4 + ["test"] * 4


FILES = st.dictionaries(st.sampled_from(["f", "f-1", "f:x", "g", "h"]), st.text("abcdef", max_size=9), max_size=4)
PLACES = st.sampled_from([f"refine[{n}] x" for n in (1, 2, 10)])
KNOWN = st.fixed_dictionaries(
    {
        "split": st.dictionaries(st.sampled_from("abcdefz"), st.sampled_from(["train", "test"])),
        "leaving": st.lists(st.tuples(st.sampled_from("abcdefz"), PLACES), unique=True, max_size=8),
    }
)


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(FILES, KNOWN, st.integers(1, 5))
def test_the_join_agrees_with_dictionaries_for_any_shards(
    files: dict[str, str], known: dict[str, Any], shards: int
) -> None:
    splits: dict[str, str] = known["split"]
    lines = [{ID: name, "split": split, "unit": f"u{name}"} for name, split in splits.items()]
    lines += [leaving(name, place) for name, place in known["leaving"]]
    expected = {}
    light = acquired(files)
    for row in light:
        name = row[ID]
        note: dict[str, Any] = {"split": splits[name], "unit": f"u{name}"} if name in splits else {}
        places = sorted(
            (place for other, place in known["leaving"] if other == name), key=lambda place: int(place[7:-3])
        )
        if row is not [other for other in light if other[ID] == name][-1]:
            note |= {"place": "acquire", "rule": "repeated_key", "other_id": name}
        elif places:
            note |= {"place": places[0], "rule": "rule of " + places[0]}
        expected[row[AT]] = note
    found = joined(files, lines, shards)
    assert {place: {key: note[key] for key in note if key not in (ID, AT)} for place, note in found.items()} == expected


def test_chained_rows_keep_their_order_and_their_own_names() -> None:
    one, two = rows([[{ID: "a", AT: "x"}], []], LIGHT), rows([[{ID: "b", AT: "y"}, {ID: "c", AT: "z"}]], LIGHT)
    both = chained(one, two)
    assert [line[ID] for batch in both.batches() for line in batch.to_pylist()] == ["a", "b", "c"]
    assert len({shard.id for shard in both.shards}) == 3
    deep = chained(both, chained(two), Rows(shards=(), read=one.read))
    assert [line[ID] for batch in deep.batches() for line in batch.to_pylist()] == ["a", "b", "c", "b", "c"]
    assert [shard.id for shard in deep.shards] == ["0-0-s0", "0-0-s1", "0-1-s0", "1-0-s0"]
    assert chained().shards == ()


def test_chained_shards_keep_what_is_known_of_their_size() -> None:
    one = Rows(shards=(Shard(id="a", where={"n": 0}, bytes=7, rows=3),), read=Lines([[]], LIGHT))
    (shard,) = chained(one).shards
    assert (shard.bytes, shard.rows) == (7, 3)


def test_notes_are_null_where_nothing_is_given() -> None:
    batch = notes([{ID: "a", "split": "test"}, {ID: "b"}])
    assert batch.schema == NOTE
    assert batch.column("split").to_pylist() == ["test", None]
    assert notes([]).num_rows == 0
