"""Tell that entity tags of any scheme come out as BIO with the same entities."""

from __future__ import annotations

import random

import pytest

from tilth.connectors._files.tags import BadTag, is_tag, scheme_of, to_bio

Span = tuple[int, int, str]


def spans(generator: random.Random, length: int) -> list[Span]:
    found, at = [], 0
    while at < length:
        size = generator.randrange(1, 4)
        if generator.random() < 0.6 and at + size <= length:
            found.append((at, at + size, generator.choice(["PER", "LOC", "X-Y"])))
        at += size
    return found


def write(found: list[Span], length: int, scheme: str) -> list[str]:
    tags = ["O"] * length
    for start, end, kind in found:
        for at in range(start, end):
            first, last = at == start, at == end - 1
            after_same = any(stop == start and other == kind for _, stop, other in found)
            mark = {
                "bio": "B" if first else "I",
                "iob1": "B" if first and after_same else "I",
                "bioes": "S" if first and last else "B" if first else "E" if last else "I",
                "bilou": "U" if first and last else "B" if first else "L" if last else "I",
                "bmes": "S" if first and last else "B" if first else "E" if last else "M",
            }[scheme]
            tags[at] = f"{mark}-{kind}"
    return tags


@pytest.mark.parametrize("scheme", ["bio", "iob1", "bioes", "bilou", "bmes"])
def test_every_scheme_is_recognised_and_keeps_its_entities(scheme: str):
    generator = random.Random(7)
    lengths = [generator.randrange(1, 12) for _ in range(200)]
    marked = [spans(generator, length) for length in lengths]
    sentences = [write(found, length, scheme) for found, length in zip(marked, lengths, strict=True)]
    known = {"bilou": "bioes", "bmes": "bioes"}.get(scheme, scheme)
    assert scheme_of(sentences) == known
    for tags, found, length in zip(sentences, marked, lengths, strict=True):
        assert to_bio(tags, known) == (write(found, length, "bio"), 0)


def test_a_wrong_tag_or_two_do_not_change_the_scheme():
    bio = [["B-A", "I-A", "O"]] * 50
    assert scheme_of([*bio, ["O", "I-A"]]) == "bio"
    assert scheme_of([["I-A", "B-A", "O"]] * 50 + [["O", "B-A"]]) == "iob1"


def test_tags_of_no_scheme_and_no_tags_at_all():
    assert scheme_of([["NN", "VBZ", "O"]]) == "none"
    assert scheme_of([["O", "O"]]) == "bio"
    assert scheme_of([]) == "bio"


@pytest.mark.parametrize(
    ("tags", "scheme", "bio", "mended"),
    [
        (["O", "I-A", "I-A"], "bio", ["O", "B-A", "I-A"], 1),
        (["B-A", "I-B", "I-B"], "bio", ["B-A", "B-B", "I-B"], 1),
        (["B-A", "O"], "bioes", ["B-A", "O"], 1),
        (["B-A", "B-A", "E-A"], "bioes", ["B-A", "B-A", "I-A"], 1),
        (["O", "E-A", "I-A"], "bioes", ["O", "B-A", "B-A"], 3),
        (["B-A", "E-B"], "bioes", ["B-A", "B-B"], 1),
        (["B_A", "I_A"], "bio", ["B-A", "I-A"], 0),
    ],
)
def test_a_sequence_that_breaks_its_scheme_is_mended_and_counted(tags, scheme, bio, mended):
    assert to_bio(tags, scheme) == (bio, mended)


@pytest.mark.parametrize(
    ("tags", "scheme"), [(["O", "PER"], "bio"), (["E-A"], "bio"), (["S-A"], "iob1"), ([""], "bioes")]
)
def test_a_tag_of_another_scheme_is_an_error(tags, scheme):
    with pytest.raises(BadTag) as caught:
        to_bio(tags, scheme)
    assert caught.value.at == len(tags) - 1


def test_what_a_tag_looks_like():
    assert [is_tag(word) for word in ("O", "B-X", "M-x.y", "U_A", "b-x", "B-", "OO", "")] == [True] * 4 + [False] * 4
