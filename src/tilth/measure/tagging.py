"""Measure token classification: by token, and by entity."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tilth.core.errors import DataError
from tilth.measure.counts import Counts
from tilth.measure.labels import Lists, Values, row_ids
from tilth.measure.report import ClassificationReport, summarise
from tilth.measure.result import Result
from tilth.measure.tags import Flat, Spans, flatten, spans


@dataclass(frozen=True, kw_only=True)
class TaggingReport(Result):
    """What a tagger gets right, by token and by entity."""

    rows: int
    tokens: ClassificationReport
    """Over all tokens and tags, O included: its micro average is the token accuracy, which O makes look high."""
    tokens_without_o: ClassificationReport | None
    """Over the same tokens, averaged over the tags other than O; None when no other tag occurs."""
    entities: ClassificationReport
    """Over whole entities: right when type, first and last token all are."""


def tagging_report(truth: Lists, predicted: Lists) -> TaggingReport:
    """Report token and entity scores of a list of tags a row.

    The entity scores equal seqeval's default mode (Nakayama 2018), which follows conlleval.pl (Tjong Kim Sang and
    Buchholz 2000); token scores equal scikit-learn's over the flat tags. A row's truth and prediction have one length.

    >>> found = tagging_report([["B-PER", "I-PER", "O"]], [["B-PER", "O", "O"]])
    >>> round(found.tokens.micro.f1, 2), found.entities.micro.f1
    (0.67, 0.0)
    """
    true, told = _pair(truth, predicted)
    if not len(true.row):
        raise DataError("no tokens to measure", wanted="at least one row with at least one tag")
    rows = np.arange(true.rows)
    return report_of(
        _entity_counts(row_ids(rows, true.rows), true, told), _token_counts(row_ids(rows, true.rows), true, told)
    )


def report_of(entities: Counts, tokens: Counts) -> TaggingReport:
    """Return the report of counts by entity and by token of the same rows."""
    return TaggingReport(
        rows=len(tokens),
        tokens=summarise(tokens),
        tokens_without_o=summarise(tokens, leave_out="O") if set(tokens.classes) - {"O"} else None,
        entities=replace(summarise(entities), accuracy=None),
    )


def entity_counts(ids: Values, truth: Lists, predicted: Lists) -> Counts:
    """Return what each row adds to the entity metrics; `accuracy` is by token.

    >>> entity_counts(["r1"], [["B-PER", "O"]], [["B-PER", "B-LOC"]]).value("micro_precision")
    0.5
    """
    true, told = _pair(truth, predicted)
    return _entity_counts(row_ids(ids, true.rows), true, told)


def token_counts(ids: Values, truth: Lists, predicted: Lists) -> Counts:
    """Return what each row adds to the token metrics, O included.

    >>> token_counts(["r1"], [["B-PER", "O"]], [["B-PER", "B-LOC"]]).value("accuracy")
    0.5
    """
    true, told = _pair(truth, predicted)
    return _token_counts(row_ids(ids, true.rows), true, told)


def _entity_counts(ids: pa.Array, true: Flat, told: Flat) -> Counts:
    types = tuple(sorted(set(true.types) | set(told.types)))
    real, found = _common(spans(true), true, types), _common(spans(told), told, types)
    # At most one entity begins at a token, so two are the same when the one that begins there has this end and type.
    end = np.full(len(true.row) + 1, -1, dtype=np.int64)
    kind = np.full(len(true.row) + 1, -1, dtype=np.int64)
    end[real.start], kind[real.start] = real.end, real.type
    same = (end[found.start] == found.end) & (kind[found.start] == found.type)
    _, one, two = _codes(true, told)
    return Counts(
        ids=ids,
        classes=types,
        hits=_table(true, true.row[found.start[same]], found.type[same], len(types)),
        predicted=_table(true, true.row[found.start], found.type, len(types)),
        true=_table(true, true.row[real.start], real.type, len(types)),
        right=np.bincount(true.row[one == two], minlength=true.rows),
        units=np.bincount(true.row, minlength=true.rows),
    )


def _token_counts(ids: pa.Array, true: Flat, told: Flat) -> Counts:
    tags, one, two = _codes(true, told)
    right = one == two
    return Counts(
        ids=ids,
        classes=tags,
        hits=_table(true, true.row[right], one[right], len(tags)),
        predicted=_table(true, true.row, two, len(tags)),
        true=_table(true, true.row, one, len(tags)),
        right=np.bincount(true.row[right], minlength=true.rows),
        units=np.bincount(true.row, minlength=true.rows),
    )


def _table(flat: Flat, row: NDArray[np.int64], kind: NDArray[np.int64], kinds: int) -> NDArray[np.int32]:
    counted = np.bincount(row * kinds + kind, minlength=flat.rows * kinds)
    return counted.reshape(flat.rows, kinds).astype(np.int32)


def _pair(truth: Lists, predicted: Lists) -> tuple[Flat, Flat]:
    true, told = flatten(truth, "truth"), flatten(predicted, "predicted")
    if true.rows != told.rows:
        raise DataError(f"truth has {true.rows} rows, predicted has {told.rows}", wanted="one list of tags a row")
    lengths = [np.bincount(side.row, minlength=true.rows) for side in (true, told)]
    unlike = np.flatnonzero(lengths[0] != lengths[1])
    if len(unlike):
        row = int(unlike[0])
        raise DataError(
            f"row {row} has {lengths[0][row]} true tags and {lengths[1][row]} predicted ones",
            wanted="one predicted tag a token",
            do="Where a model cuts long rows, give the tokens it did not see the tag O.",
        )
    return true, told


def _codes(true: Flat, told: Flat) -> tuple[tuple[str, ...], NDArray[np.int64], NDArray[np.int64]]:
    """Return the sorted tags of both, and each side as indices into them."""
    coded = pa.concat_arrays([true.tags, told.tags]).dictionary_encode()
    words = coded.dictionary.to_pylist()
    tags = tuple(sorted(words))
    place = np.array([tags.index(word) for word in words], dtype=np.int64)
    flat = place[coded.indices.to_numpy(zero_copy_only=False)]
    return tags, flat[: len(true.row)], flat[len(true.row) :]


def _common(found: Spans, flat: Flat, types: tuple[str, ...]) -> Spans:
    place = np.array([types.index(kind) for kind in flat.types], dtype=np.int64)
    return Spans(place[found.type], found.start, found.end) if len(found.type) else found
