"""Literal secrets are found wherever they stand, references and plain words are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tilth.core import registry
from tilth.core.errors import RecipeError
from tilth.recipe.check import check
from tilth.recipe.secrets import SECRET_NAMES, literals, named, redacted, refuse_literals
from tilth.recipe.sections import SECTIONS
from tilth.recipe.source import parse


def refused(values: Any) -> list[tuple[str | int, ...]]:
    places: list[tuple[str | int, ...]] = []

    def wrong(what: str, place: tuple[str | int, ...], **more: str) -> None:
        assert "s3cret" not in f"{what} {more}"
        places.append(place)

    refuse_literals(values, wrong)
    return places


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "PASSWORD",
        "db_password",
        "passwd",
        "pwd",
        "passphrase",
        "secret",
        "client_secret",
        "token",
        "hf_token",
        "api_key",
        "apikey",
        "api-key",
        "access_key",
        "aws_secret_access_key",
        "secret_key",
        "private_key",
        "account_key",
        "keys",
        "credentials",
    ],
)
def test_a_text_under_a_secrets_name_is_refused(name: str) -> None:
    assert refused({"a": [{name: "s3cret"}]}) == [("a", 0, name)]
    assert refused({name: ["env:A", "s3cret"]}) == [(name, 1)]
    assert refused({name: {"value": "s3cret"}}) == [(name, "value")]
    assert refused({name: 12345678}) == [(name,)]
    assert refused({name: "env:S3CRET"}) == []
    assert refused({name: ["env:S3CRET", "env:OTHER"]}) == []
    assert refused({name: None}) == []


@pytest.mark.parametrize(
    "name", ["key", "tokens", "token_columns", "max_tokens", "keyword", "secretary", "tokenizer", "passing"]
)
def test_names_that_only_look_alike_are_left_alone(name: str) -> None:
    assert refused({name: "ticket_id"}) == []


def test_no_option_of_tilth_is_mistaken_for_a_secret() -> None:
    parts = [
        registry.find(room, name)
        for room in ("tilth.refine", "tilth.connectors", "tilth.train.learners")
        for name in registry.names(room)
    ]
    named = {option.name for part in [*parts, *SECTIONS.values()] for option in registry.options(part)}
    assert {name for name in named if SECRET_NAMES.search(name)} == {"keys", "cache_secret", "token"}


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://me:s3cret@host/db",
        "postgresql://me:s3/cret@host/db",
        "postgresql://me:s3@cret@host/db",
        "https://:s3cret@host",
        "https://host/data?token=s3cret",
        "https://host/data?a=1&api_key=s3cret",
        "jdbc:sqlserver://host;database=x;password=s3cret",
        "AKIA" + "A" * 16,
        "ASIA" + "B" * 16,
        "ghp_" + "a" * 36,
        "github_pat_" + "a" * 40,
        "glpat-" + "a" * 20,
        "hf_" + "a" * 34,
        "sk-" + "a" * 24,
        "sk-ant-api03-" + "a" * 24,
        "xoxb-" + "1" * 12,
        "AIza" + "a" * 35,
        "-----BEGIN OPENSSH PRIVATE KEY-----\nabc",
        "Bearer hf_" + "a" * 34,
        "https://ghp_" + "a" * 36 + "@github.com/a/b",
    ],
)
def test_a_text_that_looks_like_a_secret_is_refused_under_any_name(text: str) -> None:
    assert refused({"path": text}) == [("path",)]
    assert refused({"refine": [{"x": {"list": ["a", text]}}]}) == [("refine", 0, "x", "list", 1)]


@pytest.mark.parametrize(
    "text",
    [
        "https://host:8080/path/@me",
        "https://host:8080",
        "s3://bucket/key",
        "https://me@host/path",
        "file:///a/b:c@d",
        "data/tickets.csv",
        "at 10:30 me@example.org",
        "env:TOKEN",
        "sk-learn",
        "hf_hub",
        "risk-management-for-beginners-and-others",
        "token=…",
        "https://host/data?page=token",
        "postgresql://host/db",
    ],
)
def test_plain_texts_are_left_alone(text: str) -> None:
    assert refused({"path": text, "list": [text]}) == []


@pytest.mark.parametrize(
    "reference", ["env:", "env:1A", "env:A B", "env:A\n", " env:A", "ENV:A", "env:A,env:B", "env:A-B"]
)
def test_what_is_no_reference_is_a_literal(reference: str) -> None:
    assert refused({"password": reference}) == [("password",)]


def test_messages_are_redacted_longest_first() -> None:
    assert redacted("no abcdef, no abcd, a cat", ["abcd", "abcdef", "a"]) == "no …, no …, a cat"


def test_places_under_a_secrets_name_are_known() -> None:
    assert named(("serve", "keys", 0))
    assert not named(("acquire", 0, "files", "key"))
    assert literals({"keys": "env:A"}) == []


def errors(text: str, *overrides: str) -> list[str]:
    return [str(error) for error in check(parse(text, overrides=overrides), folder=Path())[1]]


SOURCE = "acquire: [{files: {path: a.csv}}]\n"
SECRETS = ["hunter2-is-it", "sk-abcdefghijklmnopqrstuvwx"]


@pytest.mark.parametrize(
    "text",
    [
        "serve: {keys: hunter2-is-it}",
        "serve: {keys: [hunter2-is-it]}",
        "serve: {keys: {a: hunter2-is-it}}",
        "serve: {host: sk-abcdefghijklmnopqrstuvwx}",
        "serve: {port: sk-abcdefghijklmnopqrstuvwx}",
        "evaluate: {slices: [sk-abcdefghijklmnopqrstuvwx]}",
        "refine: [sk-abcdefghijklmnopqrstuvwx]",
        "refine: [{length: sk-abcdefghijklmnopqrstuvwx}]",
        "refine: [{length: {min: sk-abcdefghijklmnopqrstuvwx}}]",
        "refine: [{length: {password: hunter2-is-it}}]",
        "password: hunter2-is-it",
        "name: sk-abcdefghijklmnopqrstuvwx",
        "use: sk-abcdefghijklmnopqrstuvwx",
        "seed: sk-abcdefghijklmnopqrstuvwx",
        "train: {method: sk-abcdefghijklmnopqrstuvwx}",
        "train: {backbone: 'https://me:hunter2-is-it@host/x'}",
        "code: sk-abcdefghijklmnopqrstuvwx",
    ],
)
def test_a_literal_secret_is_refused_and_never_repeated(text: str) -> None:
    found = errors(SOURCE + text)
    assert any(
        "a secret stands in" in said and "Wanted: env:NAME, a reference to an environment variable" in said
        for said in found
    )
    assert all(said.startswith("recipe.yaml:2") for said in found)
    assert not [said for said in found if any(secret in said for secret in SECRETS)], found


@pytest.mark.parametrize(
    "override",
    [
        "serve.keys=hunter2-is-it",
        "serve.keys=[hunter2-is-it]",
        "serve.keys=[hunter2-is-it",
        "serve.host=sk-abcdefghijklmnopqrstuvwx",
        "serve.keys=!hunter2-is-it",
    ],
)
def test_a_secret_in_an_override_is_not_repeated(override: str) -> None:
    try:
        found = errors(SOURCE, override)
    except RecipeError as error:
        found = [str(error)]
    assert found
    assert not [said for said in found if any(secret in said for secret in SECRETS)], found
    assert all(said.startswith("override serve.") for said in found)


def test_a_reference_to_the_environment_is_taken() -> None:
    recipe, _ = check(parse(SOURCE + "serve: {keys: 'env:TILTH_KEYS'}"), folder=Path())
    assert recipe is not None
    assert recipe.serve.keys == "env:TILTH_KEYS"
