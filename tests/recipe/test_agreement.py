"""An `agreement:` in a recipe: read from the recipe, a file of the same keys, or a data contract; errors by line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tilth.core.agreement import Agreement, Column, Count, Fresh
from tilth.recipe.agreement import parse
from tilth.recipe.source import parse as read_text

HEAD = "acquire:\n- files: {path: a.csv}\n  agreement:"
INDENT = "\n    "


def given(text: str, folder: Path = Path()) -> tuple[Agreement | None, list[str]]:
    source = read_text(HEAD + text.replace("\n", INDENT))
    value: Any = source.values["acquire"][0]["agreement"]
    place = ("acquire", 0, "agreement")
    found, errors = parse(value, at=source.at, place=place, label="acquire[0] agreement", folder=folder)
    assert (found is None) == bool(errors)
    return found, [str(error) for error in errors]


def right(text: str, folder: Path = Path()) -> Agreement:
    found, errors = given(text, folder)
    assert found is not None, errors
    return found


FULL = """
columns:
  id: {type: int, unique: true, required: true}
  amount: {type: float, min: 0, max: 1e6}
  lang: {in: [en, zh]}
  email: {matches: '.+@.+', 'null': 0.05}
  note:
  title: text
extra_columns: forbid
rows: {min: 100}
fresh: {column: note, within: 7 days}
licences: [cc-by-4.0, own]
on_break: stop
tolerance: 0.05"""


def test_rules_are_read_as_they_stand() -> None:
    assert right(FULL) == Agreement(
        columns={
            "id": Column(type="int", unique=True, required=True),
            "amount": Column(type="float", min=0, max=1_000_000.0),
            "lang": Column(allowed=("en", "zh")),
            "email": Column(matches=".+@.+", null=0.05),
            "note": Column(),
            "title": Column(type="text"),
        },
        extra_columns="forbid",
        rows=Count(min=100),
        fresh=Fresh(column="note", within="7 days"),
        licences=("cc-by-4.0", "own"),
        on_break="stop",
        tolerance=0.05,
    )


def test_what_was_read_is_written_back_the_same() -> None:
    import yaml

    agreed = right(FULL)
    text = yaml.safe_dump(agreed.to_json())
    assert right("\n" + text) == agreed


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (" 5", "3  acquire[0] agreement: not a mapping."),
        (" {colums: {}}", '3  acquire[0] agreement: no option "colums". Wanted: one of '),
        (
            "\ncolumns:\n  id: {typ: int}",
            '5  acquire[0] agreement.columns.id: no option "typ". Wanted: one of in, matches, max, max_length, min, '
            'min_length, null, required, type, unique. Did you mean "type"?',
        ),
        ("\ncolumns: {id: {type: integer}}", "Wanted: one of text, int, float, bool, timestamp, date"),
        ("\ncolumns: {id: integr}", 'option "type" is "integr"'),
        ("\ncolumns: {id: 5}", "agreement.columns.id: not a mapping"),
        ("\ncolumns: [id]", "columns is not a mapping"),
        (
            "\ncolumns:\n  id:\n    min: 5\n    max: 1",
            "6  acquire[0] agreement.columns.id: min is 5. Wanted: at most max",
        ),
        ("\ncolumns:\n  id:\n    required: yes", '6  acquire[0] agreement.columns.id: option "required" is "yes"'),
        ("\ncolumns:\n  id:\n    in: []", "6  acquire[0] agreement.columns.id: in is an empty list"),
        ("\ncolumns: {id: {allowed: [1]}}", 'no option "allowed"'),
        ("\nrows: 5", "agreement.rows: not a mapping"),
        ("\nrows: {min: 5, max: 1}", "agreement.rows: 5 to 1 rows"),
        ("\nfresh: {column: at}", 'agreement.fresh: option "within" is missing'),
        ("\nfresh:\n  column: at\n  within: soon", '6  acquire[0] agreement.fresh: "soon" is no time'),
        ("\non_break: explode", "Wanted: one of quarantine, stop"),
        ("\ntolerance: 2", "4  acquire[0] agreement: tolerance is 2"),
        ("\nnotes: [a]", 'no option "notes"'),
        ("\nobject: a", "object without contract"),
        (" no-such-file.yaml", "no recipe"),
        ("\ncontract: [a]", 'option "contract" is ["a"]. Wanted: a text'),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, said: str) -> None:
    found, errors = given(text)
    assert found is None and said in errors[0] and errors[0].startswith("recipe.yaml:")


def test_all_that_is_wrong_is_said_at_once() -> None:
    _, errors = given("\ncolumns: {a: {typ: 1}, b: {min: x}, c: {null: 5}}\nrows: {mn: 1}")
    assert len(errors) == 4


def test_a_file_of_the_same_keys_may_stand_beside_the_recipe_and_be_changed_in_it(tmp_path: Path) -> None:
    (tmp_path / "orders.yaml").write_text("columns: {id: int, n: {max: 5}}\ntolerance: 0.2\nrows: {min: 1}\n")
    assert right(" orders.yaml", tmp_path).tolerance == 0.2
    changed = right("\ncontract: orders.yaml\ncolumns: {n: {max: 9}}\ntolerance: 0.1", tmp_path)
    assert changed.columns == {"id": Column(type="int"), "n": Column(max=9)}
    assert (changed.tolerance, changed.rows) == (0.1, Count(min=1))


def test_what_is_wrong_in_a_file_is_said_with_the_files_line(tmp_path: Path) -> None:
    (tmp_path / "orders.yaml").write_text("columns:\n  id:\n    typ: int\n")
    _, errors = given(" orders.yaml", tmp_path)
    assert errors[0].startswith(f'{tmp_path / "orders.yaml"}:3  acquire[0] agreement.columns.id: no option "typ"')


CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: orders-contract
version: 1.2.0
status: active
schema:
  - name: orders
    logicalType: object
    properties:
      - name: order_id
        logicalType: integer
        primaryKey: true
        logicalTypeOptions: {exclusiveMinimum: 0}
      - name: Amount
        physicalName: amount
        logicalType: number
        required: true
        logicalTypeOptions: {minimum: 0, maximum: 10000, multipleOf: 0.01}
      - name: country
        logicalType: string
        logicalTypeOptions: {minLength: 2, maxLength: 2, pattern: '[A-Z]{2}'}
        quality:
          - {metric: invalidValues, arguments: {validValues: [DE, FR]}, mustBe: 0}
          - {metric: nullValues, mustBeLessThan: 5, unit: percent}
      - name: email
        logicalType: string
        quality:
          - {rule: duplicateCount, mustBeLessThan: 1}
          - {type: sql, name: email_domain, query: 'SELECT 1', mustBe: 0}
      - name: at
        logicalType: timestamp
      - name: tags
        logicalType: array
    quality:
      - {metric: rowCount, mustBeBetween: [10, 1000]}
      - {type: text, description: Looks fine}
  - name: customers
    properties: []
slaProperties:
  - {property: latency, value: 2, unit: d, element: orders.at}
  - {property: retention, value: 3, unit: y, element: orders.at}
"""


