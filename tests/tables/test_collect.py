"""A sweep beside readers and writers takes what nobody names or holds, and old versions only when asked."""

import json
import os
import time

import pytest
from tests.tables.places import EVERYWHERE, ids, place, rows

from tilth.core.errors import DataError, Transient
from tilth.core.shard import RunKey, Shard
from tilth.tables import _sweep, holds
from tilth.tables.gc import GRACE, collect
from tilth.tables.holds import DOOM, DOOMED, HOLDS, LIVES, Holding
from tilth.tables.table import Table
from tilth.testing import storm

SOME = [pytest.param(kind, marks=pytest.mark.slow) for kind in EVERYWHERE[: max(3, storm(3, 4))]]


@pytest.fixture(params=SOME)
def table(request, tmp_path):
    with place(request.param, tmp_path) as root:
        yield Table(root)


@pytest.fixture
def here(tmp_path):
    return Table(str(tmp_path / "t"))


def replaced(table, *names):
    """Commit a version for each name, of one row that replaces the one before; return the versions."""
    versions = []
    for name in names:
        receipt = table.write(Shard(id="s"), rows(name))
        base = versions[-1] if versions else table.newest()
        versions.append(table.commit([receipt], RunKey(name), None, base, mode="overwrite"))
    return versions


def parts(table):
    return {entry.path for entry in table.home.store.list("part-")}


def age(table, *paths, by=GRACE + 60):
    """Make files of a local table older."""
    for path in paths:
        os.utime(table.folder / path, (time.time() - by,) * 2)


def left_over(table, name):
    """Write a part that is never committed."""
    return table.write(Shard(id=name), rows(name)).parts[0].path


def test_leftovers_go_and_every_version_stays(table):
    versions = replaced(table, "a", "b")
    committed = parts(table)
    lost = left_over(table, "lost")
    assert collect(table).files == 0
    assert collect(table, grace=-60, keep=[lost]).files == 0
    assert parts(table) == {*committed, lost}
    assert collect(table, grace=-60).files == 1
    assert parts(table) == committed
    assert [ids(table, version) for version in versions] == [["a"], ["b"]]
    assert list(table.home.store.list("_tilth/")) == []


def test_old_versions_are_given_up_when_asked_and_say_so(table):
    versions = replaced(table, *"abcd")
    assert collect(table, versions=2).files == 2
    assert [ids(table, version) for version in versions[2:]] == [["c"], ["d"]]
    for version in versions[:2]:
        with pytest.raises(DataError, match=rf"version {version.number} was given up.*version 2 or newer"):
            table.scan(version)
        with pytest.raises(DataError, match="was given up"):
            table.restore(version, versions[-1])
    assert len(table.versions()) == 4
    # It does not come back when the next sweep asks for less.
    assert collect(table, versions=4).files == 0
    with pytest.raises(DataError, match="was given up"):
        table.version(1)
    assert ids(table) == ["d"]


def test_a_part_that_a_later_version_names_stays(table):
    one, two = replaced(table, "a", "b")
    table.restore(one, two)
    assert collect(table, versions=1).files == 1
    assert ids(table) == ["a"]
    table.append([table.write(Shard(id="z"), rows("z"))], RunKey("z"))
    assert collect(table, versions=1).files == 0
    assert ids(table) == ["a", "z"]


def test_what_a_reader_holds_stays_until_it_lets_go(table, monkeypatch):
    one, *_ = replaced(table, "a", "b", "c")
    with table.reading(one) as held:
        rows_of = table.scan(one)
        assert collect(table, versions=1).files == 1
        held.check()
        assert [batch.to_pydict() for batch in rows_of.batches()] == [{"_id": ["a"]}]
        # Given up a moment after it was held, or later: who holds it begins to read it even so.
        assert ids(Table(table.root), one) == ["a"]
        # Nobody else does: none of them is known to another process.
        monkeypatch.setattr(holds, "_READERS", [])
        with pytest.raises(DataError, match="was given up"):
            table.reading(one)
        monkeypatch.undo()
    with pytest.raises(DataError, match="was given up"):
        table.scan(one)
    assert collect(table).files == 1
    assert ids(table) == ["c"]


def test_what_a_writer_holds_stays(table):
    replaced(table, "a")
    with table.writing():
        receipt = table.write(Shard(id="new"), rows("new"))
        assert collect(table, grace=-60).files == 0
        table.append([receipt], RunKey("new"))
    assert ids(table) == ["new", "a"]


def test_a_sweep_that_removes_a_part_makes_its_commit_fail_and_no_other(table):
    replaced(table, "a")
    receipt = table.write(Shard(id="new"), rows("new"))
    assert collect(table, grace=-60).files == 1
    with pytest.raises(DataError, match="gone or cut short"):
        table.append([receipt], RunKey("new"))
    assert ids(table) == ["a"]
    table.append([table.write(Shard(id="new"), rows("new"))], RunKey("new"))
    assert ids(table) == ["new", "a"]


