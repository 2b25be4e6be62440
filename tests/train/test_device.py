import os

import pytest
import torch

from tilth.core.errors import RecipeError
from tilth.train.device import choose_device, choose_precision, choose_threads, load_torch, settings

CPU = torch.device("cpu")


def test_auto_precision_is_what_the_processor_has():
    has = torch.cpu.get_capabilities()
    wanted = "bf16" if has.get("avx512_bf16") or has.get("amx_bf16") else "fp32"
    assert choose_precision("auto", CPU) == wanted
    assert choose_precision("fp32", CPU) == "fp32"
    with pytest.raises(RecipeError, match='no precision "fp16"'):
        choose_precision("fp16", CPU)


def test_a_device_that_is_not_there_says_so():
    assert choose_device("cpu") == CPU
    with pytest.raises(RecipeError, match='no device "tpu"'):
        choose_device("tpu")
    if not torch.cuda.is_available():
        assert choose_device("auto") == CPU
        with pytest.raises(RecipeError, match="no CUDA device"):
            choose_device("cuda")


def test_threads_are_as_asked_then_as_the_environment_says_then_the_free_cores(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert choose_threads(2) == 2
    assert choose_threads(None) == 3
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    monkeypatch.setattr(os, "getloadavg", lambda: (5.2, 0.0, 0.0), raising=False)
    assert choose_threads(None) == 3
    monkeypatch.setattr(os, "getloadavg", lambda: (50.0, 0.0, 0.0), raising=False)
    assert choose_threads(None) == 1


def test_the_process_s_own_settings_come_back(monkeypatch):
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    with pytest.raises(ZeroDivisionError), settings(threads + 1):
        assert torch.get_num_threads() == threads + 1
        torch.manual_seed(99)
        _ = 1 / 0
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)
    before = dict(os.environ)
    load_torch()
    assert dict(os.environ) == before
