"""Every raw row gets one answer, the one that a run gives it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tilth.core.batch import ID
from tilth.core.errors import DataError, ModelError, Stopped
from tilth.serve import bundle
from tilth.serve.predictor import MICRO_BATCH, Predictor

Make = Callable[..., Any]


def predictor_of(folder: Path) -> Predictor:
    return Predictor(bundle.read(folder))


def test_a_row_gets_its_label_with_every_score(make: Make) -> None:
    (answer,) = predictor_of(make()).predict([{"text": "refund my invoice"}])
    assert answer["status"] == "ok"
    assert answer["prediction"] == "billing"
    assert answer["confidence"] == answer["scores"]["billing"] == pytest.approx(0.9976, abs=1e-4)
    assert list(answer["scores"]) == ["billing", "delivery", "other"]
    assert sum(answer["scores"].values()) == pytest.approx(1, abs=3e-6)


def test_a_string_stands_for_a_text(make: Make) -> None:
    predictor = predictor_of(make())
    assert predictor.predict(["late parcel"]) == predictor.predict([{"text": "late parcel"}])


def test_every_row_is_answered_in_order_whatever_becomes_of_it(make: Make, own: Make) -> None:
    predictor = predictor_of(make(refine=(own("own_spaces"), own("own_short", least=4), own("own_shout"))))
    answers = predictor.predict(
        ["late   parcel", "ok", "bad\0text", {"text": None}, "REFUND NOW", "Invoice", "a  b", ""]
    )
    assert [answer["status"] for answer in answers] == [
        "ok",
        "dropped",
        "failed",
        "dropped",
        "dropped",
        "ok",
        "dropped",
        "dropped",
    ]
    assert answers[1] == {"status": "dropped", "operator": "own_short", "rule": "short", "value": 2.0, "threshold": 4.0}
    assert answers[2] == {"status": "failed", "operator": "own_spaces", "reason": "a NUL character"}
    assert answers[4]["rule"] == "shout"
    # The class that maps and judges maps first: its own column decides, and the model reads what it wrote.
    assert answers[5]["prediction"] == "billing"
    # The white space was collapsed before the length was judged.
    assert answers[6]["value"] == 3.0


def test_a_null_that_reaches_the_model_fails_that_row_only(make: Make) -> None:
    answers = predictor_of(make(refine=())).predict([{"text": "parcel"}, {"text": None}])
    assert answers[0]["prediction"] == "delivery"
    assert answers[1] == {"status": "failed", "operator": "model", "reason": "text is null"}


def test_an_exception_fails_that_row_only_and_quotes_nothing(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    rows = ["parcel", "divide by zero", "raise here", "refund"]
    answers = predictor_of(make()).predict(rows)
    assert [answer["status"] for answer in answers] == ["ok", "failed", "failed", "ok"]
    assert answers[1] == {"status": "failed", "operator": "model", "reason": "ZeroDivisionError"}
    assert answers[2] == {"status": "failed", "operator": "own_short", "reason": "LookupError"}
    assert "ZeroDivisionError at" in caplog.text
    assert "quotes the row" not in caplog.text


def test_the_model_may_say_nothing(make: Make, keyword_count: Make) -> None:
    model = keyword_count().decided(abstain_below=0.9)
    sure, unsure = predictor_of(make(model=model)).predict(["refund", "nothing known"])
    assert sure["status"] == "ok"
    assert unsure["status"] == "abstained"
    assert unsure["prediction"] is None
    assert unsure["confidence"] == pytest.approx(1 / 3, abs=1e-6)
    assert set(unsure["scores"]) == {"billing", "delivery", "other"}


def test_temperature_travels_with_the_model(make: Make, keyword_count: Make) -> None:
    plain = predictor_of(make("1")).predict(["refund"])[0]
    softer = predictor_of(make("2", model=keyword_count().decided(temperature=4.0))).predict(["refund"])[0]
    assert plain["prediction"] == softer["prediction"]
    assert softer["confidence"] < plain["confidence"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["refund", "late  parcel", "x", "bad\0", "divide by zero", "é 退款", ""]), max_size=90))
def test_an_answer_does_not_depend_on_its_neighbours(shared: Predictor, texts: list[str]) -> None:
    assert shared.predict(texts) == [shared.predict([text])[0] for text in texts]


@pytest.fixture
def shared(make: Make) -> Predictor:
    return predictor_of(make())


def test_large_inputs_go_through_in_fixed_micro_batches(
    make: Make, keyword_count: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    kind = type(keyword_count())
    whole = kind.map
    monkeypatch.setattr(kind, "map", lambda self, batch: (sizes.append(batch.num_rows), whole(self, batch))[1])
    answers = predictor_of(make(refine=())).predict([f"parcel {n}" for n in range(2 * MICRO_BATCH + 3)])
    assert sizes == [MICRO_BATCH, MICRO_BATCH, 3]
    assert len(answers) == 2 * MICRO_BATCH + 3


def test_threads_get_the_answers_that_one_thread_gets(make: Make) -> None:
    predictor = predictor_of(make())
    asked = [[f"refund {n}", "x", "parcel " * (n % 5)] for n in range(60)]
    alone = [predictor.predict(rows) for rows in asked]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(predictor.predict, asked)) == alone


def test_work_stops_between_micro_batches_when_asked(make: Make) -> None:
    predictor = predictor_of(make())
    given_up = threading.Event()
    seen: list[bool] = []

    def stop() -> bool:
        seen.append(given_up.is_set())
        if len(seen) == 2:
            given_up.set()
        return given_up.is_set()

    with pytest.raises(Stopped):
        predictor.predict(["parcel"] * 5 * MICRO_BATCH, stop=stop)
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"txt": "a"}], 'rows[0]: no field "text". Wanted: text (a string). "txt" is here: is it meant?'),
        (["a", {}], 'rows[1]: no field "text". Wanted: text (a string)'),
        ([{"text": 3}], "rows[0].text: the field is a number. Wanted: a string"),
        ([{"text": True}], "rows[0].text: the field is true or false. Wanted: a string"),
        ([{"text": ["a"]}], "rows[0].text: the field is a list. Wanted: a string"),
        ([{"text": {"a": 1}}], "rows[0].text: the field is an object. Wanted: a string"),
        ([None], "rows[0]: the row is null. Wanted: text (a string)"),
        ([["a"]], "rows[0]: the row is a list. Wanted: text (a string)"),
        (["\ud800"], "rows[0].text: half of a surrogate pair at character 0 is not Unicode text. Wanted: a string"),
        ("a", "not a list of rows. Wanted: a list; for one row, a list of one"),
        ({"text": "a"}, "not a list of rows. Wanted: a list; for one row, a list of one"),
    ],
)
def test_a_row_of_another_shape_is_refused_by_place_and_type(make: Make, rows: Any, said: str) -> None:
    with pytest.raises(DataError) as caught:
        predictor_of(make()).predict(rows)
    assert str(caught.value).startswith(said)


def test_fields_that_the_model_does_not_read_are_ignored_and_named(make: Make) -> None:
    predictor = predictor_of(make())
    rows = [{"text": "refund", "channel": "web", "_id": "7"}, "parcel", {"text": "x", "age": 3}]
    assert predictor.predict(rows)[0] == predictor.predict(["refund"])[0]
    assert predictor.unknown(rows) == ["age", "channel"]


def test_no_rows_give_no_answers(make: Make) -> None:
    assert predictor_of(make()).predict([]) == []


def test_operators_may_make_the_column_that_the_model_reads(make: Make, own: Make) -> None:
    folder = make(refine=(own("own_title"),), inputs={"title": "string?", "body": "string"})
    predictor = predictor_of(folder)
    answers = predictor.predict([{"title": "Late", "body": "parcel"}, {"body": "refund"}, "invoice", {"body": None}])
    assert [answer.get("prediction") for answer in answers] == ["delivery", "billing", "billing", None]
    assert answers[3]["reason"] == "text is null"
    with pytest.raises(DataError, match=r'no field "body". Wanted: title \(a string, optional\), body \(a string\)'):
        predictor.predict([{"title": "a"}])


def test_an_operator_that_needs_another_column_is_refused_at_the_start(make: Make, own: Make) -> None:
    with pytest.raises(ModelError, match="own_title fails without rows: KeyError"):
        predictor_of(make(refine=(own("own_title"),)))


def test_a_model_that_needs_another_column_is_refused_at_the_start(make: Make) -> None:
    with pytest.raises(ModelError, match='nothing makes the column "text"'):
        predictor_of(make(refine=(), inputs={"body": "string"}))


@pytest.mark.parametrize("word", ["text", "list<map>", "struct<a: string>"])
def test_an_input_of_an_unknown_type_is_refused_at_the_start(make: Make, word: str) -> None:
    with pytest.raises(ModelError, match="no type"):
        predictor_of(make(refine=(), inputs={"text": word}))


def test_a_batch_keeps_its_rows_and_columns_and_gains_the_answers(make: Make) -> None:
    predictor = predictor_of(make())
    batch = pa.RecordBatch.from_pydict(
        {ID: ["a", "b", "c", "d"], "text": ["refund", "x", None, "bad\0"], "price": [1, 2, 3, 4]}
    )
    told = predictor.predict_batch(batch)
    assert told.select([ID, "text", "price"]).equals(batch)
    assert told.column("status").to_pylist() == ["ok", "dropped", "dropped", "failed"]
    assert told.column("prediction").to_pylist() == ["billing", None, None, None]
    assert told.column("rule").to_pylist() == [None, "short", "short", None]
    answers = predictor.predict([{"text": text} for text in batch.column("text").to_pylist()])
    assert dict(told.column("scores")[0].as_py()) == answers[0]["scores"]
    assert told.column("confidence")[0].as_py() == answers[0]["confidence"]


def test_the_answer_columns_have_the_same_types_whatever_the_rows(make: Make) -> None:
    predictor = predictor_of(make())
    schemas = [
        predictor.predict_batch(pa.RecordBatch.from_pydict({"text": pa.array(texts, pa.string())})).schema
        for texts in (["refund"], ["x"], [None], [])
    ]
    assert all(schema.equals(schemas[0]) for schema in schemas)


def test_a_batch_without_the_column_is_refused_with_the_likely_typo(make: Make) -> None:
    with pytest.raises(DataError, match=r'no column "text".*"txt" is here: is it meant'):
        predictor_of(make()).predict_batch(pa.RecordBatch.from_pydict({"txt": ["a"]}))
    with pytest.raises(DataError, match=r'the column "text" holds list<item: string>'):
        predictor_of(make()).predict_batch(pa.RecordBatch.from_pydict({"text": [["a"]]}))


def test_answers_are_plain_json(make: Make) -> None:
    answers = predictor_of(make()).predict(["refund", "x", "bad\0"])
    assert json.loads(json.dumps(answers, allow_nan=False)) == answers
