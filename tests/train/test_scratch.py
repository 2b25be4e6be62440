import pytest

from tilth.core.errors import RecipeError
from tilth.train.scratch import Scratch, learn_tokenizer


def test_the_same_texts_give_the_same_vocabulary():
    texts = [f"row {n} of many words and more words" for n in range(50)]
    made = {learn_tokenizer(texts, vocabulary=80, lowercase=True).text for _ in range(3)}
    assert len(made) == 1


def test_a_typo_is_named():
    with pytest.raises(RecipeError, match=r'no option "layer".*Did you mean "layers"'):
        Scratch.of({"layer": 2})


def test_heads_must_divide_the_width():
    with pytest.raises(RecipeError, match="no multiple of heads"):
        Scratch.of({"hidden": 30, "heads": 4})
