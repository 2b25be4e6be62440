"""The loop by itself: what it reads when, and what it tells. `learners/test_full.py` tests it whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tilth.core.events import Evaluated, Event, Trained
from tilth.core.learner import Context
from tilth.train.learners import _prepare
from tilth.train.learners.full import Full
from tilth.train.loop import Loop

FULL = Full(
    scratch={"layers": 1, "hidden": 16, "heads": 2, "vocabulary": 100, "positions": 64},
    epochs=3,
    batch=8,
    lr=1e-3,
    precision="fp32",
    threads=1,
)


@pytest.fixture
def make(toy):
    def loop(full: Full = FULL, scores: list[float] | None = None, report=lambda event: None) -> Loop:
        ready = _prepare.prepare(full, toy.text_views(), Context(seed=2))
        told = iter(scores or [])
        return Loop(
            ready.model.network,
            ready.train.encoded,
            ready.plan,
            context=Context(seed=2, report=report),
            names=ready.train.names,
            evaluate=(lambda: {"macro_f1": next(told)}) if scores else None,
        )

    return loop


def test_each_epoch_reads_each_row_once_with_any_accumulation(make):
    loop = make(replace(FULL, accumulate=4))
    assert (loop.per_epoch, loop.steps) == (2, 6)
    tokens = loop.train.tokens
    for _ in range(loop.per_epoch):
        loop.step()
    assert loop.progress.tokens == tokens


def test_patience_counts_looks_without_a_better_score(make):
    loop = make(replace(FULL, epochs=9, patience=2), scores=[0.1, 0.5, 0.4, 0.5, 0.9])
    progress = loop.run()
    assert (progress.best, progress.best_step, progress.step) == (0.5, 12, 24)


def test_the_best_weights_come_back(make):
    kept: list[torch.Tensor] = []
    loop = make(replace(FULL, epochs=3, patience=9), scores=[0.1, 0.9, 0.5])
    weight = loop.network.head.out.weight
    score = loop.evaluate
    loop.evaluate = lambda: (kept.append(weight.detach().clone()), score())[1]
    loop.run()
    assert torch.equal(weight, kept[1])
    assert not torch.equal(weight, kept[2])


def test_looks_are_spread_over_the_fit_and_one_is_at_its_end(make):
    assert make(replace(FULL, eval_every=0.5)).looks == {3, 6, 9, 12, 15, 18}
    assert make(replace(FULL, eval_every=2.0)).looks == {9, 18}
    assert make(replace(FULL, eval_every=99.0)).looks == {18}


def test_it_tells_of_steps_and_looks(make):
    events: list[Event] = []
    make(scores=[0.2, 0.3, 0.1], report=events.append).run()
    assert [event.step for event in events if isinstance(event, Trained)] == list(range(1, 19))
    assert [event.best for event in events if isinstance(event, Evaluated)] == [True, True, False]
    rates = np.array([event.lr for event in events if isinstance(event, Trained)])
    assert rates.max() == pytest.approx(1e-3) and rates.argmax() <= 1 and (np.diff(rates[1:]) < 0).all()
