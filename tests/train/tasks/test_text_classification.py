import numpy as np
import pyarrow as pa
import pytest

from tilth.core.errors import DataError, ModelError
from tilth.train.decision import Decision
from tilth.train.scratch import learn_tokenizer
from tilth.train.task import Spelling
from tilth.train.tasks.text_classification import TextClassification

TASK = TextClassification()
MANY = TextClassification(multi_label=True)


def batch(**columns: object) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(columns)


@pytest.fixture(scope="module")
def spelling() -> Spelling:
    return Spelling(tokenizer=learn_tokenizer(["a b c d e"], vocabulary=40, lowercase=True), max_length=8)


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (["b", "a", None, "b"], ("a", "b")),
        ([10, 9, 10], ("9", "10")),
        ([True, False], ("false", "true")),
        ([1.0, 0.0, None, float("nan")], ("0", "1")),
        (pa.array(["x", "y"]).dictionary_encode(), ("x", "y")),
    ],
)
def test_labels_are_sorted_and_spelt_alike_whatever_their_type(values, wanted):
    assert TASK.labels([batch(label=values)]) == wanted


def test_labels_come_from_all_batches():
    assert TASK.labels([batch(label=["a"]), batch(label=["b", "once"])]) == ("a", "b", "once")


@pytest.mark.parametrize(
    ("task", "columns", "message"),
    [
        (TASK, {"lable": ["a"]}, r'no column "label".*Did you mean "lable"'),
        (TASK, {"label": pa.array([None, None], pa.string())}, "all of column .label. is null"),
        (TASK, {"label": pa.nulls(2)}, "all of column .label. is null"),
        (TASK, {"label": ["a", "a", None]}, r'one class only \("a"\)'),
        (TASK, {"label": pa.array([], pa.string())}, "there are no train rows"),
        (TASK, {"label": [0.5, 1.0]}, "holds fractions"),
        (TASK, {"label": [float("inf"), 1.0]}, "holds fractions"),
        (TASK, {"label": [float("nan"), None]}, "all of column .label. is null"),
        (TASK, {"label": [["a"], ["b"]]}, "Set multi_label: true"),
        (TASK, {"label": [{"a": 1}]}, "holds struct"),
        (MANY, {"label": ["a", "b"]}, "lists, as multi_label says"),
    ],
)
def test_labels_that_cannot_be_learnt_say_why(task, columns, message):
    with pytest.raises(DataError, match=message):
        task.labels([batch(**columns)])


def test_rows_without_text_or_label_are_left_out_and_counted(spelling):
    lesson = TASK.lesson(
        batch(_id=["x", "y", "z", "w"], text=["a", None, "b", "c"], label=["p", "p", None, "new"]), spelling, ("p", "q")
    )
    assert lesson.ids == ["x", "w"]
    assert (lesson.skipped, lesson.strangers) == (2, 1)
    assert lesson.encoded.targets is not None and lesson.encoded.targets.tolist() == [0, 2]


def test_an_unknown_label_counts_as_wrong(spelling):
    lesson = TASK.lesson(batch(text=["a", "b"], label=["p", "new"]), spelling, ("p", "q"))
    logits = np.array([[1.0, 0.0], [1.0, 0.0]])
    assert TASK.score(logits, lesson.encoded, ("p", "q"))["accuracy"] == 0.5


def test_several_labels_a_row_and_none(spelling):
    rows = batch(text=["a", "b", "c", "d"], label=[["x", "y"], [], None, ["new", "y"]])
    assert MANY.labels([rows]) == ("new", "x", "y")
    lesson = MANY.lesson(rows, spelling, ("x", "y"))
    assert lesson.encoded.targets is not None
    assert lesson.encoded.targets.tolist() == [[True, True], [False, False], [False, True]]
    assert (lesson.skipped, lesson.strangers) == (1, 1)
    scores = MANY.score(np.array([[1, 1], [-1, -1], [-1, 1]]), lesson.encoded, ("x", "y"))
    assert scores == {"macro_f1": 1, "accuracy": 1}


