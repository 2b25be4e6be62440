"""Make a small encoder from nothing: random weights, and a vocabulary learnt from the train rows or borrowed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from itertools import chain, repeat
from typing import Any

from tilth.core.errors import RecipeError, did_you_mean, missing_extra
from tilth.train.tokenizer import Tokenizer

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


@dataclass(frozen=True, kw_only=True)
class Scratch:
    """A BERT of this size (Devlin et al. 2019)."""

    layers: int = 4
    hidden: int = 256
    heads: int = 4
    inner: int = 0
    """Width inside a layer; 0 for four times `hidden`."""
    positions: int = 512
    vocabulary: int = 8000
    """Tokens at most, where it is learnt."""
    lowercase: bool = True
    tokenizer: str | None = None
    """A backbone to borrow the tokenizer from; by default it is learnt from the train rows."""

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Scratch:
        """Build from a recipe's mapping, or raise `RecipeError` with the likely typo."""
        known = [field.name for field in fields(cls)]
        for name in options:
            if name not in known:
                raise RecipeError(
                    f'no option "{name}"', where="train.scratch", wanted=", ".join(known), do=did_you_mean(name, known)
                )
        made = cls(**options)
        if made.hidden % made.heads:
            raise RecipeError(
                f"hidden {made.hidden} is no multiple of heads {made.heads}", where="train.scratch", wanted="a multiple"
            )
        return made

    def config(self, tokenizer: Tokenizer, dropout: float | None) -> dict[str, Any]:
        """Return the configuration of the encoder."""
        rate = 0.1 if dropout is None else dropout
        return {
            "model_type": "bert",
            "vocab_size": tokenizer.size,
            "hidden_size": self.hidden,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "intermediate_size": self.inner or 4 * self.hidden,
            "max_position_embeddings": self.positions,
            "hidden_dropout_prob": rate,
            "attention_probs_dropout_prob": rate,
            "pad_token_id": tokenizer.pad,
        }


def learn_tokenizer(texts: Iterable[str], *, vocabulary: int, lowercase: bool) -> Tokenizer:
    """Learn a WordPiece vocabulary from texts: the same for the same texts, in any order."""
    try:
        import tokenizers
        from tokenizers import models, normalizers, pre_tokenizers, processors, trainers
    except ModuleNotFoundError as error:
        raise missing_extra("tokenizers", "train", "training") from error
    normalise = normalizers.BertNormalizer(lowercase=lowercase)
    cut = pre_tokenizers.BertPreTokenizer()
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(word for word, _ in cut.pre_tokenize_str(normalise.normalize_str(text)))
    # The trainer numbers the letters inside words in the order of a hash table, and its merges break ties by number.
    # Given as special tokens they are numbered in our order; the tokenizer built below does not treat them so.
    inner = sorted({letter for word in counts for letter in word[1:]})
    learner = tokenizers.Tokenizer(models.WordPiece(unk_token=SPECIAL[1]))
    learner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    learner.train_from_iterator(
        chain.from_iterable(repeat(word, count) for word, count in sorted(counts.items())),
        trainers.WordPieceTrainer(
            vocab_size=vocabulary, special_tokens=[*SPECIAL, *(f"##{letter}" for letter in inner)], show_progress=False
        ),
    )
    fast = tokenizers.Tokenizer(models.WordPiece(learner.get_vocab(), unk_token=SPECIAL[1]))
    fast.normalizer, fast.pre_tokenizer = normalise, cut
    fast.add_special_tokens(list(SPECIAL))
    cls, sep = ((token, SPECIAL.index(token)) for token in ("[CLS]", "[SEP]"))
    fast.post_processor = processors.BertProcessing(sep, cls)
    return Tokenizer(fast.to_str())
