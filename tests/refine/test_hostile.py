"""Throw bytes at readers and texts at operators: no crash, no hang, every row ends kept, dropped or in rejects."""

from __future__ import annotations

import bz2
import contextlib
import dataclasses
import gzip
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tilth import api
from tilth.connectors._files.formats import FORMATS, by_ending
from tilth.connectors.files import Files
from tilth.core.batch import ID, Batch, with_column
from tilth.core.edit import Editor
from tilth.core.errors import DataError, RecipeError, TilthError
from tilth.core.fold import Fold
from tilth.core.operator import Decider, Filter, Mapper
from tilth.core.spec import spec_of
from tilth.refine.extract import Extract
from tilth.run.ledger import Ledger
from tilth.run.pipe import Link, flow
from tilth.testing import (
    decide,
    draw_rows,
    edits,
    example_batch,
    examples,
    hostile_text,
    mutated,
    small_files,
    storm,
    varied,
)
from tilth.testing.files import workbook

SEED = int(os.environ.get("TILTH_SEED", "0"))
CASES = 10
"""Cases a test; the full storm has 6,000 of files and 4,000 of texts."""
SECONDS = 30
"""The longest that one case may take, on a busy machine."""


@contextmanager
def soon(said: str) -> Iterator[None]:
    """Fail what hangs."""

    def ring(*_: object) -> None:
        raise TimeoutError(f"{said}: over {SECONDS} seconds")

    began, before = time.monotonic(), signal.signal(signal.SIGALRM, ring)
    # pytest-timeout uses the same timer: it gets back what was left of its time.
    left, _ = signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - began), 0.1) if left else 0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    """Let kernels compile and models load before the clock runs."""
    for operator in examples():
        with contextlib.suppress(DataError):
            weathered(operator, example_batch())


# Files.

SEEDS = small_files()
PACKS: list[Callable[[bytes], bytes]] = [
    *([lambda raw: raw] * 6),
    gzip.compress,
    bz2.compress,
    lambda raw: bytes(pa.compress(raw, codec="zstd", asbytes=True)),
]
OPTIONS: list[dict[str, Any]] = [{}, {}, {"max_record_bytes": 64}, {"header": False}, {"encoding": "utf-8"}]


def fuzzed(chance: random.Random) -> tuple[str, bytes]:
    """Return the name of a file and bytes that may or may not be of its format."""
    name = chance.choice(list(SEEDS))
    raw = mutated(SEEDS[name], chance)
    if chance.random() < 0.1:
        raw = raw.decode("utf-8", "replace").encode(chance.choice(("gb18030", "utf-16", "cp1252")), "replace")
    packed = chance.choice(PACKS)(raw)
    return name, (mutated(packed, chance) if chance.random() < 0.15 else packed) or b"x"


def test_every_format_is_fuzzed() -> None:
    assert {by_ending(name) for name in SEEDS} - {None} == set(FORMATS)


@pytest.mark.storm
@pytest.mark.parametrize("seed", range(SEED, SEED + storm(20, 600)))
def test_every_record_of_a_fuzzed_file_is_a_row_or_a_reject(tmp_path: Path, seed: int) -> None:
    operators = [one for one in examples() if isinstance(one, (Mapper, Filter))]
    for case in range(CASES):
        chance = random.Random(f"{seed}.{case}")
        name, raw = fuzzed(chance)
        (tmp_path / name).write_bytes(raw)
        with soon(f"{name} of seed {seed}.{case}"):
            try:
                carried(Files(path=str(tmp_path / name), **chance.choice(OPTIONS)), operators, chance)
            except DataError as error:
                assert error.what and error.where, f"seed {seed}.{case}: {error!r}"
            except Exception as error:
                raise AssertionError(f"{name} of seed {seed}.{case}: {error!r}") from error


def carried(files: Files, operators: list[Any], chance: random.Random) -> None:
    """Read a source and carry its rows through some operators."""
    shards, _ = files.plan(None)
    seen: set[tuple[str, int]] = set()
    for shard in shards:
        for record in files.read(shard):
            record.batch.validate(full=True)
            places = [(file, int(number)) for file, _, number in (name.rpartition(":") for name in record.names)]
            places += [(reject.path, reject.ordinal) for reject in record.rejects]
            assert len(set(places)) == len(places) and not seen & set(places), "a record is both, or twice"
            assert all(reject.reason for reject in record.rejects), "a reject without a reason"
            seen |= set(places)
            ids = pa.array(record.names, pa.string())
            texts = [field.name for field in record.batch.schema if pa.types.is_string(field.type)]
            if record.batch.num_rows and "content" in record.batch.schema.names:
                accounted(record.batch.append_column(ID, ids), [Extract(seconds=5)])
            if record.batch.num_rows and texts:
                rows = record.batch.append_column(ID, ids)
                accounted(rows, [on(chance.choice(operators), chance.choice(texts)) for _ in range(3)])


