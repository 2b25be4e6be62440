"""Small parts become large ones, and nobody who reads sees another row, order or version."""

import json

import pytest
from tests.tables.places import EVERYWHERE, all_rows, ids, place, rows

from tilth.core.errors import CommitConflict, DataError
from tilth.core.shard import Cursor, RunKey, Shard
from tilth.tables import _compact, _log
from tilth.tables._compact import runs_of
from tilth.tables._log import Stored
from tilth.tables._parts import place_of
from tilth.tables.table import Table
from tilth.testing import storm


def grown(root, turns=4, shards=3):
    """Return a table of many parts, among them two of one shard and one with a column of its own."""
    table = Table(root)
    for turn in range(turns):
        work = {f"{shard}": rows(f"{turn}-{shard}", **({"n": [turn]} if turn == 1 else {})) for shard in range(shards)}
        receipts = [table.write(Shard(id=shard), batch) for shard, batch in work.items()]
        table.append(receipts, RunKey(f"turn-{turn}"), Cursor(position={"turn": turn}), fingerprint=f"f{turn}")
    return table


@pytest.mark.slow
@pytest.mark.parametrize("kind", EVERYWHERE[: max(3, storm(3, 4))])
def test_rows_and_their_order_stay_and_so_does_every_version(kind, tmp_path):
    with place(kind, tmp_path) as root:
        table = grown(root)
        before, newest = all_rows(table), table.newest()
        old = {line.version.number: ids(table, line.version) for line in table.versions()}
        done = table.compact()
        # One version before it only made room for the column that the second turn brings.
        assert (done.number, done.before, done.after) == (5, 12, 1)
        assert len(table.parts()) == 1
        assert all_rows(table) == before
        assert {number: ids(table, table.version(number)) for number in old} == old
        after = table.newest()
        assert (after.number, after.key, after.fingerprint, after.cursor) == (
            newest.number + 1, newest.key, newest.fingerprint, newest.cursor
        )  # fmt: skip
        assert table.compacted(newest) == after
        assert [(line.mode, line.rows) for line in table.versions()[:2]] == [("compact", 12), ("append", 12)]
        assert table.version_of(RunKey("turn-3")) == newest
        assert table.compact().number is None
        # Other tools are told that no row changed.
        actions = _log.actions(table.home.read(_log.entry(5)))
        assert {one[kind]["dataChange"] for one in actions for kind in ("add", "remove") if kind in one} == {False}


def test_a_bundle_of_a_bundle_stands_in_the_same_place(tmp_path):
    table = grown(str(tmp_path))
    table.compact()
    wanted = ids(table)
    for turn in range(3):
        table.append([table.write(Shard(id=f"00-{turn}"), rows(f"late-{turn}"))], RunKey(f"late-{turn}"))
        wanted.append(f"late-{turn}")
        table.compact()
        assert len(table.parts()) == 1
        assert ids(table) == wanted
        assert place_of(table.parts()[0]).shard == "0"


def test_bundles_come_to_about_the_target_and_large_parts_stay():
    sizes = [10, 10, 60, 10, 10, 90, 10, 45, 30, 45]
    parts = [Stored(f"p{at}", 1, size) for at, size in enumerate(sizes)]
    assert [[part.path for part in run] for run in runs_of(parts, 100)] == [
        ["p0", "p1"],
        ["p3", "p4"],
        ["p6", "p7", "p8"],
    ]


def test_who_built_on_the_version_before_goes_on(tmp_path):
    table = grown(str(tmp_path))
    base = table.newest()
    table.compact()
    table.append([table.write(Shard(id="z"), rows("z"))], RunKey("z"))
    again = table.newest()
    table.compact()
    version = table.commit([table.write(Shard(id="y"), rows("y"))], RunKey("y"), None, again)
    # What was bundled stands where its first part stood.
    assert ids(table, version)[-2:] == ["z", "y"]
    with pytest.raises(CommitConflict):
        table.commit([table.write(Shard(id="x"), rows("x"))], RunKey("x"), None, base)


def test_an_overwrite_that_keeps_parts_a_compaction_replaced_is_told(tmp_path):
    table = grown(str(tmp_path))
    base = table.newest()
    keep = table.parts(base)[:1]
    table.compact()
    with pytest.raises(CommitConflict, match="a compaction replaced"):
        table.commit([], RunKey("x"), None, base, mode="overwrite", keep=keep)


class Meanwhile:
    """Lets something happen right before a compaction commits."""

    def __init__(self, monkeypatch, *happenings):
        self.happenings = list(happenings)
        commit = _compact.Compaction._commit

        def late(compaction, *args):
            if self.happenings:
                self.happenings.pop(0)()
            return commit(compaction, *args)

        monkeypatch.setattr(_compact.Compaction, "_commit", late)


def test_an_append_that_comes_first_stays_and_the_compaction_tries_again(tmp_path, monkeypatch):
    table = grown(str(tmp_path))
    wanted = ids(table)
    # The first lands between two parts of the bundle, in the rows' order; the second after all of them.
    between = lambda: table.append([table.write(Shard(id="1x"), rows("between"))], RunKey("b"))  # noqa: E731
    behind = lambda: table.append([table.write(Shard(id="9"), rows("behind"))], RunKey("c"))  # noqa: E731
    Meanwhile(monkeypatch, between, behind)
    done = table.compact()
    assert done.number == 7
    at = next(number for number, row in enumerate(wanted) if row.endswith("-2"))
    assert sorted(ids(table)) == sorted([*wanted, "between", "behind"])
    assert ids(table) == [*wanted[:at], "between", *wanted[at:], "behind"]


def test_an_overwrite_that_comes_first_wins(tmp_path, monkeypatch):
    table = grown(str(tmp_path))
    new = table.write(Shard(id="new"), rows("new"))
    over = lambda: table.commit([new], RunKey("o"), None, table.newest(), mode="overwrite")  # noqa: E731
    Meanwhile(monkeypatch, over)
    assert table.compact().number is None
    assert ids(table) == ["new"]


def test_two_compactions_at_once_bundle_once(tmp_path, monkeypatch):
    table = grown(str(tmp_path))
    wanted = ids(table)
    other = Table(str(tmp_path))
    Meanwhile(monkeypatch, other.compact)
    assert table.compact().number is None
    assert ids(table) == wanted
    assert [line.mode for line in table.versions()].count("compact") == 1


def test_a_compaction_that_was_killed_is_taken_up(tmp_path, monkeypatch):
    table = grown(str(tmp_path))
    wanted = ids(table)

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(_compact.Compaction, "_commit", killed)
        with pytest.raises(KeyboardInterrupt):
            table.compact()
    bundle = {path.name for path in tmp_path.glob("*.parquet")} - set(table.parts())
    assert ids(table) == wanted
    table.compact()
    assert set(table.parts()) == bundle
    assert ids(table) == wanted


def test_a_part_that_holds_other_rows_than_the_log_says_is_not_bundled(tmp_path):
    table = grown(str(tmp_path))
    entry = tmp_path / _log.entry(0)
    lines = [json.loads(line) for line in entry.read_text().splitlines()]
    for line in lines:
        if "add" in line:
            line["add"]["stats"] = json.dumps({"numRecords": 7})
    entry.write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(DataError, match="the log says"):
        table.compact()


def test_nothing_to_compact_is_no_version(tmp_path):
    table = Table(str(tmp_path))
    with pytest.raises(DataError, match="no version yet"):
        table.compact()
    table.append([table.write(Shard(id="a"), rows("a"))], RunKey("1"))
    assert table.compact() == (None, 0, 0, 0)
