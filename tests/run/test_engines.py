"""The same recipe gives the same rows, values and fates on every engine."""

from __future__ import annotations

import json
import random
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.servers import hdfs, spark

from tilth import api
from tilth.engines.spark import Spark
from tilth.tables.project import Project
from tilth.testing import storm

pytestmark = pytest.mark.slow

CODE = '''
from dataclasses import dataclass
from tilth.core.operator import verdicts

@dataclass(frozen=True, kw_only=True)
class Loud:
    """Drop what shouts."""

    def judge(self, batch):
        return verdicts([text is not None and text.isupper() for text in batch.column("text").to_pylist()], "loud")
'''
RECIPES = {
    "duplicates": """
refine:
  - fix_text
  - length: {min: 4}
  - exact_duplicates
  - repeated_text: {min_words: 12}
  - near_duplicates
  - repeated_lines: {min_documents: 2}
  - match_records: {columns: [text, kind], threshold: 0.95}
split: {test: 0.2, valid: 0.1, duplicates: near}
""",
    "fitted": """
refine:
  - loud
  - parse_number: {column: price, unparsed: "null"}
  - impute: {columns: [price]}
  - outliers: {columns: [price]}
  - standardise: {columns: [price]}
  - sample: {share: 0.8}
  - cap: {by: kind, at_most: 100}
split: {group: kind, test: 0.3, valid: 0.0}
""",
    "measured": """
refine:
  - normalise_space
  - language: {keep: [en, zh]}
  - gopher_quality: {min_words: 3}
  - personal_data
  - decontaminate: {against: quiz.jsonl, least: 3}
""",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    draw = random.Random(5)
    words = "the and of to with rain wind snow order broken phone late refund card help login page error".split()
    words += ["天气", "很好", "订单"]
    rows = []
    for number in range(1200):
        text = "".join(draw.choice(words) + draw.choice("    \n") for _ in range(draw.randint(1, 60))).strip()
        if draw.random() < 0.2 and rows:
            text = f"{draw.choice(rows)['text']} {draw.choice(['', 'again'])}".strip()
        text = text.upper() if draw.random() < 0.05 else text
        price = draw.choice(["", f"{draw.gauss(20, 4):.2f}", f"€ {draw.randint(1, 90)}", "1e6"])
        rows.append({"key": f"k{number}", "text": text, "price": price, "kind": draw.choice("abcde")})
    for part in range(3):
        lines = [json.dumps(row, ensure_ascii=False) for row in rows[part::3]]
        (folder / f"rows-{part}.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "quiz.jsonl").write_text(json.dumps({"text": max((row["text"] for row in rows), key=len)}) + "\n")
    (folder / "mine.py").write_text(CODE)
    salt = folder / ".tilth" / "salt"
    salt.parent.mkdir()
    salt.write_bytes(b"7" * 32)
    salt.chmod(0o600)
    (folder / ".tilth" / "format").write_text('{"format": 1}')
    return folder


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    master = spark.start().facts["url"]
    with Spark(master=master, settings={"spark.executor.memory": "512m"}) as engine:
        engine.begin()
        yield master


def tables(data: Path, folder: Path, refine: str, *, workers: int = 1, more: str = "") -> dict[str, list[str]]:
    """Run a recipe in a folder of its own; return the rows of all tables of the project."""
    shutil.copytree(data, folder)
    head = "name: t\ncode: mine.py\nacquire: [{files: {path: 'rows-*.jsonl', key: key, licence: own}}]\n"
    (folder / "recipe.yaml").write_text(head + more + refine)
    api.run(folder / "recipe.yaml", workers=workers)
    found: dict[str, list[str]] = {}
    for table in Project(str(folder)).tables():
        rows: list[Any] = [row for batch in table.scan().batches() for row in batch.to_pylist()]
        found[table.name] = sorted(json.dumps(row, sort_keys=True, default=str) for row in rows)
    return found


@pytest.mark.parametrize("name", list(RECIPES)[: storm(1, len(RECIPES))])
def test_rows_values_and_fates_are_the_same(
    data: Path, cluster: str, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = tables(data, tmp_path / "one", RECIPES[name])
    assert wanted["data/t"] and wanted["fates/t"]
    # All tables, and what exchanges give, on HDFS; executors read and write them there.
    server = hdfs.start()
    for variable, value in hdfs.environment(server).items():
        monkeypatch.setenv(variable, value)
    root = f"{server.facts['url']}/{uuid.uuid4().hex[:8]}"
    more = f"engine: {{kind: spark, scratch: {root}/scratch}}\nlake: {root}/lake\n"
    on_spark = tables(data, tmp_path / "spark", RECIPES[name], more=more)
    assert not list((tmp_path / "spark" / ".tilth").rglob("*.parquet"))
    assert on_spark.keys() == wanted.keys()
    for table, rows in wanted.items():
        assert on_spark[table] == rows, f"{table} differs on Spark"
    seven = tables(data, tmp_path / "seven", RECIPES[name], workers=2)
    assert seven == wanted


def test_a_second_run_on_another_engine_has_nothing_to_do(data: Path, cluster: str, tmp_path: Path) -> None:
    tables(data, tmp_path / "one", "split: {duplicates: none}\nrefine: [loud]\n", more="engine: spark\n")
    recipe = tmp_path / "one" / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("engine: spark\n", ""))
    ran = api.run(recipe)
    assert {line.status for line in ran.summary.stages} == {"skipped"}
