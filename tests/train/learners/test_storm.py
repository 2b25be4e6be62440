"""Kill training with SIGKILL at random steps; what comes out in the end is what an unbroken fit gives, bit for bit."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tilth.testing import storm

STEPS = 30
KILLS = storm(3, 25)
SEED = int(os.environ.get("TILTH_SEED", "20261123"))


def child(folder: str) -> None:
    """Fit a tiny network, naming each step on the standard output, and the weights' hash at the end."""
    import pyarrow as pa

    from tilth.core.engine import Rows
    from tilth.core.events import Trained
    from tilth.core.learner import Context, Views
    from tilth.core.shard import Shard
    from tilth.train.learners.full import Full

    def rows(start: int, count: int) -> Rows:
        numbers = range(start, start + count)
        batch = pa.RecordBatch.from_pydict(
            {
                "_id": [f"{n:08x}" for n in numbers],
                "text": [f"{'red' if n % 3 else 'blue'} thing " + "more " * (n % 7) for n in numbers],
                "label": ["r" if n % 3 else "b" for n in numbers],
            }
        )
        return Rows(shards=(Shard(id="0"),), read=lambda shard: iter([batch]))

    def tell(event: object) -> None:
        if isinstance(event, Trained):
            print(event.step, flush=True)

    learner = Full(
        scratch={"layers": 2, "hidden": 32, "heads": 2, "vocabulary": 100},
        epochs=5,
        batch=8,
        lr=3e-3,
        patience=99,
        eval_every=0.7,
        threads=1,
        checkpoint_seconds=0.0,
    )
    context = Context(seed=7, checkpoints=Path(folder), report=tell)
    fitted = learner.fit(Views(train=rows(0, 48), valid=rows(48, 16)), context)
    digest = hashlib.blake2b(digest_size=16)
    for name, tensor in sorted(fitted.model.network.state_dict().items()):
        digest.update(name.encode() + tensor.numpy().tobytes())
    print("done", digest.hexdigest(), fitted.notes["best_step"], flush=True)


def run(folder: Path, kill_after: int | None) -> tuple[list[int], str]:
    """Run the child; kill it once it has told that many steps. Returns the steps it told and its last word."""
    process = subprocess.Popen(
        [sys.executable, __file__, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stderr is not None
    steps: list[int] = []
    last = ""
    for line in process.stdout:
        if line.startswith("done"):
            last = line
        else:
            steps.append(int(line))
        if kill_after is not None and len(steps) == kill_after:
            process.send_signal(signal.SIGKILL)
    said = process.stderr.read()
    process.stdout.close()
    process.stderr.close()
    code = process.wait()
    assert code == (-signal.SIGKILL if not last else 0), said
    return steps, last


@pytest.mark.slow
@pytest.mark.storm
def test_killed_training_ends_in_the_same_weights(tmp_path):
    draw = random.Random(SEED)
    steps, unbroken = run(tmp_path / "calm", None)
    assert steps == list(range(1, STEPS + 1))
    reached = 0
    for _ in range(KILLS):
        steps, last = run(tmp_path / "storm", draw.randint(1, max(1, (STEPS - reached) // 2)))
        # It goes on from the last whole checkpoint: at most one step is done twice, none is left out.
        assert steps[0] in (reached, reached + 1), f"seed {SEED}"
        assert steps == list(range(steps[0], steps[-1] + 1))
        reached = steps[-1]
        if last:
            break
    _, last = run(tmp_path / "storm", None)
    assert last == unbroken, f"seed {SEED}"


if __name__ == "__main__":
    child(sys.argv[1])
