"""Measure token classification: by token, and by entity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tilth.core.errors import DataError
from tilth.measure.classification import label_counts, report
from tilth.measure.counts import Counts
from tilth.measure.labels import Lists, Values, row_ids
from tilth.measure.report import ClassificationReport, lay_out
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
    tags = sorted(set(true.tags.unique().to_pylist()) | set(told.tags.unique().to_pylist()))
    inside = [tag for tag in tags if tag != "O"]
    types, hits, found, real = _entity_tables(true, told)
    return TaggingReport(
        rows=true.rows,
        tokens=report(true.tags, told.tags, tags),
        tokens_without_o=report(true.tags, told.tags, inside) if inside else None,
        entities=lay_out(types, hits.sum(axis=0), found.sum(axis=0), real.sum(axis=0)),
    )


def entity_counts(ids: Values, truth: Lists, predicted: Lists) -> Counts:
    """Return what each row adds to the entity metrics; `accuracy` is by token.

    >>> entity_counts(["r1"], [["B-PER", "O"]], [["B-PER", "B-LOC"]]).value("micro_precision")
    0.5
    """
    true, told = _pair(truth, predicted)
    types, hits, found, real = _entity_tables(true, told)
    right = (_codes(true, told)[0] == _codes(true, told)[1]).astype(np.int64)
    return Counts(
        ids=row_ids(ids, true.rows),
        classes=types,
        hits=hits,
        predicted=found,
        true=real,
        right=np.bincount(true.row, weights=right, minlength=true.rows).astype(np.int64),
        units=np.bincount(true.row, minlength=true.rows).astype(np.int64),
    )


def token_counts(ids: Values, truth: Lists, predicted: Lists) -> Counts:
    """Return what each row adds to the token metrics, O included.

    >>> token_counts(["r1"], [["B-PER", "O"]], [["B-PER", "B-LOC"]]).value("accuracy")
    0.5
    """
    true, told = _pair(truth, predicted)
    tokens = label_counts(true.row, true.tags, told.tags)

    def by_row(values: NDArray[np.integer]) -> NDArray[np.int64]:
        out = np.zeros((true.rows, *values.shape[1:]), dtype=np.int64)
        np.add.at(out, true.row, values)
        return out

    return Counts(
        ids=row_ids(ids, true.rows),
        classes=tokens.classes,
        hits=by_row(tokens.hits).astype(np.int32),
        predicted=by_row(tokens.predicted).astype(np.int32),
        true=by_row(tokens.true).astype(np.int32),
        right=by_row(tokens.right),
        units=by_row(tokens.units),
    )


def _pair(truth: Lists, predicted: Lists) -> tuple[Flat, Flat]:
    true, told = flatten(truth, "truth"), flatten(predicted, "predicted")
    if true.rows != told.rows:
        raise DataError(f"truth has {true.rows} rows, predicted has {told.rows}", wanted="one list of tags a row")
    if not len(true.row):
        raise DataError("no tokens to measure", wanted="at least one row with at least one tag")
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


def _codes(true: Flat, told: Flat) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    both = pa.concat_arrays([true.tags, told.tags]).dictionary_encode().indices
    flat = both.to_numpy(zero_copy_only=False).astype(np.int64)
    return flat[: len(true.row)], flat[len(true.row) :]


def _entity_tables(
    true: Flat, told: Flat
) -> tuple[tuple[str, ...], NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    types = tuple(sorted(set(true.types) | set(told.types)))
    real, found = _common(spans(true), true, types), _common(spans(told), told, types)
    # At most one entity begins at a token, so two are the same when the one that begins there has this end and type.
    end = np.full(len(true.row) + 1, -1, dtype=np.int64)
    kind = np.full(len(true.row) + 1, -1, dtype=np.int64)
    end[real.start], kind[real.start] = real.end, real.type
    same = (end[found.start] == found.end) & (kind[found.start] == found.type)

    def table(spans: Spans, among: NDArray[np.bool_] | None = None) -> NDArray[np.int32]:
        cell = true.row[spans.start] * len(types) + spans.type
        counted = np.bincount(cell if among is None else cell[among], minlength=true.rows * len(types))
        return counted.reshape(true.rows, len(types)).astype(np.int32)

    return types, table(found, same), table(found), table(real)


def _common(found: Spans, flat: Flat, types: tuple[str, ...]) -> Spans:
    place = np.array([types.index(kind) for kind in flat.types], dtype=np.int64)
    return Spans(place[found.type], found.start, found.end) if len(found.type) else found
