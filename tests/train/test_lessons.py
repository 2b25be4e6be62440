import pyarrow as pa
import pytest

from tilth.core.errors import DataError
from tilth.train import lessons
from tilth.train.scratch import learn_tokenizer
from tilth.train.task import Spelling
from tilth.train.tasks.text_classification import TextClassification

TASK = TextClassification()
LABELS = ("animal", "colour")


def spelling() -> Spelling:
    return Spelling(tokenizer=learn_tokenizer(["the red cat"], vocabulary=60, lowercase=True), max_length=32)


def test_rows_come_in_the_order_of_their_ids_whatever_the_shards(toy):
    rows = toy.texts(12)
    whole = lessons.read(toy.held(rows), TASK, spelling(), LABELS)
    cut = lessons.read(toy.held(rows.slice(9), rows.slice(0, 4), rows.slice(4, 5)), TASK, spelling(), LABELS)
    assert whole is not None and cut is not None
    assert cut.names == whole.names == sorted(whole.names)
    assert cut.digest() == whole.digest()
    assert cut.encoded.ids.tolist() == whole.encoded.ids.tolist()


def test_any_change_of_a_row_changes_the_digest(toy):
    def digest(**changed: list[str]) -> str:
        read = lessons.read(
            toy.held(pa.RecordBatch.from_pydict({**toy.texts(6).to_pydict(), **changed})), TASK, spelling(), LABELS
        )
        assert read is not None
        return read.digest()

    same = toy.texts(6).to_pydict()
    plain = digest()
    assert digest(text=same["text"]) == plain
    assert digest(text=["a", *same["text"][1:]]) != plain
    assert digest(label=["colour", *same["label"][1:]]) != plain
    assert digest(_id=["x", *same["_id"][1:]]) != plain


def test_a_view_without_usable_rows_is_none(toy):
    assert lessons.read(toy.held(), TASK, spelling(), LABELS) is None


def staged(toy, stages: pa.Array) -> lessons.Lessons:
    rows = toy.texts(len(stages)).append_column("stage", stages)
    found = lessons.read(toy.held(rows.slice(2), rows.slice(0, 2)), TASK, spelling(), LABELS, stages="stage")
    assert found is not None
    return found


def test_each_item_has_the_stage_of_its_row_and_rows_without_one_come_last(toy):
    told = [2, 0, None, 1, 1, 0]
    found = staged(toy, pa.array(told))
    by_name = dict(zip(toy.texts(6).column("_id").to_pylist(), [2, 0, 2, 1, 1, 0], strict=True))
    assert found.stages is not None
    assert found.stages.tolist() == [by_name[found.names[row]] for row in found.encoded.rows]
    assert staged(toy, pa.array([None] * 6, pa.int64())).stages.tolist() == [0] * 6
    # Another order is another fit.
    assert found.digest() != staged(toy, pa.array([2, 0, None, 1, 0, 1])).digest()


def test_stages_that_are_no_numbers_are_refused(toy):
    with pytest.raises(DataError, match='column "stage" is string.*whole numbers'):
        staged(toy, pa.array(["early"] * 6))
