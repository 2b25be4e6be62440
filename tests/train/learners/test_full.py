from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from tilth.core import registry
from tilth.core.errors import DataError, ModelError, RecipeError, Stopped, TilthError
from tilth.core.events import Evaluated, Event, Noticed, Trained
from tilth.core.learner import Context, Learner, Views
from tilth.core.spec import from_spec, spec_of
from tilth.train.learners.full import Full

TINY = {"layers": 2, "hidden": 32, "heads": 2, "vocabulary": 200, "positions": 64}
TEXT = Full(scratch=TINY, epochs=8, batch=8, lr=5e-3, precision="fp32", threads=1)
TAGS = replace(TEXT, task="token_classification")


def weights(fitted) -> dict[str, torch.Tensor]:
    return fitted.model.network.state_dict()


def same(left, right) -> bool:
    return all(torch.equal(tensor, weights(right)[name]) for name, tensor in weights(left).items())


class StopAfter:
    def __init__(self, steps: int) -> None:
        self.left = steps

    def __call__(self) -> bool:
        self.left -= 1
        return self.left == 0


def test_it_learns_texts_and_says_how(toy):
    events: list[Event] = []
    fitted = TEXT.fit(toy.text_views(), Context(seed=1, report=events.append))
    unseen = toy.texts(16, 64)
    assert fitted.model.map(unseen).column("prediction").to_pylist() == unseen.column("label").to_pylist()
    looks = [event for event in events if isinstance(event, Evaluated)]
    assert looks[-1].metric == "macro_f1" and max(look.value for look in looks) == 1
    assert [line["step"] for line in fitted.history] == [look.step for look in looks]
    steps = [event for event in events if isinstance(event, Trained)]
    assert steps[0].steps == 48 and steps[0].loss > steps[-1].loss and steps[-1].tokens_per_s > 0
    notes = fitted.notes
    assert notes["best"] == 1 and notes["best_step"] <= notes["steps"]
    assert notes["train"]["rows"] == 48 and notes["precision"] == "fp32" and notes["threads"] == 1
    json.dumps([notes, fitted.history])


def test_it_learns_tags(toy):
    fitted = TAGS.fit(toy.tag_views(), Context(seed=1))
    unseen = toy.tagged(12, 64)
    answers = fitted.model.map(unseen)
    assert answers.column("prediction").to_pylist() == unseen.column("tags").to_pylist()
    assert answers.column("entities").to_pylist()[2][-1]["text"] == "sea lion"
    assert fitted.notes["metric"] == "entity_f1"


def test_it_sees_capitals_that_the_tokenizer_loses(toy):
    """The same word is an entity when it is written large, in rows whose words say nothing else."""
    random = np.random.default_rng(0)
    rows = [["it", ["rome", "Rome"][large], "was"] for large in random.integers(0, 2, 64)]
    batch = pa.RecordBatch.from_pydict(
        {"tokens": rows, "tags": [["O", "B-LOC" if row[1] == "Rome" else "O", "O"] for row in rows]}
    )
    views = Views(train=toy.held(batch), valid=toy.held(batch))
    assert TAGS.fit(views, Context(seed=0)).notes["best"] == 1
    assert replace(TAGS, case="off").fit(views, Context(seed=0)).notes["best"] < 1
    kept = {**TINY, "lowercase": False}
    fitted = replace(TAGS, scratch=kept).fit(views, Context(seed=0))
    assert fitted.notes["best"] == 1 and fitted.notes["case"] is False


def test_several_labels_a_row(toy):
    texts = [f"{'red ' * (n % 2)}{'big ' * (n // 2 % 2)}thing" for n in range(64)]
    labels = [[name for name in ("big", "red") if name in text] for text in texts]
    batch = pa.RecordBatch.from_pydict({"text": texts, "label": labels})
    fitted = replace(TEXT, multi_label=True).fit(Views(train=toy.held(batch)), Context(seed=0))
    assert fitted.model.map(batch).column("prediction").to_pylist() == labels


def test_a_pair_of_texts(toy):
    """Neither text alone tells the label."""
    rows = [(a, b, f"{a} {b}") for a in ("cat", "dog") for b in ("red", "blue")] * 16
    one, two, label = map(list, zip(*rows, strict=True))
    batch = pa.RecordBatch.from_pydict({"text": one, "other": two, "label": label})
    fitted = replace(TEXT, pair="other").fit(Views(train=toy.held(batch)), Context(seed=0))
    assert fitted.model.map(batch).column("prediction").to_pylist() == label
    assert dict(fitted.model.signature.inputs) == {"text": "string", "other": "string"}


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(toy):
    one, two = (replace(TEXT, epochs=2).fit(toy.text_views(), Context(seed=3)) for _ in range(2))
    assert same(one, two)
    assert not same(one, replace(TEXT, epochs=2).fit(toy.text_views(), Context(seed=4)))
    assert same(one, replace(TEXT, epochs=2, seed=3).fit(toy.text_views(), Context(seed=4)))


