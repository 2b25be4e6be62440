"""Storage is touched in one place: claims are made by one, and errors say what to do."""

import errno
import threading

import pytest

from tilth.core.errors import DataError, Terminal
from tilth.tables import _folder


def test_of_many_that_claim_a_name_one_does(tmp_path):
    barrier = threading.Barrier(8)
    won = []

    def go(number: int) -> None:
        barrier.wait()
        if _folder.claim(tmp_path / "deep" / "name", str(number).encode()):
            won.append(number)

    threads = [threading.Thread(target=go, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(tmp_path / "deep" / "name").read_text()] == [str(number) for number in won]
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["name"]


def test_a_bucket_is_refused_with_what_is_wanted():
    with pytest.raises(DataError, match="s3: folders are not supported"):
        _folder.local("s3://bucket/x")


def test_a_full_disk_says_what_to_do():
    told = pytest.raises(Terminal, match=r"t: no space left while writing\. Free some space and run again")
    with told, _folder.storage_errors("writing", "t"):
        raise OSError(errno.ENOSPC, "No space left on device")
