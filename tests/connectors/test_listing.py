"""Tell which files a path, a folder and a glob stand for."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tilth.connectors._files.listing import listed, regex_of
from tilth.core.errors import DataError


def make(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("a,b\n1,2\n")
    return root


def names(path: Path | str, format: str | None = None) -> list[str]:
    return [found.file for found in listed(str(path), format).files]


def test_a_file_is_itself_relative_to_its_folder(tmp_path: Path):
    assert names(make(tmp_path, "x/a.csv") / "x" / "a.csv") == ["a.csv"]


def test_a_glob_is_relative_to_the_folder_before_its_first_sign(tmp_path: Path):
    root = make(tmp_path, "t/2024/a.csv", "t/2025/b.csv", "t/c.csv", "t/2024/deep/d.csv", "t/2024/e.txt")
    assert names(f"{root}/t/*/*.csv") == ["2024/a.csv", "2025/b.csv"]
    assert names(f"{root}/t/**/*.csv") == ["2024/a.csv", "2024/deep/d.csv", "2025/b.csv", "c.csv"]
    assert names(f"{root}/t/*.csv") == ["c.csv"]
    assert names(f"{root}/t/20?4/[ab].csv") == ["2024/a.csv"]
    assert names(f"{root}/t/**") == ["2024/a.csv", "2024/deep/d.csv", "2024/e.txt", "2025/b.csv", "c.csv"]


def test_a_folder_means_the_data_below_it_and_says_what_it_leaves_out(tmp_path: Path):
    root = make(
        tmp_path, "a.csv", "sub/b.csv.gz", "README.md", "notes.txt", "LICENSE", ".hidden.csv", "_SUCCESS", "x.png"
    )
    listing = listed(str(root))
    assert [found.file for found in listing.files] == ["a.csv", "sub/b.csv.gz"]
    assert listing.notes == ["not read, as no data by their names: LICENSE, README.md, notes.txt, x.png"]


def test_text_files_are_data_where_there_is_nothing_else(tmp_path: Path):
    assert names(make(tmp_path, "neg/1.txt", "pos/2.txt", "README.txt")) == ["neg/1.txt", "pos/2.txt"]
    assert names(make(tmp_path / "other", "eng.train", "eng.testa", "SOURCE.md")) == ["eng.testa", "eng.train"]


def test_a_format_chooses_among_the_files_of_a_folder(tmp_path: Path):
    root = make(tmp_path, "a.csv", "b.json", "c.dat", "README.md")
    assert names(root, "csv") == ["a.csv", "c.dat"]
    assert names(root, "jsonl") == ["c.dat"]


def test_a_glob_leaves_documents_out_unless_there_is_nothing_else(tmp_path: Path):
    root = make(tmp_path, "a.csv", "SOURCE.md")
    assert names(f"{root}/*") == ["a.csv"]
    assert names(f"{root}/*.md") == ["SOURCE.md"]


def test_a_name_with_a_sign_in_it_is_a_name_if_there_is_such_a_file(tmp_path: Path):
    root = make(tmp_path, "a[1].csv", "a1.csv")
    assert names(f"{root}/a[1].csv") == ["a[1].csv"]


def test_a_folder_with_a_sign_in_its_name_means_itself(tmp_path: Path):
    folder = make(tmp_path, "data [v1]/2*/sub/a.csv") / "data [v1]/2*"
    assert names(f"{folder}/*/*.csv") == ["sub/a.csv"]
    assert names(f"{folder}/sub") == ["a.csv"]
    with pytest.raises(DataError, match='nothing is called "b.csv" here'):
        listed(f"{folder}/b.csv")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("tickts/a.csv", 'nothing is called "tickts" here.* Did you mean "tickets"'),
        ("tickets/aa.csv", 'nothing is called "aa.csv" here.* Did you mean "a.csv"'),
        ("tickets/q.parquet", "In that folder: a.csv, b.csv"),
        ("tickets/*.tsv", 'no file matches "\\*.tsv".* (Did you mean|In that folder)'),
        ("tockets/*.csv", 'nothing is called "tockets" here.* Did you mean "tickets"'),
    ],
)
def test_a_path_that_is_not_there_is_told_with_what_is(tmp_path: Path, path: str, said: str):
    make(tmp_path, "tickets/a.csv", "tickets/b.csv")
    with pytest.raises(DataError) as caught:
        listed(f"{tmp_path}/{path}")
    assert re.search(said, str(caught.value))


def test_an_empty_folder_is_an_error(tmp_path: Path):
    with pytest.raises(DataError, match="no data file in this folder"):
        listed(str(tmp_path))


def test_a_delta_table_is_not_read_as_loose_files(tmp_path: Path):
    make(tmp_path, "_delta_log/0.json", "part-0.parquet")
    with pytest.raises(DataError, match="this is a Delta table"):
        listed(str(tmp_path))


def test_pipes_and_devices_are_refused_and_never_wait(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(DataError, match="a device or a pipe"):
        listed(str(tmp_path / "pipe.csv"))
    make(tmp_path, "a.csv")
    assert names(f"{tmp_path}/*.csv") == ["a.csv"]


def test_links_to_files_count_and_links_to_folders_do_not_loop(tmp_path: Path):
    root = make(tmp_path / "root", "a.csv")
    (root / "loop").symlink_to(root)
    (root / "b.csv").symlink_to(root / "a.csv")
    (root / "dead.csv").symlink_to(root / "nowhere.csv")
    assert names(root) == ["a.csv", "b.csv"]
    with pytest.raises(DataError, match=r'nothing is called "dead.csv"'):
        listed(str(root / "dead.csv"))


def test_a_name_that_is_no_utf8_is_told_not_crashed_on(tmp_path: Path):
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.csv")).write_text("a\n1\n")
    with pytest.raises(DataError, match="name is not UTF-8"):
        listed(str(tmp_path))


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("*.csv", ["a.csv", ".csv"], ["a/b.csv", "acsv"]),
        ("**/x", ["x", "a/x", "a/b/x"], ["ax", "x/a"]),
        ("a/**/b.c", ["a/b.c", "a/q/r/b.c"], ["a/bxc"]),
        ("[!a-c]?.t", ["dd.t"], ["ad.t", "d.t", "/d.t"]),
        ("a+(b).csv", ["a+(b).csv"], ["aab.csv"]),
    ],
)
def test_globs_mean_what_a_shell_means(pattern: str, yes: list[str], no: list[str]):
    matches = re.compile(regex_of(pattern)).fullmatch
    assert all(matches(name) for name in yes)
    assert not any(matches(name) for name in no)