def test_a_long_text_loses_its_end_and_says_so(spelling):
    encoded = TASK.encode(batch(text=["a b c d e a b c", "a b", None]), spelling)
    assert encoded.truncated.tolist() == [True, False, False]
    assert encoded.lengths.tolist() == [8, 4]
    assert encoded.rows.tolist() == [0, 1]


def test_unknown_tokens_are_a_share_of_the_row(spelling):
    encoded = TASK.encode(batch(text=["a 中 文 b", "a", ""]), spelling)
    assert encoded.unknown.tolist() == [0.5, 0, 0]


def test_of_a_pair_the_longer_text_gives_way(spelling):
    task = TextClassification(pair="other")
    encoded = task.encode(batch(text=["a b c d e", "a", "a"], other=["b", "b c", None]), spelling)
    first, second = encoded.ids[:8], encoded.ids[8:]
    spell = spelling.tokenizer.texts
    cls, sep = spelling.tokenizer.single
    assert first.tolist() == [*cls, *spell(["a b c d"])[0], *sep, *spell(["b"])[0], *sep]
    assert second.tolist() == [*cls, *spell(["a"])[0], *sep, *spell(["b c"])[0], *sep]
    assert encoded.kinds is not None and encoded.kinds.tolist() == [0] * 6 + [1] * 2 + [0] * 3 + [1] * 3
    assert encoded.rows.tolist() == [0, 1]


def decided(task, logits, labels, decision=None, texts=None, spelling=None):
    rows = batch(text=texts or ["a"] * len(logits))
    encoded = task.encode(rows, spelling)
    return {
        name: column.to_pylist()
        for name, column in task.decode(
            np.array(logits, np.float32), rows, encoded, labels, decision or Decision()
        ).items()
    }


def test_answers_have_scores_in_label_order(spelling):
    found = decided(TASK, [[2.0, 0.0, 0.0], [0.0, 0.0, 1.0]], ("p", "q", "r"), spelling=spelling)
    assert found["prediction"] == ["p", "r"]
    assert found["scores"][0] == pytest.approx([0.786986, 0.106507, 0.106507])
    assert found["confidence"] == [pytest.approx(0.786986), pytest.approx(0.576117)]
    assert found["logits"][0] == [2, 0, 0]


def test_a_threshold_moves_the_border(spelling):
    logits = [[1.0, 0.0]]  # 0.73 to 0.27
    careful = Decision(thresholds={"p": 0.8, "q": 0.2})
    assert decided(TASK, logits, ("p", "q"), spelling=spelling)["prediction"] == ["p"]
    found = decided(TASK, logits, ("p", "q"), careful, spelling=spelling)
    assert found["prediction"] == ["q"]
    assert found["confidence"] == [pytest.approx(0.268941)]


def test_an_answer_that_is_not_sure_is_null_but_its_scores_stay(spelling):
    found = decided(TASK, [[1.0, 0.0], [9.0, 0.0]], ("p", "q"), Decision(abstain_below=0.9), spelling=spelling)
    assert found["prediction"] == [None, "p"]
    assert found["confidence"][0] == pytest.approx(0.731059)


def test_a_row_without_text_has_no_answer_at_all(spelling):
    found = decided(TASK, [[1.0, 0.0], [9.0, 0.0]], ("p", "q"), texts=["a", None], spelling=spelling)
    assert [column[1] for column in found.values()] == [None] * 4


def test_each_label_has_its_own_threshold(spelling):
    logits = [[1.0, -1.0], [-3.0, -3.0]]
    assert decided(MANY, logits, ("x", "y"), spelling=spelling)["prediction"] == [["x"], []]
    low = Decision(thresholds={"y": 0.2})
    found = decided(MANY, logits, ("x", "y"), low, spelling=spelling)
    assert found["prediction"] == [["x", "y"], []]
    assert found["confidence"][0] == pytest.approx(0.268941)
    with pytest.raises(ModelError):
        low.check(("x",))


def test_no_rows_give_empty_columns(spelling):
    for task in (TASK, MANY):
        rows = batch(text=pa.array([], pa.string()))
        found = task.decode(np.zeros((0, 2), np.float32), rows, task.encode(rows, spelling), ("x", "y"), Decision())
        assert {name: column.type for name, column in found.items()} == dict(task.answers)
        assert all(len(column) == 0 for column in found.values())