def test_a_data_contract_is_translated_and_what_is_not_checked_is_named(tmp_path: Path) -> None:
    (tmp_path / "orders.odcs.yaml").write_text(CONTRACT)
    agreed = right("\ncontract: orders.odcs.yaml\nobject: orders\non_break: stop", tmp_path)
    assert agreed == Agreement(
        columns={
            "order_id": Column(type="int", required=True, unique=True, min=1),
            "amount": Column(type="float", required=True, min=0, max=10000),
            "country": Column(
                type="text", min_length=2, max_length=2, matches="[A-Z]{2}", allowed=("DE", "FR"), null=0.05
            ),
            "email": Column(type="text", unique=True),
            "at": Column(type="timestamp"),
            "tags": Column(type="list"),
        },
        rows=Count(min=10, max=1000),
        fresh=Fresh(column="at", within="2 days"),
        on_break="stop",
        notes=(
            "amount: multipleOf is not checked",
            "email: quality email_domain is not checked",
            "orders: quality text is not checked",
            "slaProperties retention is not checked",
        ),
    )


def test_a_contracts_rules_are_written_back_as_a_recipes(tmp_path: Path) -> None:
    import dataclasses

    import yaml

    (tmp_path / "orders.odcs.yaml").write_text(CONTRACT)
    agreed = right("\ncontract: orders.odcs.yaml\nobject: orders", tmp_path)
    assert right("\n" + yaml.safe_dump(agreed.to_json())) == dataclasses.replace(agreed, notes=())


@pytest.mark.parametrize(
    ("change", "option", "said"),
    [
        (("", ""), "", "the contract describes 2 objects"),
        (("", ""), "object: ordrs", 'no object "ordrs". Wanted: one of orders, customers. Did you mean "orders"?'),
        (("v3.1.0", "v2.2.2"), "object: orders", "a data contract of version v2.2.2"),
        (
            ("minimum: 0", "minimum: high"),
            "object: orders",
            "odcs.yaml:14  acquire[0] agreement.columns.amount: min is high",
        ),
        (
            ("'[A-Z]{2}'", "'['"),
            "object: orders",
            "odcs.yaml:19  acquire[0] agreement.columns.country: matches is no pattern",
        ),
    ],
)
def test_a_contract_that_cannot_be_used_says_why(
    tmp_path: Path, change: tuple[str, str], option: str, said: str
) -> None:
    (tmp_path / "odcs.yaml").write_text(CONTRACT.replace(*change) if change[0] else CONTRACT)
    _, errors = given(f"\ncontract: odcs.yaml\n{option}", tmp_path)
    assert said in errors[0]


def test_an_object_of_a_file_that_is_no_contract_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plain.yaml").write_text("columns: {id: int}\n")
    _, errors = given("\ncontract: plain.yaml\nobject: orders", tmp_path)
    assert "no data contract" in errors[0]
