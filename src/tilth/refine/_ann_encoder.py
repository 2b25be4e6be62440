"""Make a vector of each text with a pretrained sentence encoder, once, on workers."""

from __future__ import annotations

import functools
import importlib.metadata
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tilth.bytes import backbones
from tilth.bytes.cache import Cache
from tilth.bytes.digest import digest
from tilth.core.batch import ID, Batch
from tilth.core.engine import KEY
from tilth.core.errors import ModelError, first_line, missing_extra
from tilth.refine._columns import texts

VECTOR = "vector"
LONGEST = 256
"""Tokens that are read of a text; what is beyond does not count, as for most sentence encoders."""
SECONDS = 90 * 24 * 3600.0
"""How long a vector is kept in a cache."""
_ROWS = 32


@dataclass(frozen=True, kw_only=True)
class Embed:
    """Emit each row's id, its vector (null for a text that is null or blank) and the column to prefer by."""

    folder: str
    pooling: str
    column: str
    carry: str | None
    operator: Any
    cache: Cache | None = None
    """Where vectors of an earlier run may be, by their text."""

    def emit(self, batch: Batch) -> Batch:
        found = texts(batch, self.column, self.operator).to_pylist()
        rows = [row for row, text in enumerate(found) if text and not text.isspace()]
        made = self._vectors([found[row] for row in rows])
        width = made.shape[1]
        offsets = np.zeros(len(found) + 1, np.int64)
        offsets[np.array(rows, np.int64) + 1] = width
        lists = pa.ListArray.from_arrays(
            pa.array(np.cumsum(offsets), pa.int32()),
            pa.array(made.reshape(-1)),
            mask=pa.array(offsets[1:] == 0),
        )
        columns = {KEY: batch.column(ID), ID: batch.column(ID), VECTOR: lists}
        if self.carry is not None and self.carry in batch.schema.names:
            columns[self.carry] = batch.column(self.carry)
        return pa.RecordBatch.from_pydict(columns)

    def _vectors(self, listed: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return one vector a text, each from the cache where it was made before.

        Made again among other texts, a vector may differ in its last bit (the processor adds in another order); the
        one in the cache is the one that was made first.
        """
        if not listed:
            return np.zeros((0, 0), np.float32)
        if self.cache is None:
            return _encoder(self.folder, self.pooling)(listed)
        distinct = list(dict.fromkeys(listed))
        known = {text: np.frombuffer(held, "<f4") for text, held in self.cache.get_many(distinct).items()}
        due = [text for text in distinct if text not in known]
        if due:
            made = _encoder(self.folder, self.pooling)(due)
            self.cache.put_many({text: row.astype("<f4").tobytes() for text, row in zip(due, made, strict=True)})
            known |= dict(zip(due, made, strict=True))
        return np.stack([known[text] for text in listed]).astype(np.float32)

    def gather(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        return (batch.drop_columns([KEY]) for batch in batches)


def kept(cache: Cache | None, folder: Path, pooling: str) -> Cache | None:
    """Return the space of a cache for vectors that this encoder makes, with this code and these packages."""
    if cache is None:
        return None
    files = sorted(path for ending in ("*.safetensors", "*.json", "*.txt", "*.model") for path in folder.glob(ending))
    try:
        packages = [f"{name} {importlib.metadata.version(name)}" for name in ("torch", "transformers", "tokenizers")]
    except importlib.metadata.PackageNotFoundError:
        # The encoder says what is missing.
        return None
    said = [digest(*files, Path(__file__)), pooling, str(LONGEST), *packages, platform.machine()]
    return cache.space("embeddings", " ".join(said), seconds=SECONDS, codec=None)


class _Encoder:
    """A sentence encoder on the processor; safetensors only, no code from its folder."""

    def __init__(self, folder: Path, pooling: str) -> None:
        try:
            import torch
        except ModuleNotFoundError as error:
            raise missing_extra("torch", "train", "a sentence encoder") from error
        self._torch, self._pooling = torch, pooling
        try:
            with backbones.quiet():
                from transformers import AutoModel, AutoTokenizer

                self._tokenizer: Any = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
                model: Any = AutoModel.from_pretrained(str(folder), use_safetensors=True, local_files_only=True)
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(f"the encoder cannot be loaded: {first_line(error)}", where=str(folder)) from error
        self._model = model.float().eval()
        self.width = int(model.config.hidden_size)

    def __call__(self, listed: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return one vector a text, not scaled."""
        made = np.zeros((len(listed), self.width), np.float32)
        if not listed:
            return made
        torch = self._torch
        ids: list[list[int]] = self._tokenizer(list(listed), truncation=True, max_length=LONGEST)["input_ids"]
        # Texts of like length together, so that little is padded.
        order = sorted(range(len(ids)), key=lambda row: (len(ids[row]), row))
        # Workers are as many as there are cores: each takes one.
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with torch.inference_mode():
                for start in range(0, len(order), _ROWS):
                    rows = order[start : start + _ROWS]
                    made[rows] = self._vectors([ids[row] for row in rows])
        finally:
            torch.set_num_threads(threads)
        return made

    def _vectors(self, ids: list[list[int]]) -> npt.NDArray[np.float32]:
        torch = self._torch
        size = max(map(len, ids))
        padded = torch.full((len(ids), size), self._tokenizer.pad_token_id or 0)
        mask = torch.zeros((len(ids), size), dtype=torch.int64)
        for row, some in enumerate(ids):
            padded[row, : len(some)] = torch.tensor(some)
            mask[row, : len(some)] = 1
        hidden = self._model(input_ids=padded, attention_mask=mask).last_hidden_state
        if self._pooling == "first":
            pooled = hidden[:, 0]
        else:
            weights = mask.unsqueeze(-1).to(hidden.dtype)
            pooled = (hidden * weights).sum(1) / weights.sum(1)
        found: npt.NDArray[np.float32] = pooled.numpy()
        return found


@functools.lru_cache(maxsize=2)
def _encoder(folder: str, pooling: str) -> _Encoder:
    return _Encoder(Path(folder), pooling)
