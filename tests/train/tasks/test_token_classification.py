import numpy as np
import pyarrow as pa
import pytest

from tilth.core.errors import DataError
from tilth.train.decision import Decision
from tilth.train.scratch import learn_tokenizer
from tilth.train.task import Spelling
from tilth.train.tasks.token_classification import TokenClassification

TASK = TokenClassification()
BIO = ("B-LOC", "B-PER", "I-LOC", "I-PER", "O")
LISTS = pa.list_(pa.string())


def batch(**columns: object) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(columns)


@pytest.fixture(scope="module")
def spelling() -> Spelling:
    return Spelling(
        tokenizer=learn_tokenizer(["ann rome in is . new york"], vocabulary=60, lowercase=True), max_length=16
    )


def test_tags_of_any_scheme_become_bio():
    assert TASK.labels([batch(tags=[["I-PER", "O"], None, []]), batch(tags=[["S-LOC"]])]) == BIO
    assert TASK.labels([batch(tags=[["NN", "VB"]])]) == ("NN", "VB")
    assert TASK.labels([batch(tags=[[3, 10], [9]])]) == ("3", "9", "10")


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        (pa.nulls(2), "all of column .tags. is null"),
        (pa.array([None, []], LISTS), "all of column .tags. is null"),
        ([["O", "O"]], r'one tag only \("O"\)'),
        (pa.array([], LISTS), "there are no train rows"),
        (["O"], "lists of tags"),
    ],
)
def test_tags_that_cannot_be_learnt_say_why(tags, message):
    with pytest.raises(DataError, match=message):
        TASK.labels([batch(tags=tags)])


def test_words_and_tags_must_be_as_many(spelling):
    with pytest.raises(DataError, match="row x has 2 words and 1 tags"):
        TASK.lesson(batch(_id=["x"], tokens=[["a", "b"]], tags=[["O"]]), spelling, BIO)


def test_a_row_without_words_or_tags_is_left_out(spelling):
    rows = batch(
        _id=["a", "b", "c", "d", "e"],
        tokens=[["ann"], None, [], ["in", "rome"], ["in"]],
        tags=[["I-PER"], ["O"], [], ["O", "B-NEW"], [None]],
    )
    lesson = TASK.lesson(rows, spelling, BIO)
    assert lesson.ids == ["a", "d"]
    assert (lesson.skipped, lesson.strangers) == (3, 1)
    targets = lesson.encoded.targets
    assert targets is not None and targets[targets >= 0].tolist() == [BIO.index("B-PER"), BIO.index("O"), len(BIO)]


def test_an_unknown_entity_is_one_that_was_missed(spelling):
    rows = batch(tokens=[["ann", "in", "rome"]], tags=[["B-PER", "O", "B-NEW"]])
    lesson = TASK.lesson(rows, spelling, BIO)
    logits = np.eye(5)[[1, 4, 4]]
    scores = TASK.score(logits, lesson.encoded, BIO)
    assert scores["entity_f1"] == pytest.approx(2 / 3)
    assert scores["accuracy"] == pytest.approx(2 / 3)


def decode(rows, logits, spelling, decision=None, task=TASK):
    encoded = task.encode(rows, spelling)
    found = task.decode(np.array(logits, np.float32), rows, encoded, BIO, decision or Decision())
    return {name: column.to_pylist() for name, column in found.items()}


def test_answers_are_valid_bio_and_entities_are_words(spelling):
    rows = batch(tokens=[["in", "new", "york"], None, [], ["ann"]])
    logits = 9.0 * np.eye(5)[[4, 2, 2, 1]]
    found = decode(rows, logits, spelling)
    assert found["prediction"] == [["O", "B-LOC", "I-LOC"], None, [], ["B-PER"]]
    assert found["entities"] == [
        [{"type": "LOC", "start": 1, "end": 3, "text": "new york"}],
        None,
        [],
        [{"type": "PER", "start": 0, "end": 1, "text": "ann"}],
    ]
    assert [len(row) if row is not None else None for row in found["logits"]] == [3, None, 0, 1]
    assert found["confidence"][3] == [pytest.approx(0.999507)]


def test_text_is_split_and_entities_are_characters(spelling):
    rows = batch(text=["Ann is in New York.", None])
    tags = ["B-PER", "O", "O", "B-LOC", "I-LOC", "O"]
    found = decode(rows, 9.0 * np.eye(5)[[BIO.index(tag) for tag in tags]], spelling)
    assert found["tokens"] == [["Ann", "is", "in", "New", "York", "."], None]
    assert found["entities"][0] == [
        {"type": "PER", "start": 0, "end": 3, "text": "Ann"},
        {"type": "LOC", "start": 10, "end": 18, "text": "New York"},
    ]
    assert found["prediction"] == [tags, None]


def test_a_doubtful_word_takes_its_entity_along(spelling):
    rows = batch(tokens=[["new", "york", "ann"]])
    logits = np.eye(5)[[0, 2, 1]] * np.array([[9.0], [1.0], [9.0]])
    found = decode(rows, logits, spelling, Decision(abstain_below=0.9))
    assert found["prediction"] == [["B-LOC", None, "B-PER"]]
    assert [one["type"] for one in found["entities"][0]] == ["PER"]


def test_one_class_a_word_needs_no_bio(spelling):
    rows = batch(tokens=[["ann", "is"]], tags=[["NN", "VB"]])
    lesson = TASK.lesson(rows, spelling, ("NN", "VB"))
    assert set(TASK.score(np.eye(2), lesson.encoded, ("NN", "VB"))) == {"accuracy", "macro_f1"}
    found = TASK.decode(np.eye(2, dtype=np.float32), rows, lesson.encoded, ("NN", "VB"), Decision())
    assert found["prediction"].to_pylist() == [["NN", "VB"]]
    assert found["entities"].to_pylist() == [[]]


def test_no_rows_give_empty_columns(spelling):
    rows = batch(tokens=pa.array([], LISTS))
    found = TASK.decode(np.zeros((0, 5), np.float32), rows, TASK.encode(rows, spelling), BIO, Decision())
    assert {name: column.type for name, column in found.items()} == dict(TASK.answers)


def test_a_column_that_is_not_there_is_named(spelling):
    with pytest.raises(DataError, match=r'no column "tokens".*Did you mean "token"'):
        TASK.encode(batch(token=[["a"]]), spelling)
