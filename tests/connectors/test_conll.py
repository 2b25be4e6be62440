"""Tell that sentences in columns are read whole, with their documents and their tags in BIO."""

from __future__ import annotations

from pathlib import Path

import pytest

from tilth.connectors._files.conll import looks_like_conll
from tilth.connectors.files import Files
from tilth.core.errors import DataError

TEXT = """-DOCSTART- -X- O O

EU NNP I-NP I-ORG
rejects VBZ I-VP O
German JJ I-NP I-MISC

Peter NNP I-NP I-PER
Blackburn NNP I-NP I-PER

-DOCSTART- -X- O O

BRUSSELS NNP I-NP I-LOC
LONDON NNP I-NP B-LOC
"""


def test_conll_2003_is_four_columns_documents_and_bio(read):
    found = read("eng.conll", TEXT)
    assert found.schema.names == ["tokens", "pos", "chunk", "tags", "doc", "sentence"]
    assert found.rows[0] == {
        "tokens": ["EU", "rejects", "German"],
        "pos": ["NNP", "VBZ", "JJ"],
        "chunk": ["I-NP", "I-VP", "I-NP"],
        "tags": ["B-ORG", "O", "B-MISC"],
        "doc": 0,
        "sentence": 0,
    }
    assert found.column("tags")[1:] == [["B-PER", "I-PER"], ["B-LOC", "B-LOC"]]
    assert found.column("doc") == [0, 0, 1]
    assert found.names == ["eng.conll:0", "eng.conll:1", "eng.conll:2"]
    assert found.notes == ["eng.conll: tags are iob1 (recognised by what tags follow one another), rewritten as bio"]


def test_two_columns_are_tokens_and_tags_and_no_document(read):
    found = read("a.bio", "科0\tB-ORG\n技1\tI-ORG\n\n好\tO\n")
    assert found.rows[0] == {"tokens": ["科0", "技1"], "tags": ["B-ORG", "I-ORG"], "doc": None, "sentence": 0}
    assert found.notes == ["a.bio: tags are bio (recognised by what tags follow one another)"]


def test_a_sentence_with_a_line_of_other_columns_is_rejected_and_counted(read):
    found = read("a.bio", "a\tO\nb\n\nc\tB-X\n\nd\tO\tO\n\n\ne\tO\n")
    assert found.column("sentence") == [1, 3]
    assert found.names == ["a.bio:1", "a.bio:3"]
    assert found.reasons() == {0: "line 2 has 1 columns, the file has 2", 2: "line 6 has 3 columns, the file has 2"}


def test_a_tag_of_another_scheme_rejects_its_sentence(read):
    text = "a\tB-X\nb\tI-X\n\n" * 20 + "c\tO\nd\tS-X\n\ne\tO\n"
    assert read("a.bio", text, scheme="bio").reasons() == {20: "line 62: the tag is none of bio"}
    assert read("b.bio", "a\tB-X\n\n" * 20 + "c\tPER\n").reasons() == {20: "line 41: the tag is none of bio"}


def test_tags_that_break_the_scheme_are_mended_and_counted(read):
    found = read("a.bio", "a\tB-X\nb\tI-X\n\n" * 5 + "c\tO\nd\tI-X\ne\tI-Y\n")
    assert found.column("tags")[-1] == ["O", "B-X", "B-Y"]
    assert found.notes[-1] == "a.bio: 2 tags that break bio mended to begin an entity"
    assert found.rejects == []


def test_the_scheme_can_be_stated(read):
    text = "a\tI-X\nb\tB-X\n\nc\tB-X\n"
    assert read("a.bio", text, scheme="iob1").column("tags") == [["B-X", "B-X"], ["B-X"]]
    assert read("a.bio", "a\tB-X\nb\tE-X\n\n", scheme="bioes").column("tags") == [["B-X", "I-X"]]


def test_tags_of_no_scheme_are_left_alone(read):
    found = read("a.conll", "dogs NNS\nbark VBP\n\ncats NNS\n")
    assert found.column("tags") == [["NNS", "VBP"], ["NNS"]]
    assert "kept as they are" in found.notes[0]