def test_stages_change_the_order_in_which_rows_are_learnt(toy):
    rows = toy.texts(48)
    staged = Views(train=toy.held(rows.append_column("stage", pa.array([row % 3 for row in range(48)]))))
    plain = replace(TEXT, epochs=2).fit(staged, Context(seed=0))
    in_order = replace(TEXT, epochs=2, curriculum="stage").fit(staged, Context(seed=0))
    assert not same(plain, in_order)
    one_stage = Views(train=toy.held(rows.append_column("stage", pa.array([7] * 48))))
    assert same(plain, replace(TEXT, epochs=2, curriculum="stage").fit(one_stage, Context(seed=0)))


def test_how_rows_lie_in_shards_changes_nothing(toy):
    rows = toy.texts(48)
    turned = rows.take(pa.array(np.random.default_rng(0).permutation(48)))
    one = replace(TEXT, epochs=2).fit(Views(train=toy.held(rows)), Context(seed=0))
    two = replace(TEXT, epochs=2).fit(
        Views(train=toy.held(*(turned.slice(at, 7) for at in range(0, 48, 7)))), Context(seed=0)
    )
    assert same(one, two)


def test_without_validation_rows_the_last_weights_count(toy):
    fitted = TEXT.fit(Views(train=toy.held(toy.texts(48))), Context(seed=0))
    assert fitted.notes["best"] is None and fitted.notes["steps"] == 48
    assert fitted.history[-1]["loss"] < fitted.history[0]["loss"]


def test_it_ends_early_and_gives_the_best_weights(toy):
    learner = replace(TEXT, epochs=60, patience=2)
    fitted = learner.fit(toy.text_views(), Context(seed=1))
    assert fitted.notes["steps"] < 360
    assert len(fitted.history) == next(at for at, h in enumerate(fitted.history) if h["macro_f1"] == 1) + 3
    again = replace(learner, epochs=60, patience=1).fit(toy.text_views(), Context(seed=1))
    assert again.notes["best_step"] <= fitted.notes["best_step"]


def test_accumulating_two_batches_is_one_of_twice_the_rows(toy):
    """Without dropout: the gradient of a sum is the sum of gradients."""
    whole = replace(TEXT, dropout=0.0, batch=48, epochs=3)
    parts = replace(TEXT, dropout=0.0, batch=8, accumulate=6, epochs=3)
    one, two = (learner.fit(Views(train=toy.held(toy.texts(48))), Context(seed=0)) for learner in (whole, parts))
    for name, tensor in weights(one).items():
        assert torch.allclose(tensor, weights(two)[name], atol=2e-4), name


@pytest.mark.parametrize("after", [1, 7, 20, 47])
def test_a_fit_stopped_anywhere_goes_on_bitwise(toy, tmp_path, after):
    learner = replace(TEXT, epochs=8, accumulate=1, patience=9)
    unbroken = learner.fit(toy.text_views(), Context(seed=5))
    with pytest.raises(Stopped, match=rf"step {after} of 48. Run again"):
        learner.fit(toy.text_views(), Context(seed=5, checkpoints=tmp_path, stop=StopAfter(after)))
    events: list[Event] = []
    resumed = learner.fit(toy.text_views(), Context(seed=5, checkpoints=tmp_path, report=events.append))
    assert next(event.step for event in events if isinstance(event, Trained)) == after + 1
    assert same(unbroken, resumed)
    assert resumed.history == unbroken.history
    third = learner.fit(toy.text_views(), Context(seed=5, checkpoints=tmp_path, report=events.append))
    assert same(unbroken, third)


def test_other_options_or_other_data_begin_anew(toy, tmp_path):
    def stopped(learner: Learner, views: Views, seed: int = 5) -> int:
        events: list[Event] = []
        with pytest.raises(Stopped):
            learner.fit(views, Context(seed=seed, checkpoints=tmp_path, stop=StopAfter(3), report=events.append))
        return next(event.step for event in events if isinstance(event, Trained))

    assert stopped(TEXT, toy.text_views()) == 1
    assert stopped(TEXT, toy.text_views()) == 4
    assert stopped(replace(TEXT, checkpoint_seconds=1.0, threads=1), toy.text_views()) == 7
    assert stopped(TEXT, toy.text_views(), seed=6) == 1
    assert stopped(replace(TEXT, lr=1e-3), toy.text_views()) == 1
    assert stopped(TEXT, Views(train=toy.held(toy.texts(47)), valid=toy.held(toy.texts(16, 48)))) == 1
    assert stopped(TEXT, Views(train=toy.held(toy.texts(48)), valid=toy.held(toy.texts(15, 48)))) == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_stopping_without_a_folder_says_that_nothing_is_kept(toy):
    with pytest.raises(Stopped, match="Nothing is kept"):
        TEXT.fit(toy.text_views(), Context(stop=StopAfter(2)))