def on(operator: Any, column: str) -> Any:
    """Return the operator, looking at another column."""
    names = {field.name for field in dataclasses.fields(operator)}
    other = {"column": column} if "column" in names else {"columns": (column,)} if "columns" in names else {}
    return dataclasses.replace(operator, **other)


def accounted(rows: Batch, operators: list[Any]) -> None:
    """Check that each row is kept, dropped or failed once, for a reason that is no accident."""
    ledger = Ledger()
    links = [Link(place=f"refine[{at}] {type(one).__name__}", operator=one) for at, one in enumerate(operators)]
    try:
        kept = flow(rows, links, ledger).column(ID).to_pylist()
    except DataError as error:
        # Columns of this file may be of other types than an operator wants.
        assert error.where, repr(error)
        return
    fates = [fate for part in ledger.batches() for fate in part.to_pylist() if fate["fate"] != "changed"]
    raised = [fate for fate in fates if re.fullmatch(r"\w*(Error|Exception|Warning|Invalid)", fate["reason"] or "")]
    assert not raised, f"an operator raises: {raised[0]} {operators}"
    assert sorted([*kept, *(fate[ID] for fate in fates)]) == sorted(rows.column(ID).to_pylist()), "a row is lost"


# Texts.


@pytest.mark.storm
@pytest.mark.parametrize("seed", range(SEED, SEED + storm(15, 400)))
def test_every_row_of_hostile_text_is_kept_dropped_or_failed(seed: int) -> None:
    known = examples()
    for case in range(CASES):
        chance = random.Random(f"{seed}.{case}")
        operator = varied(chance.choice(known), chance)
        longest = chance.choice((50, 500, 5000, 5000, 100_000))
        with soon(f"{operator} of seed {seed}.{case}"):
            try:
                weathered(operator, hostile_rows(chance, longest))
            except Exception as error:
                raise AssertionError(f"{operator} of seed {seed}.{case}: {error!r}"[:2000]) from error


def hostile_rows(chance: random.Random, longest: int) -> Batch:
    """Return rows whose text columns all hold hostile text."""
    rows = draw_rows(chance, chance.choice((1, 4, 9)))
    for field in rows.schema:
        if field.name != ID and pa.types.is_string(field.type):
            texts = [None if chance.random() < 0.05 else hostile_text(chance, longest) for _ in range(rows.num_rows)]
            rows = with_column(rows, field.name, texts, pa.string())
    return rows


def weathered(operator: Any, rows: Batch) -> None:
    """Run an operator of any kind."""
    if isinstance(operator, Decider):
        try:
            decisions = decide(operator, rows.slice(0, 3), rows.slice(3))
        except DataError as error:
            assert error.what, repr(error)
            return
        assert set(decisions) <= set(rows.column(ID).to_pylist())
        assert all(one["keep"] or decisions[one["other_id"]]["keep"] for one in decisions.values())
        return
    if isinstance(operator, Editor):
        texts = dict(zip(rows.column(ID).to_pylist(), rows.column(operator.column).to_pylist(), strict=True))
        for row, cuts in edits(operator, rows.slice(0, 3), rows.slice(3)).items():
            assert all(0 <= one["start"] < one["end"] <= len(texts[row]) for one in cuts)
        return
    if isinstance(operator, Fold):
        try:
            operator = operator.finish(operator.observe(rows))
        except DataError as error:
            assert error.what, repr(error)
            return
    accounted(rows, [operator])


# Whole runs.


