"""A network that cuts, delays, hangs and answers 503 under writes, commits, compactions and sweeps loses no row."""

import contextlib
import functools
import random
from collections import Counter

import pytest
from tests.servers import s3
from tests.servers.proxy import Proxy, cut, seeded
from tests.tables.places import ids, place, rows

from tilth.bytes.store import Patience
from tilth.core.errors import CommitConflict, Transient
from tilth.core.retry import persistent
from tilth.core.shard import RunKey, Shard
from tilth.tables import _home
from tilth.tables.gc import collect
from tilth.tables.table import Table
from tilth.testing import storm

CASES = storm(3, 120)
TURNS = 3


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(_home, "PATIENCE", Patience(connect=0.5, silence=0.5, whole=2, retries=1, in_all=3))


def work(root):
    """Append, compact and sweep; each step is tried again while the network is to blame, and no other error comes."""
    table = Table(root)
    for turn in range(TURNS):
        write = functools.partial(table.write, Shard(id=f"s{turn}"), rows(f"{turn}-a", f"{turn}-b"))
        receipt = persistent(write, tries=12, first_wait=0.02, longest_wait=0.2)
        persistent(
            functools.partial(table.append, [receipt], RunKey(f"turn-{turn}")),
            tries=12,
            first_wait=0.02,
            longest_wait=0.2,
        )
    persistent(table.compact, tries=12, first_wait=0.02, longest_wait=0.2)
    persistent(functools.partial(collect, table, versions=2), tries=12, first_wait=0.02, longest_wait=0.2)


@pytest.mark.storm
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(CASES))
def test_faults_of_the_network_lose_and_double_nothing(tmp_path, monkeypatch, impatient, seed):
    with place("s3", tmp_path) as root:
        # Near the beginning of a connection, where small answers are, or anywhere.
        plan = seeded(seed, chance=0.12, reach=random.Random(seed).choice([600, 3000, 20_000]))
        with Proxy(s3.start().port, plan) as proxy, monkeypatch.context() as patched:
            patched.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
            # Where it gives up after twelve tries, whoever runs it again goes on.
            with contextlib.suppress(Transient):
                work(root)
        work(root)
        table = Table(root)
        assert Counter(ids(table)) == Counter(f"{turn}-{row}" for turn in range(TURNS) for row in "ab")
        made = [line.version.key for line in table.versions() if line.mode != "compact"]
        assert Counter(made) == Counter(f"turn-{turn}" for turn in range(TURNS))
        assert ids(table, table.newest()) == ids(table)
        assert proxy.connections > 0


@pytest.mark.slow
@pytest.mark.parametrize("after", [0, 200, 700, 1500])
def test_a_commit_whose_answer_is_lost_is_found_or_made_again(tmp_path, monkeypatch, impatient, after):
    with place("s3", tmp_path) as root:
        base = Table(root)
        one = base.append([base.write(Shard(id="a"), rows("a"))], RunKey("1"))
        receipt = base.write(Shard(id="b"), rows("b"))
        with Proxy(s3.start().port, [cut(answer=after)] * 3) as proxy, monkeypatch.context() as patched:
            patched.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
            table = Table(root)
            commit = functools.partial(table.commit, [receipt], RunKey("2"), None, one)
            try:
                assert persistent(commit, tries=8, first_wait=0.02, longest_wait=0.2).number == 1
            except CommitConflict as error:
                raise AssertionError("its own commit was taken for another's") from error
        assert ids(Table(root)) == ["a", "b"]
        assert len(base.versions()) == 2
