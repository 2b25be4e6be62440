"""Cut text into the token ids of a backbone: a fast tokenizer, and what the learner must know about it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tilth.core.errors import ModelError, missing_extra

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Fast

PADS = ("[PAD]", "<pad>", "<|pad|>")


@dataclass(frozen=True)
class Tokenizer:
    """A `tokenizers` tokenizer without padding or truncation; its JSON is all of it."""

    text: str
    """The contents of `tokenizer.json`."""

    @classmethod
    def load(cls, folder: Path) -> Tokenizer:
        """Read `tokenizer.json`, or build it from an older backbone's vocabulary."""
        file = folder / "tokenizer.json"
        if file.is_file():
            return cls(file.read_text(encoding="utf-8"))
        try:
            from transformers import AutoTokenizer
        except ModuleNotFoundError as error:
            raise missing_extra("transformers", "train", "a backbone without tokenizer.json") from error
        try:
            slow = AutoTokenizer.from_pretrained(str(folder), use_fast=True, local_files_only=True)
        except (OSError, ValueError) as error:
            raise ModelError(f"{folder.name} holds no tokenizer", wanted="tokenizer.json or a vocabulary") from error
        return cls(str(slow.backend_tokenizer.to_str()))

    def __getstate__(self) -> dict[str, Any]:
        return {"text": self.text}

    @cached_property
    def fast(self) -> Fast:
        """Return the tokenizer itself, built once."""
        return _build(self.text)

    @property
    def size(self) -> int:
        """Return the number of tokens, added ones counted."""
        return int(self.fast.get_vocab_size(with_added_tokens=True))

    @property
    def unknown(self) -> int | None:
        """Return the id that stands for what the vocabulary does not know; None for one that spells bytes."""
        unknown: int | None = self._facts["unknown"]
        return unknown

    @property
    def pad(self) -> int:
        """Return the id that fills up short rows."""
        return int(self._facts["pad"])

    @property
    def lowercases(self) -> bool:
        """Tell whether letter case is lost.

        A network behind such a tokenizer sees no capitals, which names of people and places need.
        """
        normalise = self.fast.normalizer
        return normalise is not None and normalise.normalize_str("A") == "a"

    @property
    def single(self) -> tuple[list[int], list[int]]:
        """Return the special ids before and after one text."""
        return self._facts["before"], self._facts["after"]

    @property
    def pair(self) -> tuple[list[int], list[int], list[int], int]:
        """Return the special ids before, between and after two texts, and the kind of the second text."""
        pair: tuple[list[int], list[int], list[int], int] = self._facts["pair"]
        return pair

    def texts(self, texts: Sequence[str]) -> list[list[int]]:
        """Return each text's token ids, without special tokens."""
        return [one.ids for one in self.fast.encode_batch_fast(list(texts), add_special_tokens=False)]

    def words(self, words: Sequence[str]) -> list[list[int]]:
        """Return each word's token ids as if it stood alone; a word of nothing is one unknown (or padding) token."""
        spare = [self.pad if self.unknown is None else self.unknown]
        # Byte-level tokenizers tell a word inside a text by the space before it.
        before = " " if type(self.fast.pre_tokenizer).__name__ == "ByteLevel" else ""
        return [ids or spare for ids in self.texts([before + word for word in words])]

    @cached_property
    def _facts(self) -> dict[str, Any]:
        fast = self.fast
        model = json.loads(self.text)["model"]
        unknown = model.get("unk_id")
        if unknown is None and model.get("unk_token") is not None:
            unknown = fast.token_to_id(model["unk_token"])
        pads = [fast.token_to_id(pad) for pad in PADS]
        one = fast.encode("a")
        two = fast.encode("a", "a")
        inside = [at for at, special in enumerate(one.special_tokens_mask) if not special]
        sides = two.sequence_ids
        first, second = sides.index(0), sides.index(1)
        first_end, second_end = len(sides) - sides[::-1].index(0), len(sides) - sides[::-1].index(1)
        return {
            "unknown": unknown,
            "pad": next((pad for pad in pads if pad is not None), 0),
            "before": one.ids[: inside[0]],
            "after": one.ids[inside[-1] + 1 :],
            "pair": (two.ids[:first], two.ids[first_end:second], two.ids[second_end:], max(two.type_ids)),
        }


def _build(text: str) -> Fast:
    try:
        from tokenizers import Tokenizer as Fast
    except ModuleNotFoundError as error:
        raise missing_extra("tokenizers", "train", "training") from error
    try:
        fast = Fast.from_str(text)
    except Exception as error:  # the Rust side raises bare Exception
        raise ModelError("tokenizer.json cannot be read", do="Save the model again.") from error
    fast.no_padding()
    fast.no_truncation()
    # A text that spells "[SEP]" is text: only we put special tokens in.
    fast.encode_special_tokens = True
    return fast
