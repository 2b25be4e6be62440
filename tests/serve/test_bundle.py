"""A bundle is whole or it is refused."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tilth.core.errors import ModelError
from tilth.serve import bundle

Make = Callable[..., Any]


def card_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "bundle.json").read_text(encoding="utf-8"))


def rewrite(folder: Path, **changed: Any) -> None:
    (folder / "bundle.json").write_text(json.dumps({**card_of(folder), **changed}), encoding="utf-8")


def test_what_is_written_is_read(make: Make, own: Make, keyword_count: Make) -> None:
    model = keyword_count().decided(temperature=1.7)
    folder = make(model=model, data={"table": "support", "version": 3}, recipe="ab12", metrics={"macro_f1": 0.91})
    found = bundle.read(folder)
    assert (found.name, found.version, found.task) == ("support", "1", "text_classification")
    assert found.refine == (own("own_spaces"), own("own_short"))
    assert found.model == model
    assert found.card["decision"] == {"temperature": 1.7, "abstain_below": None, "thresholds": {}}
    assert found.labels == ("billing", "delivery", "other")
    assert found.card["data"] == {"table": "support", "version": 3}
    assert found.signature.inputs == {"text": "string"}
    assert set(found.card["files"]) == {"model/weights.json", "model/tokenizer/words.txt"}


def test_fitted_options_keep_their_tuples(make: Make, own: Make) -> None:
    shout = own("own_shout", words=("a", "b"))
    assert bundle.read(make(refine=(shout,))).refine == (shout,)


def test_the_same_contents_have_the_same_digest_wherever_they_lie(make: Make, tmp_path: Path) -> None:
    folder = make()
    moved = tmp_path / "elsewhere"
    shutil.copytree(folder, moved)
    assert bundle.read(folder).digest == bundle.read(moved).digest


def test_writing_the_same_bundle_again_changes_nothing(make: Make) -> None:
    before = {path: path.stat().st_mtime_ns for path in make().rglob("*")}
    folder = make()
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    assert [path.name for path in folder.parent.iterdir()] == ["1"]


def test_writing_again_over_a_damaged_bundle_says_so(make: Make) -> None:
    folder = make()
    os.truncate(folder / "model" / "weights.json", 3)
    with pytest.raises(ModelError, match="is cut short: 3 bytes found"):
        make()


def test_another_version_of_a_package_is_noted(make: Make) -> None:
    folder = make()
    assert bundle.read(folder).notes == ()
    specs = card_of(folder)["refine"]
    here = specs[1]["packages"]["pyarrow"]
    rewrite(folder, refine=[specs[0], {**specs[1], "packages": {"pyarrow": "1.0", "no-such-package": "2.0"}}])
    assert bundle.read(folder).notes == (
        f"own_short: pyarrow is {here} here, was 1.0",
        "own_short: no-such-package is not installed here, was 2.0",
    )


def test_a_version_is_never_overwritten(make: Make) -> None:
    digest = bundle.read(make()).digest
    with pytest.raises(ModelError, match=r"exists already.*a bundle never changes"):
        make(recipe="another")
    assert bundle.read(make()).digest == digest


@pytest.mark.parametrize(
    ("operator", "what"),
    [("own_fold", "a fold that is not fitted"), ("a string", "is no operator")],
)
def test_an_operator_that_is_not_row_wise_is_refused(make: Make, operator: str, what: str, own: Make) -> None:
    part = own(operator) if operator.startswith("own") else operator
    with pytest.raises(ModelError, match=what) as caught:
        make(refine=(own("own_spaces"), part))
    assert caught.value.where == "refine[1]"


def test_an_operator_that_json_cannot_carry_is_refused(make: Make, own: Make) -> None:
    with pytest.raises(ModelError, match="cannot be written as JSON"):
        make(refine=(own("own_short", least=float("nan")),))
    with pytest.raises(ModelError, match="not the same after"):
        make(refine=(own("own_shout", words=[1, 2]),))


def test_facts_that_are_not_json_are_refused_and_leave_nothing(make: Make, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not JSON values"):
        make(metrics={"f1": float("nan")})
    assert not any((tmp_path / "models" / "support").iterdir())


def test_a_model_that_saves_a_pickle_is_refused_and_leaves_nothing(
    make: Make, tmp_path: Path, keyword_count: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "weights.bin").write_bytes(b"\x80\x04")
    model = keyword_count()
    monkeypatch.setattr(type(model), "save", lambda self, folder: shutil.copy(tmp_path / "weights.bin", folder))
    with pytest.raises(ModelError, match=r"model/weights\.bin may hold a pickle"):
        make(model=model)
    assert not any((tmp_path / "models" / "support").iterdir())


@pytest.mark.parametrize("name", ["model/weights.json", "model/tokenizer/words.txt"])
def test_a_file_cut_short_is_named_with_both_sizes(make: Make, name: str) -> None:
    folder = make()
    whole = (folder / name).stat().st_size
    os.truncate(folder / name, whole - 5)
    with pytest.raises(ModelError) as caught:
        bundle.read(folder)
    assert caught.value.what == f"{name} is cut short: {whole - 5} bytes found"
    assert caught.value.wanted == f"{whole} bytes"


def test_every_single_changed_byte_is_found(make: Make) -> None:
    folder = make()
    path = folder / "model" / "tokenizer" / "words.txt"
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(ModelError, match=r"words\.txt was changed"):
            bundle.read(folder)
    path.write_bytes(whole)
    bundle.read(folder)


def test_a_missing_file_is_named(make: Make) -> None:
    folder = make()
    (folder / "model" / "weights.json").unlink()
    with pytest.raises(ModelError, match=r"model/weights\.json is missing"):
        bundle.read(folder)


def test_a_file_that_was_put_into_the_model_is_refused(make: Make) -> None:
    folder = make()
    (folder / "model" / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ModelError, match=r"model/config\.json is not listed"):
        bundle.read(folder)


def test_a_model_card_beside_the_model_is_welcome(make: Make) -> None:
    folder = make()
    (folder / "card.md").write_text("# Support", encoding="utf-8")
    assert bundle.read(folder).name == "support"


@pytest.mark.parametrize("ending", [".bin", ".pt", ".pkl", ".joblib", ".PTH", ".ckpt"])
@pytest.mark.parametrize("where", [".", "model", "model/tokenizer"])
def test_a_pickle_anywhere_in_the_folder_is_refused(make: Make, where: str, ending: str) -> None:
    folder = make()
    (folder / where / f"extra{ending}").write_bytes(b"")
    with pytest.raises(ModelError, match="may hold a pickle"):
        bundle.read(folder)


def test_a_pickle_that_is_listed_is_refused_too(make: Make) -> None:
    folder = make()
    (folder / "model" / "w.pt").write_bytes(b"")
    empty = {"bytes": 0, "blake2b": "cae66941d9efbd404e4d88758ea67670"}
    rewrite(folder, files={**card_of(folder)["files"], "model/w.pt": empty})
    with pytest.raises(ModelError, match="may hold a pickle"):
        bundle.read(folder)


@pytest.mark.parametrize("where", ["model/weights.json", "model/extra.json", "model/tokenizer"])
def test_a_symbolic_link_is_refused_even_to_the_right_bytes(make: Make, tmp_path: Path, where: str) -> None:
    folder = make()
    place = folder / where
    aside = tmp_path / "aside"
    if place.exists():
        shutil.move(place, aside)
    else:
        aside.write_text("{}", encoding="utf-8")
    place.symlink_to(aside)
    with pytest.raises(ModelError, match="is a symbolic link"):
        bundle.read(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_file_that_is_no_plain_file_is_refused_without_waiting_for_it(make: Make) -> None:
    folder = make()
    (folder / "model" / "weights.json").unlink()
    os.mkfifo(folder / "model" / "weights.json")
    with pytest.raises(ModelError, match=r"weights\.json is not a regular file"):
        bundle.read(folder)


def test_a_linked_bundle_json_is_refused(make: Make, tmp_path: Path) -> None:
    folder = make()
    shutil.move(folder / "bundle.json", tmp_path / "card")
    (folder / "bundle.json").symlink_to(tmp_path / "card")
    with pytest.raises(ModelError, match=r"no bundle\.json"):
        bundle.read(folder)


@pytest.mark.parametrize(
    "name",
    [
        "model/../../secret",
        "/etc/hostname",
        "../model/weights.json",
        "model\\..\\secret",
        "C:/secret",
        "model//x",
        "model/./x",
        "bundle.json",
        "model",
        "",
    ],
)
def test_a_path_that_leaves_the_model_folder_is_refused(make: Make, name: str) -> None:
    folder = make()
    rewrite(folder, files={name: {"bytes": 0, "blake2b": ""}})
    with pytest.raises(ModelError, match="names the file"):
        bundle.read(folder)


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"format": 2}, "bundle format 2"),
        ({"format": None}, "bundle format None"),
        ({"labels": ["billing", 3, "x"]}, '"labels" holds something other'),
        ({"labels": ["delivery", "billing", "other"]}, "not those of the model"),
        ({"labels": {}}, '"labels" is missing or of the wrong type. Wanted: a list'),
        ({"files": []}, '"files" is missing or of the wrong type. Wanted: an object'),
        ({"files": {"model/weights.json": 3}}, "does not say how long"),
        ({"signature": {"inputs": []}}, '"signature.inputs" is missing'),
        ({"signature": {"inputs": {"text": "string"}, "outputs": {"a": "b"}}}, r"the model gives prediction"),
        ({"model": {"kind": "no_such_model"}}, 'no models part called "no_such_model"'),
        ({"model": {}}, "does not load|no models part"),
        ({"model": {"kind": "keyword_count", "code": "00"}}, "the model's own code changed"),
        ({"refine": ["own_short"]}, "not an operator's spec"),
        ({"refine": [{"part": "own_sort"}]}, "cannot build the operator"),
        ({"refine": [{"part": "own_short", "options": {"most": 3}}]}, "cannot build the operator"),
        ({"refine": [{"part": "own_fold", "options": {}}]}, "a fold that is not fitted"),
        ({"refine": [{"part": "own_short", "version": 3, "options": {}}]}, "the hash of the operator's own code is"),
        ({"refine": [{"part": "own_short", "version": 2, "options": {}}]}, "the operator's version is 3: .*Wanted: 2"),
        ({"refine": [{"part": "own_short", "class": "_Hidden"}]}, "holds no operator"),
        ({"decision": {"temperature": 2.0}}, "the decision in bundle.json is not that of the model"),
    ],
)
def test_a_card_that_says_nonsense_is_one_clear_error(make: Make, changed: dict[str, Any], what: str) -> None:
    folder = make()
    rewrite(folder, **changed)
    with pytest.raises(ModelError, match=what) as caught:
        bundle.read(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("raw", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b"[]", b"null", b'{"format": 1}'])
def test_a_card_that_is_not_whole_is_one_clear_error(make: Make, raw: bytes) -> None:
    folder = make()
    (folder / "bundle.json").write_bytes(raw)
    with pytest.raises(ModelError):
        bundle.read(folder)


def test_weights_that_the_model_cannot_read_are_one_clear_error(make: Make) -> None:
    folder = make()
    (folder / "model" / "weights.json").write_text("{}", encoding="utf-8")
    files = card_of(folder)["files"]
    from tilth.serve._files import entry_of

    rewrite(folder, files={**files, "model/weights.json": entry_of(folder / "model" / "weights.json")})
    with pytest.raises(ModelError, match="the model does not load: KeyError"):
        bundle.read(folder)


def test_a_folder_that_is_no_bundle_says_so(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ModelError, match=r"no bundle\.json"):
            bundle.read(folder)


def test_a_writer_that_dies_leaves_no_half_bundle(tmp_path: Path) -> None:
    script = f"""
        import os
        from pathlib import Path
        from tilth.core import registry
        from tilth.serve import bundle
        registry.load_code(Path({str(Path(__file__).parent / "own_model.py")!r}), "tilth.train.models")
        kind = registry.find("tilth.train.models", "keyword_count")
        class Dies(kind):
            pass
        save = kind.save
        kind.save = lambda self, folder: (save(self, folder), os._exit(9))
        model = kind(labels=("a",), words=("b",), weights=((1.0,),))
        bundle.write(Path({str(tmp_path / "m" / "1")!r}), name="m", version="1", task="t", refine=(), model=model,
                     facts=bundle.Facts(created="now", labels=("a",)))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False, capture_output=True, text=True)
    assert done.returncode == 9, done.stderr
    left = [path.name for path in (tmp_path / "m").iterdir()]
    assert len(left) == 1
    assert left[0].startswith(".1.")
    assert left[0].endswith(".part")
    with pytest.raises(ModelError, match=r"no bundle\.json"):
        bundle.read(tmp_path / "m" / "1")


def test_what_a_dead_writer_left_is_cleared_away_a_day_later(make: Make, tmp_path: Path) -> None:
    parent = tmp_path / "models" / "support"
    for name, age in {".1.00000000.part": 90_000, ".1.11111111.part": 60}.items():
        (parent / name / "model").mkdir(parents=True)
        then = (parent / name).stat().st_mtime - age
        os.utime(parent / name, (then, then))
    make()
    assert sorted(path.name for path in parent.iterdir()) == [".1.11111111.part", "1"]
