"""Run datatrove on the benchmark's documents (in its own environment): its rule sets, then MinHash, one task.

    python _refine_datatrove.py DOCS.jsonl FOLDER [--fast]

Gopher repetition, Gopher quality, C4 and FineWeb in the order and with the options of its FineWeb example, then
5-gram MinHash of 14 x 8 with its four passes. `--fast` swaps a regular expression in for its word tokenizer (spaCy's).
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupFilter
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter
from datatrove.utils.hashing import HashConfig

WORD = re.compile(r"\w+|[^\w\s]")


def swap_tokenizer() -> None:
    """Split words with one regular expression everywhere."""
    import datatrove.pipeline.dedup.minhash as minhash
    import datatrove.pipeline.filters.fineweb_quality_filter as fineweb
    import datatrove.pipeline.filters.gopher_quality_filter as quality
    import datatrove.pipeline.filters.gopher_repetition_filter as repetition

    for module in (minhash, fineweb, quality, repetition):
        if hasattr(module, "split_into_words"):
            module.split_into_words = lambda text, language=None: WORD.findall(text)


def main() -> None:
    """Filter, sign, band, cluster, remove."""
    docs, folder = Path(sys.argv[1]), sys.argv[2]
    if "--fast" in sys.argv:
        swap_tokenizer()
    config = MinhashConfig(
        n_grams=5, num_buckets=14, hashes_per_bucket=8, hash_config=HashConfig(precision=64, hash_fc="xxhash")
    )
    steps = [
        [
            JsonlReader(str(docs.parent), glob_pattern=docs.name),
            GopherRepetitionFilter(),
            GopherQualityFilter(),
            C4QualityFilter(filter_no_terminal_punct=False),
            FineWebQualityFilter(),
            JsonlWriter(f"{folder}/kept", compression=None),
        ],
        [JsonlReader(f"{folder}/kept"), MinhashDedupSignature(f"{folder}/signatures", config=config)],
        [MinhashDedupBuckets(f"{folder}/signatures", f"{folder}/buckets", config=config)],
        [MinhashDedupCluster(f"{folder}/buckets", f"{folder}/remove", config=config)],
        [
            JsonlReader(f"{folder}/kept"),
            MinhashDedupFilter(f"{folder}/remove"),
            JsonlWriter(f"{folder}/out", compression=None),
        ],
    ]
    for number, pipeline in enumerate(steps):
        tasks = config.num_buckets if number == 2 else 1
        LocalPipelineExecutor(pipeline, tasks=tasks, workers=1, logging_dir=f"{folder}/log-{number}").run()


if __name__ == "__main__":
    main()
