import numpy as np

from tilth.train.encoded import IGNORE, Encoded, concat, pad, take_rows


def three() -> Encoded:
    """Row 0 has two windows, row 1 one, row 2 has nothing to read."""
    return Encoded(
        ids=np.array([7, 1, 2, 7, 3, 7, 4, 5], np.int32),
        starts=np.array([0, 3, 5, 8]),
        rows=np.array([0, 0, 1], np.int32),
        answers=np.array([0, 3, 5, 5]),
        words=np.array([-1, 0, 1, -1, 2, -1, 0, 1], np.int32),
        targets=np.array([-1, 10, 11, -1, 12, -1, 20, 21], np.int32),
        truncated=np.array([False, True, False]),
        unknown=np.array([0, 0.5, 0], np.float32),
    )


def test_items_are_padded_on_the_right_and_padding_answers_nothing():
    padded = pad(three(), np.array([1, 2]), pad_id=9)
    assert padded.ids.tolist() == [[7, 3, 9], [7, 4, 5]]
    assert padded.mask.tolist() == [[True, True, False], [True] * 3]
    assert padded.targets is not None and padded.targets.tolist() == [[IGNORE, 12, IGNORE], [IGNORE, 20, 21]]


def test_rows_move_with_their_windows_words_and_answers():
    turned = take_rows(three(), np.array([1, 0]))
    assert turned.ids.tolist() == [7, 4, 5, 7, 1, 2, 7, 3]
    assert turned.rows.tolist() == [0, 1, 1]
    assert turned.answers.tolist() == [0, 2, 5]
    assert turned.truncated.tolist() == [True, False]
    assert turned.targets is not None and turned.targets.tolist() == [-1, 20, 21, -1, 10, 11, -1, 12]


def test_joining_parts_is_encoding_them_together():
    whole = three()
    parts = [take_rows(whole, np.array([0])), take_rows(whole, np.array([1, 2]))]
    joined = concat(parts)
    for name in ("ids", "starts", "rows", "answers", "words", "targets", "truncated", "unknown"):
        assert getattr(joined, name).tolist() == getattr(whole, name).tolist(), name
    assert joined.kinds is None


def test_no_rows_can_be_taken():
    none = take_rows(three(), np.zeros(0, np.int64))
    assert len(none) == none.tokens == 0
    assert none.answers.tolist() == [0]
