"""Find the partitions of many keys at once: `core.engine.partition_of`, in NumPy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tilth.core.engine import FINISH, FOLD, partition_of

_LONG = 256
"""Keys of more bytes are rare: they are hashed one by one."""

Places = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]


def partitions_of(keys: pa.Array, partitions: int) -> Places:
    """Return `partition_of` of each key.

    >>> partitions_of(pa.array(["a", "key 17"]), 16).tolist() == [partition_of("a", 16), partition_of("key 17", 16)]
    True
    >>> partitions_of(pa.array([3, 35], pa.uint64()), 16).tolist()
    [3, 3]
    """
    if keys.type == pa.uint64():
        numbers: Words = keys.to_numpy()
        return (numbers % np.uint64(partitions)).astype(np.int64)
    starts, lengths, raw = buffers(keys)
    found = _hashes(starts, lengths, raw) % np.uint64(partitions)
    for row in np.flatnonzero(lengths > _LONG).tolist():
        found[row] = partition_of(keys[row].as_py(), partitions)
    return found.astype(np.int64)


def buffers(strings: pa.Array) -> tuple[Places, Places, npt.NDArray[np.uint8]]:
    """Return where each string starts, how long it is, and the bytes; no string is null."""
    _, offsets, data = strings.buffers()
    ends = np.frombuffer(offsets, np.int32)[strings.offset : strings.offset + len(strings) + 1].astype(np.int64)
    raw = np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(0, np.uint8)
    return ends[:-1], np.diff(ends), raw


def word_at(starts: Places, lengths: Places, raw: npt.NDArray[np.uint8], number: int) -> Words:
    """Return the bytes `8 * number` to `8 * number + 7` of each string as a little-endian word, zeros after its end."""
    first = 8 * number
    if len(starts) and (lengths == lengths[0]).all() and (np.diff(starts) == lengths[0]).all():
        # Keys of one length lie as a matrix: the usual case, and no index is needed.
        size = int(lengths[0])
        matrix = raw[starts[0] : starts[0] + size * len(starts)].reshape(len(starts), size)[:, first : first + 8]
        if matrix.shape[1] == 8:
            return np.ascontiguousarray(matrix).view("<u8").reshape(len(starts)).astype(np.uint64)
        part = np.zeros((len(starts), 8), np.uint8)
        part[:, : matrix.shape[1]] = matrix
    else:
        place = first + np.arange(8)
        inside = place < lengths[:, None]
        part = np.zeros((len(starts), 8), np.uint8)
        part[inside] = raw[(starts[:, None] + place)[inside]]
    return part.view("<u8").reshape(len(starts)).astype(np.uint64)


def _hashes(starts: Places, lengths: Places, raw: npt.NDArray[np.uint8]) -> Words:
    value = lengths.astype(np.uint64)
    words = (np.minimum(lengths, _LONG) + 7) // 8
    most = int(words.max(initial=0))
    alike = len(words) > 0 and bool((words == most).all())
    for number in range(most):
        rows = slice(None) if alike else np.flatnonzero(words > number)
        folded = (value[rows] ^ word_at(starts[rows], lengths[rows], raw, number)) * np.uint64(FOLD)
        value[rows] = folded ^ (folded >> np.uint64(32))
    for shift, factor in FINISH:
        value = (value ^ (value >> np.uint64(shift))) * np.uint64(factor)
    return value
