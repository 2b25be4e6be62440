"""A project's folder: made when it is needed, by whoever is first, and never read when it is too new."""

import pickle
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from tilth.core.errors import DataError
from tilth.tables.project import Project

PROJECT = """
import sys
from tilth.tables.project import Project
project = Project(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
print(project.salt.hex(), [project.new_run() for _ in range(10)], [project.new_model("m") for _ in range(10)], sep="|")
"""


def test_looking_creates_nothing(tmp_path):
    project = Project(str(tmp_path))
    assert (project.runs(), project.model_versions("m"), project.tables()) == ([], [], [])
    assert not project.table("tickets").exists()
    assert list(tmp_path.iterdir()) == []


def test_the_format_is_written_once_and_a_newer_one_refused(tmp_path):
    Project(str(tmp_path)).new_run()
    path = tmp_path / ".tilth" / "format"
    assert path.read_text() == '{"format": 1}'
    path.write_text('{"format": 2}')
    with pytest.raises(DataError, match=r"the project has format 2\. Wanted: 1 or older.* pip install --upgrade tilth"):
        Project(str(tmp_path))
    path.write_text("[]")
    with pytest.raises(DataError, match="does not say the project's format"):
        Project(str(tmp_path))


def test_a_format_that_turns_newer_stops_a_writer(tmp_path):
    project = Project(str(tmp_path))
    project.new_run()
    (tmp_path / ".tilth" / "format").write_text('{"format": 2}')
    with pytest.raises(DataError, match="the project has format 2"):
        project.new_run()


def test_the_salt_is_the_owners_and_stays(tmp_path):
    project = Project(str(tmp_path))
    salt = project.salt
    assert len(salt) == 32
    assert (tmp_path / ".tilth" / "salt").stat().st_mode & 0o777 == 0o600
    assert Project(str(tmp_path)).salt == salt
    (tmp_path / ".tilth" / "salt").write_bytes(salt[:31])
    with pytest.raises(DataError, match=r"holds 31 bytes.*Restore it from a backup"):
        _ = project.salt


def test_processes_that_race_share_the_salt_and_no_claim(tmp_path):
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", PROJECT, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for racer in racers:
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        racer.stdin.write("go\n")
        racer.stdin.flush()
    salts, runs, models = zip(*(racer.communicate(timeout=60)[0].strip().split("|") for racer in racers), strict=True)
    assert len(set(salts)) == 1
    claimed = [run for told in runs for run in eval(told)]
    assert sorted(claimed) == sorted(set(claimed)) == Project(str(tmp_path)).runs()
    assert sorted(number for told in models for number in eval(told)) == list(range(1, 21))


def test_runs_sort_by_age_even_if_the_clock_goes_back(tmp_path):
    project = Project(str(tmp_path))
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    runs = [project.new_run(noon), project.new_run(noon.replace(hour=11)), project.new_run(noon)]
    assert runs == ["20260101-120000-0000", "20260101-120000-0001", "20260101-120000-0002"]
    project.run("20260101-120000-ffff").mkdir()
    assert project.new_run(noon) == "20260101-120001-0000"
    assert project.new_run(noon.replace(hour=13)) == "20260101-130000-0000"


def test_model_versions_count_up(tmp_path):
    project = Project(str(tmp_path))
    assert [project.new_model("support"), project.new_model("support"), project.new_model("other")] == [1, 2, 1]
    assert project.model("support", 2).is_dir()
    assert project.model_versions("support") == [1, 2]


def test_every_table_has_its_place(tmp_path):
    project = Project(str(tmp_path))
    named = [
        project.table("t"),
        project.fates("t").table,
        project.splits("t").table,
        project.decisions("t"),
        project.lineage.table,
        project.uses.table,
    ]
    assert [table.name for table in named] == ["data/t", "fates/t", "splits/t", "decisions/t", "lineage", "uses"]
    for table in named:
        assert table.folder == tmp_path / ".tilth" / table.name
        table.folder.mkdir(parents=True)
    assert project.tables() == named


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".."])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path, name):
    project = Project(str(tmp_path))
    for find in (project.table, project.fates, project.run, project.model_versions, project.new_model):
        with pytest.raises(DataError, match="cannot be the name of"):
            find(name)


def test_a_project_travels_to_workers(tmp_path):
    project = Project(str(tmp_path))
    assert pickle.loads(pickle.dumps(project)) == project