def test_columns_can_be_named(read):
    found = read("a.conll", "1 dogs B-X x\n2 bark O y\n", token_columns=("no", "tokens", "tags", "note"))
    assert found.rows[0]["tokens"] == ["dogs", "bark"]
    assert found.rows[0]["tags"] == ["B-X", "O"]
    with pytest.raises(DataError, match="token_columns names 2 columns, the lines have 4"):
        read("a.conll", "1 dogs B-X x\n", token_columns=("tokens", "tags"))
    with pytest.raises(DataError, match="the lines have one column"):
        read("b.conll", "dogs\nbark\n")


def test_three_columns_and_odd_white_space(read):
    found = read("a.conll", "a  x \t O\r\nb y   B-X\r\n \t\r\nc z O")
    assert found.rows[0]["column_2"] == ["x", "y"]
    assert found.column("tags") == [["O", "B-X"], ["O"]]


def test_a_blank_that_is_a_token_is_one_between_tabs(read):
    found = read("a.bio", "a\tO\n\u3000\tO\n \tO\nb\tB-X\n")
    assert found.column("tokens") == [["a", "\u3000", " ", "b"]]


def test_comments_are_left_out_and_counted_but_a_hash_is_a_token(read):
    found = read("a.conll", "# id = 7\n# O\nb B-X\n\n#doc 5 of 9\n#\tO\n")
    assert found.column("tokens") == [["#", "b"], ["#"]]
    assert found.notes[-1] == "a.conll: 2 comment lines left out"


def test_bad_lines_reject_their_sentence_only(read):
    text = b"a\tO\n\n" * 2000 + b"b\tO\nc\xff\tO\nd\tO\n\ne\tB-X\n"
    found = read("a.bio", text)
    assert found.reasons() == {2000: "line 4002: not utf-8 at byte 1 of the line"}
    assert found.column("tokens")[-1] == ["e"]


def test_a_sentence_without_an_end_is_rejected_in_bounded_memory(read):
    found = read("a.bio", "x\tO\n" * 10_000 + "\nb\tB-X\n", max_record_bytes=5000)
    assert found.column("tokens") == [["b"]]
    assert found.reasons() == {0: "longer than max_record_bytes (5,000 bytes)"}


def test_a_file_of_blank_lines_beside_another_says_so(tmp_path: Path, read_all):
    (tmp_path / "a.bio").write_text("\n\n")
    (tmp_path / "b.bio").write_text("x\tO\n")
    found = read_all(Files(path=str(tmp_path)))
    assert len(found.rows) == 1
    assert found.notes[0] == "a.bio: holds no sentence"


def test_prose_and_tables_do_not_look_like_conll():
    assert not looks_like_conll(["Once upon a time", "", "there was O", ""])
    assert not looks_like_conll(["a\tO", "b\tB-X"])
    assert not looks_like_conll(["O", "", "B-X"])


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("conll2003/eng.train", (14041, 203621, 23499, 946)),
        ("conll2003/eng.testa", (3250, 51362, 5942, 216)),
        ("conll2003/eng.testb", (3453, 46435, 5648, 231)),
        ("zh_weibo_ner/weiboNER_2nd_conll.train", (1350, 73778, 1895, 0)),
        ("zh_weibo_ner/weiboNER_2nd_conll.dev", (270, 14509, 389, 0)),
        ("zh_weibo_ner/weiboNER_2nd_conll.test", (270, 14842, 418, 0)),
    ],
)
def test_real_files_give_the_published_counts(shared: Path, read_all, name: str, counts: tuple[int, ...]):
    found = read_all(Files(path=str(shared / name)))
    entities = sum(tag.startswith("B-") for tags in found.column("tags") for tag in tags)
    documents = {doc for doc in found.column("doc") if doc is not None}
    assert (len(found.rows), sum(map(len, found.column("tokens"))), entities, len(documents)) == counts
    assert found.rejects == []