@pytest.mark.slow
@pytest.mark.storm
@pytest.mark.parametrize("seed", range(SEED, SEED + storm(3, 100)))
def test_a_run_over_fuzzed_files_accounts_for_every_record(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    (tmp_path / "in").mkdir()
    good = [{"text": f"an ordinary text, number {at}", "label": "ab"[at % 2]} for at in range(30)]
    (tmp_path / "in" / "good.jsonl").write_text("".join(json.dumps(row) + "\n" for row in good))
    for number in range(3):
        raw = mutated(SEEDS["a.jsonl"] + json.dumps({"text": hostile_text(chance)}).encode(), chance)
        (tmp_path / "in" / f"{number}.jsonl").write_bytes(raw or b"x")
    operators = [one for one in examples() if getattr(one, "column", "") == "text"]
    steps = [{spec["part"]: spec["options"]} for spec in map(spec_of, chance.sample(operators, 3))]
    said = {
        "name": "t",
        "bad_rows": 1.0,
        "tolerance": 1.0,
        "acquire": [{"files": {"path": "in/*.jsonl", "licence": "own"}}],
    }
    (tmp_path / "recipe.yaml").write_text(json.dumps({**said, "refine": sorted(steps, key=repr)}))
    try:
        accounts = api.run(tmp_path / "recipe.yaml", workers=1).summary.accounts
    except TilthError as error:
        assert isinstance(error, (DataError, RecipeError)), f"seed {seed}: {error!r}"
        return
    assert accounts["rows_in"] >= len(good), f"seed {seed}"
    assert accounts["rows_in"] == accounts["kept"] + accounts["dropped"] + accounts["failed"], f"seed {seed}"


# Great ones.

MEGABYTES = 32 * min(storm(1, 32), 32)
"""32 in a sample, 1 GB in the full storm."""
# Not ru_maxrss: a process that was just started inherits its parent's there.
MEASURED = """
import re, sys
from pathlib import Path
from tilth import api
accounts = api.run(sys.argv[1], workers=1).summary.accounts
peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) >> 10
print(accounts["rows_in"], accounts["kept"], accounts["failed"], peak)
"""


@pytest.mark.slow
@pytest.mark.storm
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.csv.gz", "a.txt.gz"])
def test_one_line_of_a_gigabyte_is_a_reject_in_bounded_memory(tmp_path: Path, name: str) -> None:
    with gzip.open(tmp_path / name, "wb", compresslevel=1) as out:
        quoted = name == "a.jsonl.gz"
        row = '{"text": "an ordinary text %d"}\n' if quoted else "an ordinary text %d\n"
        out.write(b"text\n" if name == "a.csv.gz" else b"")
        for at in range(100):
            out.write((row % at).encode())
        out.write(b'{"text": "' if quoted else b"")
        for _ in range(MEGABYTES):
            out.write(b"y" * (1 << 20))
        out.write(b'"}\n' if quoted else b"\n")
        for at in range(100, 200):
            out.write((row % at).encode())
    refine = "[fix_text, normalise_space, {length: {min: 1}}]"
    source = f"acquire: [{{files: {{path: {name}, licence: own}}}}]"
    (tmp_path / "recipe.yaml").write_text(f"name: t\n{source}\nrefine: {refine}\n")
    command = [sys.executable, "-c", MEASURED, str(tmp_path / "recipe.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1500)
    assert done.returncode == 0, done.stderr[-2000:]
    *counts, peak = map(int, done.stdout.split())
    assert counts == [201, 200, 1]
    assert peak < 1024, f"{peak} MB"


BOMB = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
from tilth.connectors.files import Files
from tilth.core.errors import DataError
try:
    files = Files(path=sys.argv[1])
    shards, _ = files.plan(None)
    rows = sum(record.batch.num_rows + len(record.rejects) for shard in shards for record in files.read(shard))
    print("read", rows)
except DataError as error:
    print("refused", error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10, file=sys.stderr)
"""


LONG = b'<row r="2"><c r="A2" t="str"><v>%s</v></c></row>'
FAR = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'


@pytest.mark.slow
@pytest.mark.storm
@pytest.mark.parametrize(
    ("rows", "declared"),
    [
        pytest.param(LONG % (b"0" * 1000), 2 << 30, id="says its size"),
        pytest.param(LONG % (b"0" * (100 << 20)), 1000, id="lies about its size"),
        pytest.param(FAR, None, id="far cell"),
        pytest.param(FAR.replace(b'"', b"'").replace(b" r", b"\n r"), None, id="far cell in other clothes"),
    ],
)
def test_a_workbook_that_is_a_bomb_is_refused(tmp_path: Path, rows: bytes, declared: int | None) -> None:
    """A few kilobytes that unpack to gigabytes: text that the archive owns up to or denies, or cells far away."""
    path = tmp_path / "a.xlsx"
    path.write_bytes(declaring(workbook(rows), declared))
    done = subprocess.run([sys.executable, "-c", BOMB, path], capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stderr[-500:]
    assert done.stdout.startswith("refused"), done.stdout


def declaring(archive: bytes, size: int | None) -> bytes:
    """Write another size of the last file, the sheet, into an archive's list of files."""
    raw = bytearray(archive)
    if size is not None:
        at = raw.rfind(b"PK\x01\x02")
        raw[at + 24 : at + 28] = size.to_bytes(4, "little")
    return bytes(raw)
