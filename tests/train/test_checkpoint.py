import pytest
import torch

from tilth.train.checkpoint import STATE, TENSORS, Checkpoints

ONE, TWO = "1" * 32, "2" * 32


@pytest.fixture
def kept(tmp_path) -> Checkpoints:
    kept = Checkpoints(tmp_path, ONE)
    kept.prepare()
    return kept


def tensors(value: float) -> dict[str, torch.Tensor]:
    return {"weight": torch.full((3,), value), "half": torch.full((2,), value, dtype=torch.bfloat16)}


def test_what_was_written_comes_back_bit_for_bit(kept):
    kept.write("step", 3, tensors(0.1), {"best_step": None, "loss": 0.1})
    place, best = kept.newest() or (None, None)
    assert place is not None and best is None
    assert place.step == 3 and place.state["loss"] == 0.1
    assert all(torch.equal(place.tensors[name], tensor) for name, tensor in tensors(0.1).items())


def test_only_the_newest_place_and_its_best_stay(kept):
    for step in (1, 2, 3):
        kept.write("best", step, tensors(step), {})
        kept.write("step", step, tensors(step), {"best_step": step})
    assert sorted(path.name for path in kept.folder.iterdir()) == ["best-000000003", "step-000000003"]


def test_the_best_of_the_older_place_stays_until_a_newer_place_is_whole(kept):
    kept.write("best", 1, tensors(1), {})
    kept.write("step", 1, tensors(1), {"best_step": 1})
    kept.write("best", 2, tensors(2), {})  # killed here
    place, best = kept.newest() or (None, None)
    assert place is not None and best is not None
    assert (place.step, best.step) == (1, 1)


@pytest.mark.parametrize("name", [TENSORS, STATE])
@pytest.mark.parametrize("kind", ["step", "best"])
def test_a_checkpoint_cut_short_is_skipped(kept, name, kind):
    kept.write("best", 1, tensors(1), {})
    kept.write("step", 1, tensors(1), {"best_step": 1})
    older = {path.name: {file.name: file.read_bytes() for file in path.iterdir()} for path in kept.folder.iterdir()}
    kept.write("best", 2, tensors(2), {})
    kept.write("step", 2, tensors(2), {"best_step": 2})
    for folder, files in older.items():
        (kept.folder / folder).mkdir()
        for file, content in files.items():
            (kept.folder / folder / file).write_bytes(content)
    cut = kept.folder / f"{kind}-000000002" / name
    cut.write_bytes(cut.read_bytes()[:-3])
    found = kept.newest()
    assert found is not None and found[0].step == 1


def test_one_changed_byte_is_noticed(kept):
    kept.write("step", 1, tensors(1), {"best_step": None})
    path = kept.folder / "step-000000001" / TENSORS
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    assert kept.newest() is None


def test_another_fit_s_checkpoints_and_half_ones_are_removed(kept):
    kept.write("step", 1, tensors(1), {"best_step": None})
    (kept.folder / ".half-step-000000002").mkdir()
    (kept.root / "of the user").mkdir()
    other = Checkpoints(kept.root, TWO)
    other.prepare()
    assert other.newest() is None
    assert sorted(path.name for path in kept.root.iterdir()) == [TWO, "of the user"]
    kept.prepare()
    assert not list(kept.folder.iterdir())
