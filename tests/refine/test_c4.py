"""C4's line and text rules, on datatrove's own cases; a text without faults comes out as it went in."""

from __future__ import annotations

import pyarrow as pa
import pytest

from tilth.refine.c4 import C4
from tilth.testing import batch
from tilth.text import _compile

PROSE = (
    "This is a well-written paragraph with several sentences.\n"
    "The content continues with more good information here.\n"
    "Another important point is being made in this line.\n"
    "We can see that this document has quality content.\n"
    "Finally, the conclusion wraps everything up nicely.\n"
    "An additional sentence to ensure we pass the threshold."
)
REST = (
    "Another sentence follows this one.\n"
    "More content to fill out the document.\n"
    "Even more content is needed to pass.\n"
    "The final sentence of the document."
)

# huggingface/datatrove a649de79, tests/pipeline/filters/test_filters.py, TestC4QualityFilter
PEER_CASES = [
    (PROSE, None),
    (f"This is a sentence with lorem ipsum dolor sit amet.\n{REST}", "lorem_ipsum"),
    ("This is some code with a { bracket.\n" + REST, "curly"),
    ("Just one sentence.", "too_few_sentences"),
]


def cleaned(text: str | None, **options: object) -> str | None:
    mapped = C4(**options).map(batch(text=[text])).column("text")[0].as_py()  # type: ignore[arg-type]
    return None if mapped is None else str(mapped)


def judged(*texts: str | None, **options: object) -> list[str | None]:
    operator = C4(**options)  # type: ignore[arg-type]
    found = operator.judge(operator.map(batch(text=list(texts)))).to_pylist()
    return [verdict and verdict["rule"].removeprefix("c4.") for verdict in found]


@pytest.mark.parametrize(("text", "rule"), PEER_CASES)
def test_datatroves_cases_are_decided_alike(text: str, rule: str | None) -> None:
    assert judged(text) == [rule]


def test_lines_about_cookies_go() -> None:
    # The same file, test_removes_policy_lines_from_text
    text = "This site uses cookies for tracking.\nAnother valid line here today."
    assert cleaned(text, min_words=None) == "Another valid line here today."


def test_a_text_without_faults_is_not_changed() -> None:
    assert cleaned(PROSE) == PROSE


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("No mark at the end", {"end_marks": ()}),
        ("This trails off...", {"end_marks": ()}),
        ("Two words.", {"min_words": 2}),
        ("Please turn on JavaScript here.", {"javascript": False}),
        ("Read our Privacy Policy here.", {"policy": False}),
        (f"A word that is {'long' * 300} here.", {"max_word": None}),
        ("中文句子。", {"scope": "latin", "end_marks": ("。", "."), "min_words": 1}),
    ],
)
def test_each_line_rule_can_be_turned_off(line: str, options: dict[str, object]) -> None:
    assert cleaned(f"{PROSE}\n{line}") == PROSE
    assert cleaned(f"{PROSE}\n{line}", **options) == f"{PROSE}\n{line}"


def test_citation_marks_go() -> None:
    assert cleaned("The sky is blue[12] by day[citation needed].") == "The sky is blue by day."


def test_the_order_of_line_rules_decides_about_the_text() -> None:
    # JavaScript takes the line before its bracket counts; the bracket counts before the phrase about cookies does.
    assert judged(f"{PROSE}\nUse JavaScript to say {{ here.") == [None]
    assert judged(f"{PROSE}\nThe terms of use are in {{ here.") == ["curly"]
    assert judged(f"{PROSE}\nlorem ipsum in JavaScript {{ here.") == ["lorem_ipsum"]
    assert judged(f"{PROSE}\nlorem ipsum {{ without an end") == [None]


def test_other_scripts_pass_untouched_unless_asked_for() -> None:
    chinese = "今天天气很好\n我们去公园散步。"
    assert (cleaned(chinese), judged(chinese)) == (chinese, [None])
    assert (cleaned(chinese, scope="all"), judged(chinese, scope="all")) == ("", ["too_few_sentences"])


def test_an_empty_text_has_too_few_sentences() -> None:
    assert judged("", None) == ["too_few_sentences", "too_few_sentences"]
    assert judged("", None, min_sentences=None) == [None, None]


TRICKY = [
    "One [1] line here stays.\r\nIt goes\u2028Another\xa0line stays.",
    None,
    "",
    "plain",
    "Sold at the Kwik\u212a mart.",
]


@pytest.mark.parametrize(
    "kind",
    [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())],
    ids=str,
)
def test_any_text_type_stays_itself_with_and_without_compiled_code(
    kind: pa.DataType, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = pa.RecordBatch.from_arrays([pa.array(TRICKY).cast(kind)], ["text"]).slice(0, 4)
    compiled = C4().map(rows)
    monkeypatch.setattr(_compile, "available", lambda: False)
    assert compiled.equals(C4().map(rows))
    assert compiled.schema.field("text").type == kind
    assert compiled.column("text").to_pylist() == ["One  line here stays.\nAnother\xa0line stays.", None, "", ""]


def test_a_column_of_nulls_alone_has_no_line_to_lose() -> None:
    rows = pa.RecordBatch.from_arrays([pa.nulls(2)], ["text"])
    assert C4().map(rows).equals(rows)


def test_a_text_that_is_not_changed_is_not_copied() -> None:
    rows = batch(text=[PROSE, None])
    assert C4().map(rows).column("text").buffers()[2].address == rows.column("text").buffers()[2].address
