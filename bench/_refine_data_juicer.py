"""Write the recipe that Data-Juicer runs on the benchmark's documents: its nearest eight filters, then MinHash."""

from __future__ import annotations

from pathlib import Path

FILTERS = (
    "alphanumeric_filter: {tokenization: false, min_ratio: 0.25}",
    "average_line_length_filter: {min_len: 10}",
    "character_repetition_filter: {rep_len: 10, max_ratio: 0.5}",
    "maximum_line_length_filter: {min_len: 10}",
    "special_characters_filter: {max_ratio: 0.25}",
    "text_length_filter: {min_len: 10, max_len: 10000000}",
    "word_repetition_filter: {lang: en, tokenization: false, rep_len: 10, max_ratio: 0.5}",
    "words_num_filter: {lang: en, tokenization: false, min_num: 50, max_num: 100000}",
)
MINHASH = (
    "document_minhash_deduplicator: {tokenization: space, window_size: 5, num_permutations: 112, "
    "jaccard_threshold: 0.7, num_bands: 14, num_rows_per_band: 8, lowercase: true}"
)


def recipe(docs: Path, folder: Path) -> str:
    """Return the YAML of a run in one process, without caches and traces."""
    lines = [
        "project_name: bench",
        f"dataset_path: {docs}",
        f"export_path: {folder}/out.jsonl",
        f"work_dir: {folder}",
        "np: 1",
        "use_cache: false",
        "open_tracer: false",
        "process:",
        *(f"  - {step}" for step in (*FILTERS, MINHASH)),
    ]
    return "\n".join(lines) + "\n"
