"""Nothing lost: whatever the rows and the recipe, every row that came in is kept, dropped or failed, once, by id."""

from __future__ import annotations

import json
import os
import random
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tilth.core import events
from tilth.core.batch import ID
from tilth.core.edit import Editor
from tilth.core.errors import DataError, RecipeError, TilthError
from tilth.core.fold import Fold
from tilth.core.operator import Decider
from tilth.core.spec import spec_of
from tilth.recipe import check as checking
from tilth.run import runner
from tilth.tables.project import Project
from tilth.testing import draw_rows, examples, storm, varied

SEED = int(os.environ.get("TILTH_SEED", "0"))
CASES = storm(8, 250)
ENDS = ("dropped", "failed", "expanded")


class Case(NamedTuple):
    """What one seed draws."""

    records: list[str]
    """Lines of JSONL; some are broken."""
    key: bool
    steps: list[dict[str, Any]]


def draw(chance: random.Random) -> Case:
    """Draw rows (nulls, duplicates, odd Unicode, keys that stand twice), broken records and a list of operators."""
    count = chance.choice((3, 12, 40, 90))
    lines = []
    for number, row in enumerate(draw_rows(chance, count).to_pylist()):
        del row[ID]
        key = number if chance.random() < 0.95 else chance.randrange(count)
        lines.append(json.dumps({"key": f"k{key}", **row}, ensure_ascii=chance.random() < 0.5))
    lines += chance.choices(lines, k=chance.randrange(4))
    for _ in range(chance.choice((0, 0, 1, 5))):
        lines.insert(chance.randrange(1, len(lines) + 1), chance.choice(BROKEN))
    known: dict[str, list[Any]] = {}
    for operator in examples():
        known.setdefault(type(operator).__name__, []).append(operator)
    kinds = [chance.choice(sorted(known)) for _ in range(chance.randrange(6))]
    chosen = [varied(chance.choice(known[kind]), chance) for kind in kinds]
    if any(isinstance(operator, (Decider, Editor)) for operator in chosen):
        # A recipe lets no decider stand after what is fitted.
        chosen.sort(key=lambda operator: isinstance(operator, Fold))
    return Case(lines, chance.random() < 0.6, [entry(operator) for operator in chosen])


BROKEN = ('{"key": "k1", "text": ', "[1, 2", '{"key": "x", "count": "many words"}', "\x00", '{"text": "\\ud800"}', "7")


def entry(operator: Any) -> dict[str, Any]:
    spec = spec_of(operator)
    return {spec["part"]: spec["options"]}


class Ledger(NamedTuple):
    """What a run left."""

    came: Counter[str]
    rows: list[str]
    kept: Counter[str]
    gone: Counter[str]
    fates: list[str]
    lost: list[dict[str, Any]]
    """Rows that go in favour of a row which goes at the same place, and rows from nowhere."""
    accounts: dict[str, int]

    def own(self, ids: Counter[str]) -> Counter[str]:
        """Leave out rows that an operator made."""
        return Counter({row: count for row, count in ids.items() if row in self.came})


