import json

import pytest

from tilth.core.errors import ModelError
from tilth.train import folder


@pytest.fixture
def sealed(tmp_path):
    for name in folder.FILES:
        (tmp_path / name).write_text(f"the whole of {name}")
    folder.seal(tmp_path, {"kind": "encoder", "labels": ["a", "b"]})
    return tmp_path


def test_a_whole_folder_opens(sealed):
    assert folder.unseal(sealed, kind="encoder")["labels"] == ["a", "b"]


@pytest.mark.parametrize("name", folder.FILES)
def test_a_file_cut_short_changed_or_missing_is_named(sealed, name):
    path = sealed / name
    whole = path.read_text()
    path.write_text(whole[:-1])
    with pytest.raises(ModelError, match=rf"{name} has {len(whole) - 1} bytes"):
        folder.unseal(sealed, kind="encoder")
    path.write_text(whole.replace("whole", "whale"))
    with pytest.raises(ModelError, match=rf"{name} was changed"):
        folder.unseal(sealed, kind="encoder")
    path.unlink()
    with pytest.raises(ModelError, match=rf"{name} is missing"):
        folder.unseal(sealed, kind="encoder")


def test_the_manifest_vouches_for_itself(sealed):
    path = sealed / folder.MANIFEST
    said = json.loads(path.read_text())
    path.write_text(json.dumps({**said, "labels": ["b", "a"]}))
    with pytest.raises(ModelError, match=r"model\.json was changed"):
        folder.unseal(sealed, kind="encoder")
    path.write_text(json.dumps(said)[:-5])
    with pytest.raises(ModelError, match=r"model\.json is cut short"):
        folder.unseal(sealed, kind="encoder")


def test_another_kind_and_a_pickle_are_refused(sealed):
    with pytest.raises(ModelError, match="of kind forest"):
        folder.unseal(sealed, kind="forest")
    (sealed / "pytorch_model.bin").write_bytes(b"\x80\x04")
    with pytest.raises(ModelError, match=r"pytorch_model\.bin is a pickle"):
        folder.unseal(sealed, kind="encoder")


def test_an_empty_folder_is_no_model(tmp_path):
    with pytest.raises(ModelError, match=r"no model\.json"):
        folder.unseal(tmp_path, kind="encoder")
