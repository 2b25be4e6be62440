"""Data sets of a hub: pinned, verified, resumed; cards and names choose the files."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.connectors._landed import land, read
from tests.servers import hub

from tilth.bytes.guard import Guard
from tilth.connectors._huggingface.choose import chosen, configs_of
from tilth.connectors.huggingface import Huggingface
from tilth.core.connector import Lander
from tilth.core.errors import DataError, RecipeError, Terminal, Transient
from tilth.testing import check_declaration, check_source

HERE = ("127.0.0.1", "localhost")


def parquet(first: int, count: int) -> bytes:
    out = io.BytesIO()
    ids = list(range(first, first + count))
    pq.write_table(pa.table({"id": ids, "text": [f"row {number}" for number in ids]}), out)
    return out.getvalue()


def jsonl(first: int, count: int) -> bytes:
    return b"".join(b'{"id": %d, "text": "row"}\n' % number for number in range(first, first + count))


FILES = {
    "README.md": b"---\nlicense: mit\n---\n# A set\n", ".gitattributes": b"x", "make.py": b"raise SystemExit",
    "data/train-00000-of-00002.parquet": parquet(0, 100), "data/train-00001-of-00002.parquet": parquet(100, 20),
    "data/test-00000-of-00001.parquet": parquet(900, 3), "dataset_infos.json": b"{}",
}  # fmt: skip


def source(dataset: str, **options: Any) -> Huggingface:
    endpoint = str(hub.start().facts["endpoint"])
    return Huggingface(**{"dataset": dataset, "endpoint": endpoint, "allow_private": HERE, "key": "id", **options})


def ids(landed: Any) -> list[int]:
    return [row["id"] for row in read(landed)[0]]


def test_the_imitation_is_what_the_hubs_own_client_expects(tmp_path: Path):
    name = hub.publish(FILES)
    code = (
        "import sys; from huggingface_hub import HfApi, hf_hub_download; api = HfApi();"
        f"info = api.dataset_info('{name}');"
        f"tree = list(api.list_repo_tree('{name}', recursive=True, repo_type='dataset'));"
        f"path = hf_hub_download('{name}', 'data/test-00000-of-00001.parquet', repo_type='dataset', revision=info.sha);"
        "import pyarrow.parquet as pq; print(info.sha, len(tree), pq.read_table(path).num_rows)"
    )
    env = {
        **os.environ, "HF_ENDPOINT": str(hub.start().facts["endpoint"]), "HF_HOME": str(tmp_path),
        "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr[-800:]
    sha, files, rows = done.stdout.split()
    assert (len(sha), files, rows) == (40, str(len(FILES) + 1), "3")


def test_a_set_is_pinned_and_read(tmp_path: Path):
    name = hub.publish(FILES)
    told: list[str] = []
    landed = land(source(name), tmp_path, tell=told.append)
    assert sorted(ids(landed)) == [*range(120), 900, 901, 902]
    assert landed.name == f"huggingface:{name}"
    check_source(landed)
    assert any(said.startswith('"main" is commit ') for said in told)
    commit = next(said for said in told if "is commit" in said).split()[3].rstrip(";")
    # main moves on: what was pinned stays, without a word to the hub.
    hub.publish({"data/train.parquet": parquet(5000, 2)}, name=name)
    asked = len(hub.log(name))
    assert len(ids(land(source(name), tmp_path))) == 123
    assert len(ids(land(source(name), tmp_path, refresh=False))) == 123
    assert len(hub.log(name)) == asked
    assert len(ids(land(source(name, revision=commit), tmp_path / "other"))) == 123
    assert ids(land(source(name), tmp_path / "new")) == [5000, 5001]
    with pytest.raises(DataError, match="not all has landed"):
        land(source(name), tmp_path / "none", refresh=False)


def test_a_split_is_chosen_and_the_token_stays_with_the_hub(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("HUB_TOKEN", "hush-hush-1")
    name = hub.publish(FILES, token="hush-hush-1")
    assert ids(land(source(name, hub_split="test", token="env:HUB_TOKEN"), tmp_path)) == [900, 901, 902]
    assert len(ids(land(source(name, hub_split="train", token="env:HUB_TOKEN"), tmp_path))) == 120
    assert not any("hush" in line for line in hub.log(name))
    with pytest.raises(Terminal, match="or not for you") as caught:
        land(source(name), tmp_path / "anonymous")
    assert "token: env:HF_TOKEN" in str(caught.value)
    with pytest.raises(Terminal, match="no such data set"):
        land(source("owner/none"), tmp_path / "anonymous")


def test_a_download_goes_on_and_a_corrupt_one_is_refused(tmp_path: Path):
    large = jsonl(0, 5000)
    name = hub.publish({"train.jsonl": large}, cut=50_000)
    assert len(ids(land(source(name), tmp_path))) == 5000
    assert [line for line in hub.log(name) if line.startswith("cdn")] == [
        "cdn train.jsonl ",
        "cdn train.jsonl bytes=50000-",
    ]
    for files, corrupt in (({"train.jsonl": large}, "train.jsonl"), ({"train.jsonl": jsonl(0, 3)}, "train.jsonl")):
        name = hub.publish(files, corrupt=corrupt)
        with pytest.raises(Transient, match="another checksum"):
            land(source(name), tmp_path / f"corrupt-{len(files[corrupt])}")


def test_private_addresses_are_refused(tmp_path: Path, monkeypatch):
    name = hub.publish(FILES)
    with pytest.raises(Terminal, match="loopback"):
        land(source(name, allow_private=()), tmp_path)
    # The hub may be asked; where it sends us (localhost, by another name's address) may not.
    large = hub.publish({"train.jsonl": jsonl(0, 500)})
    real = Guard.addresses

    def led(self: Guard, host: str, port: int) -> list[str]:
        return real(self, "127.0.0.2" if host == "localhost" else host, port)

    monkeypatch.setattr(Guard, "addresses", led)
    with pytest.raises(Terminal, match="loopback"):
        land(source(large, allow_private=("127.0.0.1",)), tmp_path / "sent")
    assert not any(line.startswith("cdn") for line in hub.log(large))


CARD = """---
configs:
- config_name: en
  data_files:
  - {split: train, path: en/*.jsonl}
  - {split: test, path: [en/held/*.jsonl]}
- config_name: zh
  data_files: zh/**
---
"""
PATHS = ["en/a.jsonl", "en/held/b.jsonl", "zh/x/c.jsonl", "zh/README.md"]


def test_the_card_chooses_and_names_do_where_it_says_nothing():
    def choose(paths: list[str], card: str = "", **more: Any) -> list[str]:
        options: dict[str, Any] = {"config": None, "hub_split": None, "files": None, **more}
        return chosen(paths, configs_of(card), where="set", **options)

    assert choose(PATHS, CARD, config="en") == ["en/a.jsonl", "en/held/b.jsonl"]
    assert choose(PATHS, CARD, config="en", hub_split="test") == ["en/held/b.jsonl"]
    assert choose(PATHS, CARD, config="zh", hub_split="train") == ["zh/x/c.jsonl"]
    assert choose(PATHS, CARD, files="*/a.jsonl") == ["en/a.jsonl"]
    assert choose(PATHS, config="zh") == ["zh/x/c.jsonl"]
    assert choose(["dev.csv", "training.csv", "constrain.csv"], hub_split="validation") == ["dev.csv"]
    assert choose(["dev.csv", "training.csv"], hub_split="train") == ["training.csv"]
    assert choose(["a.csv", "b.csv"], hub_split="train") == ["a.csv", "b.csv"]
    assert choose(["a.csv", "b.parquet", "c.py", "_x.csv"]) == ["b.parquet"]
    for wrong, what in [
        ({}, "several configurations"), ({"config": "fr"}, 'no configuration "fr"'),
        ({"config": "en", "hub_split": "dev"}, 'no split "dev"'), ({"files": "*.bin"}, "no file fits"),
    ]:  # fmt: skip
        with pytest.raises(DataError, match=what):
            choose(PATHS, CARD, **wrong)
    for paths, more in ((["make.py"], {}), (["a/x.csv"], {"config": "b"}), (["train.csv"], {"hub_split": "test"})):
        with pytest.raises(DataError):
            choose(paths, **more)
    assert configs_of("---\n{: [\n---\n") == configs_of("# none") == configs_of("---\nconfigs: 3\n---\n") == []


def test_what_it_declares_and_refuses():
    made = Huggingface(dataset="owner/name", revision="refs/convert/parquet", columns=("id",), token="env:T")
    check_declaration(made, "tilth.connectors")
    assert isinstance(made, Lander)
    for wrong in ({"dataset": "../x"}, {"dataset": "a/b/c"}, {"revision": "a/../b"}, {"token": "plain"},
                  {"max_download": 0}, {"data_files": "*", "config": "en"}, {"endpoint": "ftp://x"},
                  {"format": "exe"}):  # fmt: skip
        with pytest.raises(RecipeError) as caught:
            Huggingface(**{"dataset": "owner/name", **wrong})
        assert str(caught.value.where).startswith("huggingface.")


def test_a_probe_lists_and_a_limit_holds(tmp_path: Path):
    name = hub.publish(FILES)
    assert [found.ok for found in source(name).probe()] == [True]
    assert [found.ok for found in source("owner/none").probe()] == [False]
    with pytest.raises(DataError, match="3 files of"):
        land(source(name, max_download=10), tmp_path)
    assert not any(line.startswith("cdn") for line in hub.log(name))