class Home:
    """A project with a recipe, its rows cut into files."""

    def __init__(self, folder: Path, case: Case, files: int) -> None:
        (folder / "in").mkdir(parents=True)
        self.folder, self.case, self.files = folder, case, files
        self.heard: list[events.Event] = []
        size = -(-len(case.records) // files)
        for at in range(files):
            lines = case.records[at * size : (at + 1) * size]
            (folder / "in" / f"{at}.jsonl").write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        assert Project(str(folder)).salt
        (folder / ".tilth" / "salt").write_bytes(b"s" * 32)

    def run(self, steps: Sequence[dict[str, Any]], workers: int) -> Ledger:
        source = {"path": "in/*.jsonl", "name": "in", "licence": "own"} | ({"key": "key"} if self.case.key else {})
        recipe = {"name": "t", "bad_rows": 1.0, "tolerance": 1.0, "seed": 1, "split": {"test": 0.2, "valid": 0.2}}
        said = {**recipe, "acquire": [{"files": source}], "refine": list(steps)}
        path = self.folder / "recipe.yaml"
        path.write_text(json.dumps(said), encoding="utf-8")
        self.heard.clear()
        ran = runner.run(checking.load(path), workers=workers, listen=self.heard.append)
        return self.ledger(ran.summary.accounts)

    def ledger(self, accounts: dict[str, int]) -> Ledger:
        project = Project(str(self.folder))
        fates = [line for part in project.fates("t").table.scan().batches() for line in part.to_pylist()]
        rows = [line for part in project.table("t").scan().batches() for line in part.to_pylist()]
        acquired = [row for part in project.table("t.acquired").scan().batches() for row in part[ID].to_pylist()]
        rejects = [fate for fate in fates if (fate["operator"], fate["fate"]) == ("acquire", "failed")]
        for fate in fates:
            named = fate["rule"] or fate["reason"]
            assert fate["operator"] and (fate["fate"] == "changed" or named), f"a fate says nothing: {fate}"
        dropped = [fate for fate in fates if fate["fate"] == "dropped" and fate["rule"] != "repeated_key"]
        gone_at = {(fate[ID], fate["operator"]) for fate in dropped}
        known = Counter([*acquired, *(reject[ID] for reject in rejects)])
        return Ledger(
            came=known,
            rows=sorted(repr(row) for row in rows),
            kept=Counter(row[ID] for row in rows),
            gone=Counter(fate[ID] for fate in fates if fate["fate"] in ENDS),
            fates=sorted(repr(fate) for fate in fates if fate not in rejects),
            lost=[row for row in rows if row[ID] not in known and not row["_parents"]]
            + [fate for fate in dropped if (fate["other_id"], fate["operator"]) in gone_at],
            accounts=accounts,
        )


def settled(home: Home, workers: int) -> tuple[list[dict[str, Any]], Ledger]:
    """Run; a step that cannot be used on these rows ends the run with a clear error, and is left out of the next."""
    steps = list(home.case.steps)
    while True:
        try:
            return steps, home.run(steps, workers)
        except TilthError as error:
            assert isinstance(error, (DataError, RecipeError)), repr(error)
            assert not Project(str(home.folder)).table("t").exists(), "an error, and rows are committed all the same"
            assert steps, f"no step is left, and: {error}"
            named = re.search(r"refine\[(\d+)\]", error.where or "")
            del steps[int(named[1]) if named else -1]


@pytest.mark.slow
@pytest.mark.storm
@pytest.mark.parametrize("seed", range(SEED, SEED + CASES))
def test_every_row_is_kept_dropped_or_failed_once(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    case = draw(chance)
    home = Home(tmp_path / "one", case, chance.choice((1, 3)))
    steps, found = settled(home, workers=1)
    said = f"seed {seed}: {json.dumps(steps)}"
    assert found.came == found.own(found.kept) + found.own(found.gone), said
    assert sum(found.came.values()) == len(case.records), f"{said}: records that were written did not come in"
    counts = found.accounts
    assert counts["rows_in"] == len(case.records), said
    assert counts["rows_in"] + counts["expanded"] + counts["grown"] == sum(
        counts[end] for end in ("kept", "dropped", "failed")
    ), said
    assert counts["kept"] == sum(found.kept.values()), said
    assert not found.lost, f"{said}: rows without a reason: {found.lost[:2]}"

    again = home.run(steps, workers=1)
    assert again == found, f"{said}: a second run changes what is there"
    assert not [event for event in home.heard if isinstance(event, (events.StageDone, events.ShardDone))], said

    # Without a key a row is known by its file: the files must be the same.
    other = Home(tmp_path / "two", case, chance.choice((2, 3, 4)) if case.key else home.files)
    _, spread = settled(other, workers=2)
    assert spread.rows == found.rows, f"{said}: two workers keep other rows"
    assert spread.fates == found.fates, f"{said}: two workers give other fates"


@pytest.mark.slow
@pytest.mark.parametrize("step", ["near_duplicates", "exact_duplicates"])
def test_a_record_that_stands_twice_under_one_key_stays_once(tmp_path: Path, step: str) -> None:
    """The later one replaces the earlier, and is no duplicate of what it replaces."""
    texts = {"k0": "the parcel came with a broken corner", "k1": "where is my invoice for the month of May"}
    records = [json.dumps({"key": key, "text": texts[key]}) for key in ("k0", "k1", "k0")]
    found = Home(tmp_path, Case(records, True, []), 1).run([{step: {}}], workers=1)
    assert (found.kept.total(), found.accounts["dropped"], found.lost) == (2, 1, [])
