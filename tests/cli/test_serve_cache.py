"""`tilth serve --cache`: what is refused before anything listens, and whose secret checks the answers."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tilth.cli import serve
from tilth.core.errors import RecipeError
from tilth.serve import bundle
from tilth.serve.predictor import Predictor


def test_without_a_cache_nothing_is_kept(tmp_path: Path) -> None:
    assert serve._cache(None, None, tmp_path) is None and serve._cache("none", None, tmp_path) is None


@pytest.mark.parametrize(
    ("url", "secret", "said"),
    [
        ("redis://:hunter2-x@cache", None, "--cache: a password stands on the command line"),
        ("disk", "hunter2-x", "--cache-secret: a secret stands on the command line"),
        ("disk", None, "--cache: no secret to check kept answers with"),
        ("redsi://cache", "env:CACHE_SECRET", 'Did you mean "redis"?'),
        ("disk", "env:CACHE_SECRET", "--cache: no folder"),
        ("disk:x", "env:SHORT", "16 or more"),
    ],
)
def test_what_cannot_be_is_refused_and_secrets_are_not_repeated(
    url: str, secret: str | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CACHE_SECRET", "a secret of some length")
    monkeypatch.setenv("SHORT", "short-one")
    with pytest.raises(RecipeError) as caught:
        serve._cache(url, secret, tmp_path / "models" / "a" / "1")
    assert said in str(caught.value) and "hunter2" not in str(caught.value)


@pytest.mark.slow
def test_answers_of_a_projects_model_are_kept_in_the_project(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = serve._cache("disk", None, model)
    assert cache is not None and cache.place.folder == model.parents[2]
    read = bundle.read(model)
    first = Predictor(read, cache=cache).predict(["message about a thing"])
    again = Predictor(read, cache=cache)
    assert again.predict(["message about a thing"]) == first == Predictor(read).predict(["message about a thing"])
    assert again.cached is not None and again.cached.hits == 1
    cache.close()
    # A copy outside, with another secret, does not see them.
    shutil.copytree(model, tmp_path / "model")
    monkeypatch.setenv("CACHE_SECRET", "a secret of some length")
    other = serve._cache(f"disk:{model.parents[2] / 'cache.db'}", "env:CACHE_SECRET", tmp_path / "model")
    assert other is not None
    stranger = Predictor(bundle.read(tmp_path / "model"), cache=other)
    assert stranger.predict(["message about a thing"]) == first
    assert stranger.cached is not None and stranger.cached.hits == 0
    other.close()
