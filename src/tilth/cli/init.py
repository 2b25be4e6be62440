"""`tilth init`: look at data and write a commented recipe."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tilth.core.errors import DataError

if TYPE_CHECKING:
    from tilth.connectors._files.look import Glance

STARTER = """\
# Tilth recipe. Point `path` at your data, then: tilth check {file} && tilth run {file}
name: {name}
acquire:
  - files: {{path: data/*.csv, licence: own}}     # CSV, TSV, JSON, JSONL, Parquet, Arrow, text, CoNLL or Excel
split: {{test: 0.2, valid: 0.1}}
refine:
  - fix_text
  - near_duplicates
train:
  task: text_classification     # or token_classification
  text: text
  label: label
"""


def init(
    data: Annotated[str | None, typer.Argument(help="A file, a folder or a pattern; none writes a starter.")] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write the recipe.")] = Path("recipe.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Replace a recipe that is there.")] = False,
) -> None:
    """Look at the data, guess the task and its columns, and write a commented recipe."""
    if out.exists() and not force:
        raise DataError(f"{out} is there already", do="Choose another with --out, or replace it with --force.")
    if data is None:
        out.write_text(STARTER.format(file=out, name=_name(str(Path.cwd().name))), encoding="utf-8")
        print(f"Wrote {out}: a starter. Point it at your data.")
        return
    from tilth.connectors._files.look import look

    glance = look(data if Path(data).is_absolute() else str(Path.cwd() / data))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(recipe_of(glance, data, out), encoding="utf-8")
    print(f"Looked at {glance.rows:,} rows of {len(glance.files)} file{'s' if len(glance.files) != 1 else ''}.")
    for column in glance.columns:
        print(f"  {column.name:<22} {column.type:<16} {column.distinct:>6} different, {column.null_share:.0%} empty")
    print(f"Wrote {out}. Read it, then: tilth run {out}")


def recipe_of(glance: Glance, data: str, out: Path) -> str:
    """Return the text of a recipe for what a look found, with the reasons as comments."""
    guesses = glance.guesses
    path = data if Path(data).is_absolute() else os.path.relpath(Path.cwd() / data, out.resolve().parent)
    source: dict[str, Any] = {"path": path}
    if guesses.key:
        source["key"] = guesses.key.value
    source |= dict(glance.options)
    source["licence"] = "own"
    lines = [
        f"# Written by `tilth init {data}` after a look at {glance.rows:,} rows.",
        "# Every guess says why: change what is wrong.",
        f"name: {_name(Path(data).stem)}",
        "# use: commercial            # with it, rows whose licence forbids that use stop the run",
        "",
        "acquire:",
        f"  - files: {_flow(source)}     # own: say so only if the rows are yours",
    ]
    lines += [f"    # {note}" for note in glance.notes]
    if guesses.key:
        lines.append(f"    # key: {guesses.key.reason}")
    if glance.rejects:
        lines.append(f"    # {glance.rejects} records cannot be read, for instance {_first(glance.reasons)}")
        lines.append(
            "bad_rows: 0.05               # the share of unreadable records to put up with; the default is 0.01"
        )
    split: dict[str, Any] = {"test": 0.2, "valid": 0.1}
    if guesses.group:
        split["group"] = guesses.group.value
    lines += ["", f"split: {_flow(split)}"]
    if guesses.group:
        lines.append(f"  # group: {guesses.group.reason}")
    if guesses.time:
        lines.append(f"  # by: time, time: {guesses.time.value}   # to test on the newest rows; {guesses.time.reason}")
    lines += ["", "refine:                      # each step's options and defaults: tilth check --filled"]
    task = guesses.task.value if guesses.task else None
    lines += _refine(glance, task)
    lines += ["", *_train(glance, task)]
    return "\n".join(lines) + "\n"


def _refine(glance: Glance, task: str | None) -> list[str]:
    guesses = glance.guesses
    if task == "token_classification" or not guesses.text:
        return ["  - exact_duplicates"]
    text = str(guesses.text.value)
    column = "" if text == "text" else f": {{column: {text}}}"
    lines = [
        f"  - fix_text{column}",
        f"  - normalise_space{column}",
        f"  - empty: {{columns: [{_word(text)}]}}",
        f"  - near_duplicates{column}",
    ]
    if guesses.label and guesses.task and guesses.task.value == "text_classification" and guesses.kind == "single":
        lines.append(f"  # - rare_labels: {{column: {_word(str(guesses.label.value))}, min: 2}}")
    lines.append(f"  # - personal_data{column}           # masks e-mail addresses, phones, cards, IBANs")
    lines.append("  # - language: {keep: [en]}")
    return lines


def _train(glance: Glance, task: str | None) -> list[str]:
    guesses = glance.guesses
    if task is None:
        return ["# No column looks like a label, so there is nothing to train yet. When there is one:",
                "# train:", "#   task: text_classification", "#   text: text", "#   label: label"]  # fmt: skip
    assert guesses.task is not None
    lines = ["train:", f"  task: {task}     # {guesses.task.reason}"]
    names = ("tokens", "tags") if task == "token_classification" else ("text", "label")
    found = (guesses.text, guesses.label)
    for option, guess in zip(names, found, strict=True):
        if guess:
            lines.append(f"  {option}: {_word(str(guess.value))}     # {guess.reason}")
    if guesses.kind == "multi":
        lines.append("  multi_label: true")
    lines += [
        "  backbone: all-MiniLM-L6-v2     # 22M parameters, English; any encoder's folder or hub name",
        "",
        "evaluate:",
        f"  slices: [{', '.join(_word(name) for name in _slices(glance))}]     # columns to look at apart",
        "",
        "serve: {port: 8000}",
    ]
    return lines


def _slices(glance: Glance) -> list[str]:
    guesses = glance.guesses
    taken = {guess.value for guess in (guesses.text, guesses.label, guesses.key, guesses.group, guesses.time) if guess}
    return [one.name for one in glance.columns if one.name not in taken and 2 <= one.distinct <= 12][:3]


def _flow(values: dict[str, Any]) -> str:
    return "{" + ", ".join(f"{name}: {_value(value)}" for name, value in values.items()) + "}"


def _value(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(inner) for inner in value) + "]"
    return _word(value) if isinstance(value, str) else json.dumps(value)


def _word(text: str) -> str:
    """Quote what YAML would read as something else."""
    plain = re.fullmatch(r"[A-Za-z_./][\w./ *-]*", text) and text.lower() not in ("true", "false", "null", "~")
    return text if plain and text.strip() == text else json.dumps(text, ensure_ascii=False)


def _first(reasons: tuple[str, ...]) -> str:
    return reasons[0].replace("\n", " ") if reasons else "none"


def _name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-") or "my-data"