def test_a_commit_waits_while_its_part_is_doomed(table):
    replaced(table, "a")
    receipt = table.write(Shard(id="new"), rows("new"))
    doomed = f"{DOOMED}x.json"
    table.home.store.put(doomed, json.dumps({"parts": [receipt.parts[0].path]}).encode())
    with pytest.raises(Transient, match="a sweep is at work"):
        table.append([receipt], RunKey("new"))
    assert ids(table) == ["a"]
    table.home.store.delete(doomed)
    table.append([receipt], RunKey("new"))
    assert ids(table) == ["new", "a"]


def test_a_sweep_that_died_holds_up_nobody(here):
    replaced(here, "a")
    receipt = here.write(Shard(id="new"), rows("new"))
    here.home.store.put(f"{DOOMED}x.json", json.dumps({"parts": [receipt.parts[0].path]}).encode())
    age(here, f"{DOOMED}x.json", by=DOOM + 5)
    here.append([receipt], RunKey("new"))
    assert ids(here) == ["new", "a"]


def test_what_is_committed_between_the_look_and_the_removal_stays(here, monkeypatch):
    replaced(here, "a")
    receipt = here.write(Shard(id="old"), rows("old"))
    age(here, receipt.parts[0].path)
    rounds = _sweep.Sweep._round

    def late(sweep, *args):
        # The sweep has listed the part as nobody's.
        here.append([receipt], RunKey("late"))
        return rounds(sweep, *args)

    monkeypatch.setattr(_sweep.Sweep, "_round", late)
    assert collect(here).files == 0
    assert ids(here) == ["old", "a"]


def test_what_is_written_anew_between_the_look_and_the_removal_stays(here, monkeypatch):
    replaced(here, "a")
    path = left_over(here, "again")
    age(here, path)
    rounds = _sweep.Sweep._round

    def late(sweep, *args):
        assert left_over(here, "again") == path
        return rounds(sweep, *args)

    monkeypatch.setattr(_sweep.Sweep, "_round", late)
    assert collect(here).files == 0
    assert path in parts(here)


def test_a_commit_at_work_when_holds_are_looked_at_is_seen(here):
    replaced(here, "a")
    receipt = here.write(Shard(id="old"), rows("old"))
    age(here, receipt.parts[0].path)
    with Holding(here.home, "t", parts=[receipt.parts[0].path]):
        assert collect(here).files == 0
    assert collect(here).files == 1


def test_the_hold_of_a_dead_holder_ends(here):
    one, _ = replaced(here, "a", "b")
    holding = here.reading(one)
    holding.__enter__()
    holding._ended.set()
    holding._thread.join()
    assert collect(here, versions=1).files == 0
    age(here, holding._path, by=LIVES + 5)
    assert collect(here).files == 1
    # Its mark goes after a day.
    age(here, holding._path, by=GRACE + 60)
    assert collect(here).files == 1
    assert list(here.home.store.list(HOLDS)) == []


def test_a_holder_lives_by_its_heartbeat(here):
    one, _ = replaced(here, "a", "b")
    with Holding(here.home, "t", versions=[0], beat=0.01, lives=1.0) as held:
        time.sleep(1.2)
        held.check()
        assert len(holds.held(here.home.store, holds.now(here.home.store))) == 1
    lost = Holding(here.home, "t", versions=[0], beat=60, lives=0.05)
    with lost:
        time.sleep(0.1)
        with pytest.raises(Transient, match="heard nothing of this hold"):
            lost.check()
    assert ids(here, one) == ["a"]


def test_unfinished_files_of_writers_here_go(here):
    replaced(here, "a")
    for name in (".tmp-1-abc", "_delta_log/_commit_1.json.tmp"):
        (here.folder / name).write_bytes(b"x")
    assert collect(here, grace=0).files == 0
    age(here, ".tmp-1-abc", "_delta_log/_commit_1.json.tmp")
    assert collect(here) == (2, 2)
    assert ids(here) == ["a"]


def test_days_count_from_when_a_version_was_replaced(here):
    versions = replaced(here, *"abc")
    age(here, *(f"_delta_log/{number:020d}.json" for number in (0, 1)), by=10 * 24 * 3600)
    assert collect(here, days=20).files == 0
    # The second was the newest until a moment ago; the first only until ten days ago.
    assert collect(here, days=5).files == 1
    assert [ids(here, version) for version in versions[1:]] == [["b"], ["c"]]
    assert collect(here, days=5, versions=3).files == 0


def test_a_log_that_was_cut_keeps_all_parts_and_gives_nothing_up(here):
    replaced(here, "a", "b")
    path = left_over(here, "lost")
    age(here, path)
    (here.folder / "_delta_log" / f"{0:020d}.json").unlink()
    assert collect(here).files == 0
    with pytest.raises(DataError, match="does not go back to the first version"):
        collect(here, versions=1)
    assert path in parts(here)


def test_a_compacted_table_gives_up_what_was_bundled(table):
    for name in "abc":
        table.append([table.write(Shard(id=name), rows(name))], RunKey(name))
    table.compact()
    assert collect(table, versions=1).files == 3
    assert ids(table) == ["a", "b", "c"]
    assert len(parts(table)) == 1


def test_a_table_without_versions_keeps_what_is_young(here):
    path = left_over(here, "a")
    assert collect(here, versions=1).files == 0
    age(here, path)
    assert collect(here).files == 1
