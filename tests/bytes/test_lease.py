"""One run at a time on a project, whatever happens to the one before."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tilth.bytes.lease import STALE, lease
from tilth.core.errors import LeaseHeld

HOLD = """
import sys, time
from tilth.bytes.lease import lease
with lease(sys.argv[1], owner="run 7"):
    print("held", flush=True)
    sys.stdin.readline()
"""


class Holder:
    """Another process that holds the lease."""

    def __init__(self, root: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout.readline() == "held\n"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


def elsewhere(root: Path, beat: float) -> dict:
    """Write the line of a run on another machine."""
    with lease(root, owner="x") as held:
        line = {**vars(held.holder), "machine": "m", "host": "far", "pid": 1, "owner": "run 9", "beat": beat}
    (root / ".tilth" / "lease.json").write_text(json.dumps(line))
    return line


def test_a_second_run_is_refused_by_name(tmp_path):
    with Holder(tmp_path) as holder:
        pid = holder.process.pid
        told = rf"held by run 7 \(process {pid} on .*, since 20.* UTC\).* kill {pid}"
        with pytest.raises(LeaseHeld, match=told), lease(tmp_path, owner="mine"):
            pass


def test_a_run_that_ends_frees_the_lease(tmp_path):
    with Holder(tmp_path) as holder:
        holder.process.communicate("done\n", timeout=30)
        with lease(tmp_path, owner="mine") as held:
            held.check()
            assert json.loads((tmp_path / ".tilth" / "lease.json").read_text())["pid"] == os.getpid()
    assert not (tmp_path / ".tilth" / "lease.json").exists()


def test_a_run_that_is_killed_frees_the_lease(tmp_path):
    with Holder(tmp_path) as holder:
        holder.process.send_signal(signal.SIGKILL)
        holder.process.wait()
        assert (tmp_path / ".tilth" / "lease.json").exists()
        with lease(tmp_path, owner="mine") as held:
            held.check()
            assert held.holder.owner == "mine"


WITH_WORKER = """
import multiprocessing, sys, time
from tilth.bytes.lease import lease
if __name__ == "__main__":
    with lease(sys.argv[1], owner="run 7"):
        worker = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
        worker.start()
        print(worker.pid, flush=True)
        worker.join()
"""


def test_a_forked_worker_does_not_keep_the_lease_of_a_killed_run(tmp_path):
    run = subprocess.Popen([sys.executable, "-c", WITH_WORKER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    worker = int(run.stdout.readline())
    try:
        with pytest.raises(LeaseHeld), lease(tmp_path, owner="mine"):
            pass
        run.kill()
        run.wait()
        os.kill(worker, 0)
        with lease(tmp_path, owner="mine") as held:
            held.check()
    finally:
        os.kill(worker, signal.SIGKILL)
        run.stdout.close()


WORKER_THAT_ENDS = """
import os, sys
from tilth.bytes.lease import lease
from tilth.core.errors import LeaseHeld
with lease(sys.argv[1], owner="run 7") as held:
    worker = os.fork()
    if not worker:
        held.check()
        sys.exit(0)
    assert os.waitpid(worker, 0)[1] == 0
    held.check()
    try:
        with lease(sys.argv[1], owner="second"):
            pass
    except LeaseHeld:
        print("still held")
"""


def test_a_forked_worker_that_ends_leaves_the_lease(tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WORKER_THAT_ENDS, str(tmp_path)], capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("still held\n", "")


def test_one_process_cannot_hold_it_twice(tmp_path):
    twice = pytest.raises(LeaseHeld, match="held by first")
    with lease(tmp_path, owner="first"), twice, lease(tmp_path, owner="second"):
        pass
    with lease(tmp_path, owner="third"):
        pass


def test_an_error_of_the_run_frees_the_lease_and_is_passed_on(tmp_path):
    with pytest.raises(BlockingIOError, match="mine"), lease(tmp_path, owner="first"):
        raise BlockingIOError("mine")
    with lease(tmp_path, owner="second"):
        pass


def test_a_live_run_on_another_machine_is_respected(tmp_path):
    elsewhere(tmp_path, beat=time.time() - STALE / 2)
    told = r"held by run 9 \(process 1 on far, .*free 60 s after its last sign of life"
    with pytest.raises(LeaseHeld, match=told), lease(tmp_path, owner="mine"):
        pass


def test_a_dead_run_on_another_machine_is_taken_over(tmp_path):
    elsewhere(tmp_path, beat=time.time() - STALE - 1)
    with lease(tmp_path, owner="mine") as held:
        held.check()


def test_of_two_machines_that_take_over_the_later_writer_has_it(tmp_path):
    line = elsewhere(tmp_path, beat=time.time() - STALE - 1)
    rival = {**line, "owner": "run 10", "token": "rival", "beat": time.time()}
    path = tmp_path / ".tilth" / "lease.json"

    def write_after_us() -> None:
        while json.loads(path.read_text())["owner"] != "mine":
            time.sleep(0.005)
        path.write_text(json.dumps(rival))

    thread = threading.Thread(target=write_after_us)
    thread.start()
    with pytest.raises(LeaseHeld, match="held by run 10"), lease(tmp_path, owner="mine"):
        pass
    thread.join()
    assert json.loads(path.read_text()) == rival


def test_a_run_learns_that_its_lease_was_taken(tmp_path):
    with lease(tmp_path, owner="mine") as held:
        held.check()
        path = tmp_path / ".tilth" / "lease.json"
        line = {**json.loads(path.read_text()), "owner": "run 10", "token": "another"}
        path.write_text(json.dumps(line))
        with pytest.raises(LeaseHeld, match="the lease went to run 10"):
            held.check()
    assert json.loads(path.read_text()) == line


def test_a_run_gives_signs_of_life(tmp_path):
    path = tmp_path / ".tilth" / "lease.json"
    with lease(tmp_path, owner="mine", heartbeat=0.02) as held:
        first = json.loads(path.read_text())["beat"]
        until = time.monotonic() + 10
        while json.loads(path.read_text())["beat"] <= first:
            assert time.monotonic() < until
            time.sleep(0.01)
        held.check()
    assert [thread.name for thread in threading.enumerate() if thread.name == "tilth-lease"] == []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"owner": "x"}'])
def test_a_damaged_line_does_not_stop_a_run(tmp_path, content):
    (tmp_path / ".tilth").mkdir()
    (tmp_path / ".tilth" / "lease.json").write_text(content)
    with lease(tmp_path, owner="mine") as held:
        held.check()
