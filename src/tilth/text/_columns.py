"""Give compiled code the buffers of an Arrow column of texts, without a copy."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.errors import DataError

Array = npt.NDArray[np.generic]


class Buffers(NamedTuple):
    """Text `i` is `data[offsets[i]:offsets[i + 1]]`; `valid` has no entry where no text is null."""

    data: Array
    offsets: Array
    valid: Array


def buffers(texts: pa.Array) -> Buffers:
    """Return the buffers of a column that `plain` gave, however it is cut."""
    width = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    _, places, data = texts.buffers()
    if places is None or not len(texts):
        offsets = np.zeros(len(texts) + 1, np.int64)
    else:
        offsets = np.frombuffer(places, width, len(texts) + 1, texts.offset * np.dtype(width).itemsize).astype(np.int64)
    held = np.zeros(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
    valid = texts.is_valid().to_numpy(zero_copy_only=False) if texts.null_count else np.zeros(0, np.bool_)
    return Buffers(*map(_frozen, (held, offsets, valid.astype(np.bool_))))


def plain(texts: pa.Array) -> pa.Array:
    """Return a column of texts as Arrow's plain strings, the column itself where it is."""
    kind = texts.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return texts
    if pa.types.is_null(kind):
        return texts.cast(pa.string())
    if pa.types.is_dictionary(kind) and pa.types.is_unicode(kind.value_type):
        return plain(texts.dictionary_decode())
    if pa.types.is_string_view(kind) or (pa.types.is_dictionary(kind) and pa.types.is_large_unicode(kind.value_type)):
        return pc.cast(texts, pa.large_string())
    raise DataError(f"a column of {kind}", wanted="text", do="Name a text column, or cast it")


def _frozen(array: Array) -> Array:
    # Compiled code is made for one kind of array: one that it may not write to.
    view = array.view()
    view.flags.writeable = False
    return view
