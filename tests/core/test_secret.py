"""A secret is revealed where it is used, and found in nothing that is said afterwards."""

from __future__ import annotations

import pickle

import pytest

from tilth.core.errors import DataError, RecipeError
from tilth.core.secret import hide, learn, reveal, shown_url


def test_a_reference_resolves_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILTH_TEST", "s3cret")
    assert reveal("env:TILTH_TEST", where="serve") == "s3cret"
    assert reveal("plain", where="serve") == "plain"


@pytest.mark.parametrize("value", [None, ""])
def test_a_variable_that_is_not_set_is_said_with_the_command(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TILTH_TEST", raising=False)
    if value is not None:
        monkeypatch.setenv("TILTH_TEST", value)
    with pytest.raises(RecipeError) as caught:
        reveal("env:TILTH_TEST", where="recipe.yaml:9  serve")
    assert str(caught.value) == (
        "recipe.yaml:9  serve: the environment variable TILTH_TEST is not set. Run: export TILTH_TEST=…"
    )


def test_a_revealed_secret_is_hidden_from_errors_also_after_a_trip_between_processes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TILTH_TEST", "hunter2/x y")
    reveal("env:TILTH_TEST", where="acquire")
    error = DataError("no login with hunter2/x y", where="mysql://ann:hunter2%2Fx%20y@db", do="not hunter2%2Fx+y")
    told = "mysql://ann:***@db: no login with ***. not ***"
    assert str(error) == told
    assert str(pickle.loads(pickle.dumps(error))) == told
    assert "hunter2" not in repr(error)


def test_a_urls_password_is_the_secret_and_its_host_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILTH_TEST", "mysql://ann:p%40ss-word@db.example:3306/crm?sslkey=abcd1234&charset=utf8")
    reveal("env:TILTH_TEST", where="acquire")
    assert hide("db.example ann p@ss-word p%40ss-word abcd1234 utf8") == "db.example ann *** *** *** utf8"


def test_a_token_in_place_of_a_user_is_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILTH_TEST", "https://tok-12345@host/x")
    reveal("env:TILTH_TEST", where="acquire")
    assert hide("tok-12345") == "***"


def test_the_longer_of_two_secrets_goes_first_and_short_ones_stay() -> None:
    learn("abcdef", "abcd", "x", None)
    assert hide("abcdef x") == "*** x"


def test_a_url_is_shown_without_user_and_query() -> None:
    assert shown_url("https://a:b@host:1/p?token=x") == "https://host:1/p"