def test_a_loss_that_is_no_number_names_the_rows(toy):
    with pytest.raises(TilthError, match=r"loss is not a number at step \d+ \(rows 0000[0-9a-f]{4}, .*Lower lr"):
        replace(TEXT, lr=1e30, warmup=0.0, clip=1e9).fit(toy.text_views(), Context(seed=0))


def test_what_a_person_should_know_is_told(toy):
    train = toy.texts(48).to_pydict()
    train["text"][0] = None
    train["text"][1] = "the " * 200
    valid = {**toy.texts(16, 48).to_pydict()}
    valid["label"][:2] = ["ghost", "ghost"]
    events: list[Event] = []
    views = Views(train=toy.held(pa.RecordBatch.from_pydict(train)), valid=toy.held(pa.RecordBatch.from_pydict(valid)))
    fitted = replace(TEXT, epochs=1, max_length=32).fit(views, Context(seed=0, report=events.append))
    said = " ".join(event.what for event in events if isinstance(event, Noticed))
    assert "train: 1 rows have no input or no answer" in said
    assert "train: 1 rows are longer than the model" in said
    assert "valid: 2 labels are unknown to train" in said
    assert fitted.notes["valid"]["unknown_labels"] == 2
    assert fitted.notes["train"]["truncated"] == 1


def test_a_backbone_of_another_language_is_warned_of(toy, tmp_path):
    from tilth.train.scratch import learn_tokenizer

    (tmp_path / "tokenizer.json").write_text(learn_tokenizer(["a b c"], vocabulary=40, lowercase=True).text)
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"")
    events: list[Event] = []
    borrowed = {**TINY, "tokenizer": str(tmp_path)}
    replace(TEXT, scratch=borrowed, epochs=1).fit(toy.text_views(), Context(seed=0, report=events.append))
    warnings = [event.what for event in events if isinstance(event, Noticed) and event.warning]
    assert any("does not know" in warning and "another language" in warning for warning in warnings)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"schedule": "square"}, r"train\.schedule: square"),
        ({"epochs": 0}, r"train\.epochs: 0"),
        ({"lr": -1.0}, r"train\.lr"),
        ({"max_length": 4}, r"train\.max_length"),
        ({"pooling": "last"}, r"train\.pooling"),
        ({"case": "maybe"}, r"train\.case"),
    ],
)
def test_options_that_cannot_be_are_refused_at_once(options, message):
    with pytest.raises(RecipeError, match=message):
        Full(**options)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"task": "text_clasification"}, RecipeError, 'Did you mean "text_classification"'),
        ({"metric": "bleu"}, RecipeError, 'no metric "bleu"'),
        ({"text": "txt"}, DataError, 'no column "txt".*Did you mean "text"'),
        ({"label": "labels"}, DataError, 'no column "labels".*Did you mean "label"'),
        ({"scratch": None, "backbone": "no-such-encoder"}, ModelError, 'no backbone "no-such-encoder"'),
    ],
)
def test_options_that_do_not_fit_the_data_say_so(toy, options, error, message):
    with pytest.raises(error, match=message):
        replace(TEXT, **options).fit(toy.text_views(), Context())


def test_views_without_a_usable_row_say_so(toy):
    rows = toy.texts(4).to_pydict()
    empty = pa.RecordBatch.from_pydict({**rows, "text": pa.nulls(4, pa.string())})
    with pytest.raises(DataError, match="no train row has both"):
        TEXT.fit(Views(train=toy.held(empty)), Context())
    with pytest.raises(DataError, match="no train rows"):
        TEXT.fit(Views(train=toy.held()), Context())
    fitted = replace(TEXT, epochs=1).fit(Views(train=toy.held(toy.texts(48)), valid=toy.held(empty)), Context())
    assert fitted.notes["valid"] is None


def test_a_label_seen_once_is_a_label(toy):
    rows = toy.texts(48).to_pydict()
    rows["label"][5] = "once"
    fitted = replace(TEXT, epochs=1).fit(Views(train=toy.held(pa.RecordBatch.from_pydict(rows))), Context())
    assert fitted.model.labels == ("animal", "colour", "once")


def test_a_recipe_can_carry_it_and_reads_its_help():
    again = from_spec("tilth.train.learners", json.loads(json.dumps(spec_of(TEXT))))
    assert again == TEXT
    options = registry.options(registry.find("tilth.train.learners", "full"))
    assert not [option.name for option in options if not option.help]
    assert all(not option.required for option in options)


def test_there_is_no_test_view_to_look_at():
    assert set(Views.__dataclass_fields__) == {"train", "valid"}


def test_nothing_is_left_behind_but_the_place_and_the_best(toy, tmp_path):
    replace(TEXT, checkpoint_seconds=0.0).fit(toy.text_views(), Context(seed=1, checkpoints=tmp_path))
    (folder,) = tmp_path.iterdir()
    assert sorted(path.name.partition("-")[0] for path in folder.iterdir()) == ["best", "step"]
    assert {path.name for part in folder.iterdir() for path in part.iterdir()} == {"tensors.safetensors", "state.json"}
    assert not list(Path(tmp_path).rglob("*.p*"))
