"""Compile the text kernel once, so that tests and the demo find it: seconds the first time, nothing later."""

from __future__ import annotations

import time

import pyarrow as pa

from tilth.refine.c4 import C4
from tilth.refine.near_duplicates import NearDuplicates
from tilth.run.spans import MANY, spans
from tilth.testing import batch, decide
from tilth.text import statistics


def main() -> None:
    """Touch every compiled function."""
    start = time.perf_counter()
    text = "The text kernel is compiled once a machine, and found again by later processes."
    statistics.measure(pa.array([text]))
    C4().map(batch(text=[text]))
    decide(NearDuplicates(), batch(text=[text, f"{text} Again."]))
    many = [text] * MANY
    spans(pa.array(many), pa.array([line.upper() for line in many]), range(MANY))
    seconds = time.perf_counter() - start
    if seconds > 5:
        print(f"setup: text kernel compiled in {seconds:.0f} s")


if __name__ == "__main__":
    main()
