import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities

from tilth.train.tags import allowed, best_path, entities, spells_entities, to_bio

NAMES = ("B-A", "B-B", "I-A", "I-B", "O")
TAG = st.sampled_from(NAMES)


@given(st.lists(TAG, max_size=12))
def test_entities_are_those_that_seqeval_finds(tags):
    assert [(kind, start, end - 1) for kind, start, end in entities(tags)] == get_entities(tags)


@given(st.lists(TAG, max_size=12))
def test_mending_tags_keeps_their_entities_and_makes_them_valid(tags):
    mended = to_bio(tags)
    assert entities(mended) == entities(tags)
    assert to_bio(mended) == mended
    for before, tag in itertools.pairwise(["O", *mended]):
        assert not tag.startswith("I-") or before[2:] == tag[2:]


@pytest.mark.parametrize(
    "tags",
    [
        ["I-A", "I-A", "B-A", "O", "I-B"],  # IOB1
        ["B-A", "E-A", "S-A", "O", "S-B"],  # BIOES
        ["B-A", "L-A", "U-A", "O", "U-B"],  # BILOU
    ],
)
def test_every_scheme_becomes_the_same_bio(tags):
    assert to_bio(tags) == ["B-A", "I-A", "B-A", "O", "B-B"]


def test_parts_of_speech_are_no_entities():
    assert not spells_entities(["NN", "O"])
    assert not spells_entities(["O"])
    assert spells_entities(["O", "I-x"])


@given(st.lists(st.lists(st.floats(-5, 5), min_size=5, max_size=5), min_size=1, max_size=5))
def test_the_best_path_is_the_best_of_all_valid_ones(rows):
    scores = np.array(rows)
    follows, first = allowed(NAMES)

    def valid(path):
        return first[path[0]] and all(follows[a, b] for a, b in itertools.pairwise(path))

    def worth(path):
        return sum(scores[at, tag] for at, tag in enumerate(path))

    best = max(worth(path) for path in itertools.product(range(5), repeat=len(rows)) if valid(path))
    found = best_path(scores, follows, first)
    assert valid(list(found))
    assert worth(found) == pytest.approx(best)


def test_a_row_without_words_has_no_path():
    assert len(best_path(np.zeros((0, 5)), *allowed(NAMES))) == 0
