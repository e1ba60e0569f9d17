"""Faults 11 and 12: a lake that is full or may not be written says so at once, stays as it was, and takes the retry when it can be written again."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.errors import DataError, RetryableError
from jobs.lake.lake import Lake
from jobs.settings import Settings
from tests.faults import invariants
from tests.faults.tables import NIGHT, ROWS, TABLE, commit, contents, lake_of

TOO_MANY = 1_000_000


def mount(*arguments: str) -> None:
    """Only root may: for others the tests of a full disk are left out, and those of a forbidden folder use its permissions."""
    done = subprocess.run(["mount", *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"this user cannot mount a file system of its own: {done.stderr.strip()}")


@pytest.fixture
def small(home: Settings, spark: SparkSession) -> Iterator[Lake]:
    """A lake on a disk of three megabytes, with one night on it."""
    folder = Path(home.lake)
    folder.mkdir()
    mount("-t", "tmpfs", "-o", "size=3m", "matins-test", str(folder))
    try:
        lake = lake_of(home, spark)
        commit(lake, 1.0)
        yield lake
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_said_and_the_retry_passes_once_there_is_room(small: Lake) -> None:
    ballast = Path(small.path("ballast"))
    ballast.write_bytes(bytes(free(small) - 30_000))
    with pytest.raises(RetryableError) as refused:
        commit(small, 2.0, rows=TOO_MANY)
    assert str(refused.value) == f"{small.path(TABLE)}: the disk is full; the table is as it was before. Free some space and run again."
    assert contents(small) == {NIGHT: [(1.0, 1, ROWS)]}
    invariants.table_is_whole(small, TABLE)
    ballast.unlink()
    assert commit(small, 2.0).written == {NIGHT}
    assert contents(small) == {NIGHT: [(2.0, 2, ROWS)]}
    invariants.table_is_whole(small, TABLE)


def test_no_room_for_the_commit_itself_leaves_no_torn_commit(small: Lake) -> None:
    """The last bytes go while the log is written: from room for nothing to room for all."""
    ends = []
    for pages in (0, 1, 2, 3, 4, 6, 8, 64):
        ballast = Path(small.path("ballast"))
        ballast.write_bytes(bytes(max(free(small) - pages * 4096, 0)))
        try:
            ends.append("written" if commit(small, 2.0).written else "nothing to do")
        except RetryableError as error:
            ends.append("full" if "the disk is full" in str(error) else str(error))
        ballast.unlink()
        invariants.table_is_whole(small, TABLE)
        if ends[-1] == "written":
            break
    assert set(ends) == {"full", "written"}, ends
    assert contents(small) == {NIGHT: [(2.0, 2, ROWS)]}


@pytest.fixture
def forbidden(home: Settings, spark: SparkSession) -> Iterator[Lake]:
    """A lake with one night, which then may only be read."""
    lake = lake_of(home, spark)
    folder = Path(lake.path(TABLE))
    if os.geteuid() == 0:  # permissions do not bind root, a read-only mount does
        folder.mkdir(parents=True)
        mount("-t", "tmpfs", "-o", "size=3m", "matins-test", str(folder))
    commit(lake, 1.0)
    switch(folder, "ro")
    try:
        yield lake
    finally:
        switch(folder, "rw")
        if os.geteuid() == 0:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)


def switch(folder: Path, to: str) -> None:
    if os.geteuid() == 0:
        mount("-o", f"remount,{to}", str(folder))
    else:
        for path in (folder, folder / "_delta_log"):
            path.chmod(0o555 if to == "ro" else 0o755)


def test_a_lake_that_may_not_be_written_is_said_and_works_again_with_the_right(forbidden: Lake) -> None:
    with pytest.raises(DataError) as refused:
        commit(forbidden, 2.0)
    assert "the folder cannot be written; the table is as it was before. Give this user write access or set MATINS_LAKE to another folder." in str(
        refused.value
    )
    assert contents(forbidden) == {NIGHT: [(1.0, 1, ROWS)]}
    assert not commit(forbidden, 1.0).written, "what needs no write needs no right"
    switch(Path(forbidden.path(TABLE)), "rw")
    assert commit(forbidden, 2.0).written == {NIGHT}
    invariants.table_is_whole(forbidden, TABLE)


def free(lake: Lake) -> int:
    found = os.statvfs(Path(lake.path("")).parent)
    return found.f_bavail * found.f_frsize
