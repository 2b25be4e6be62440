import pickle

import pytest
from tokenizers import Tokenizer as Fast
from tokenizers import models, pre_tokenizers, processors, trainers

from tilth.core.errors import ModelError
from tilth.train.scratch import learn_tokenizer
from tilth.train.tokenizer import Tokenizer


@pytest.fixture(scope="module")
def learnt() -> Tokenizer:
    return learn_tokenizer(["the cat sat on the mat"] * 3, vocabulary=60, lowercase=True)


@pytest.fixture(scope="module")
def bytewise() -> Tokenizer:
    """As RoBERTa spells: bytes, a word inside a text begins with its space."""
    fast = Fast(models.BPE())
    fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<s>", "</s>", "<pad>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    fast.train_from_iterator(["the cat sat on the mat"] * 3, trainer)
    fast.post_processor = processors.RobertaProcessing(("</s>", 1), ("<s>", 0))
    return Tokenizer(fast.to_str())


def test_special_tokens_are_found_for_one_text_and_for_two(learnt, bytewise):
    cls, sep = learnt.fast.token_to_id("[CLS]"), learnt.fast.token_to_id("[SEP]")
    assert learnt.single == ([cls], [sep])
    assert learnt.pair == ([cls], [sep], [sep], 1)
    assert bytewise.pair == ([0], [1, 1], [1], 0)
    assert (learnt.pad, bytewise.pad) == (0, 2)


def test_a_text_that_spells_a_special_token_is_text(learnt):
    special = {learnt.fast.token_to_id("[SEP]"), learnt.fast.token_to_id("[CLS]")}
    assert not special & set(learnt.texts(["the [SEP] cat"])[0])


def test_words_alone_are_spelt_as_in_a_text(learnt, bytewise):
    text = "the cat sat on the mat"
    for tokenizer in (learnt, bytewise):
        alone = [one for ids in tokenizer.words(text.split()) for one in ids]
        assert alone == tokenizer.texts([" " + text])[0]


def test_a_word_of_nothing_is_one_token(learnt, bytewise):
    assert learnt.words([""]) == [[learnt.unknown]]
    assert len(bytewise.words([""])[0]) == 1
    assert bytewise.unknown is None


def test_lost_capitals_are_noticed(learnt, bytewise):
    assert learnt.lowercases
    assert not bytewise.lowercases
    assert not learn_tokenizer(["The Cat"], vocabulary=40, lowercase=False).lowercases


def test_it_travels_to_a_worker(learnt):
    again = pickle.loads(pickle.dumps(learnt))
    assert again == learnt
    assert again.texts(["the cat"]) == learnt.texts(["the cat"])


def test_a_file_that_is_no_tokenizer_says_so(tmp_path):
    (tmp_path / "tokenizer.json").write_text('{"version": ')
    with pytest.raises(ModelError, match=r"tokenizer\.json cannot be read"):
        _ = Tokenizer.load(tmp_path).fast
    with pytest.raises(ModelError, match="holds no tokenizer"):
        Tokenizer.load(tmp_path / "none")


def test_an_older_backbone_with_a_vocabulary_alone_works(tmp_path, learnt):
    words = sorted(learnt.fast.get_vocab().items(), key=lambda pair: pair[1])
    (tmp_path / "vocab.txt").write_text("\n".join(word for word, _ in words))
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    assert Tokenizer.load(tmp_path).texts(["the cat"]) == learnt.texts(["the cat"])
