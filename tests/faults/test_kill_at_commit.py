"""Faults 2 and 3: a writer is killed around its Delta commit; the table is as before or as after, and a retry makes it once."""

import random
import signal
import time
from pathlib import Path

import pytest

from jobs.lake import delta
from jobs.lake.lake import Lake
from tests.faults import invariants
from tests.faults.processes import Child, child, wait_for
from tests.faults.tables import NIGHT, ROWS, TABLE, commit, contents

MANY = 300_000


@pytest.fixture
def begun(lake: Lake) -> Lake:
    """A table whose night has a first generation."""
    commit(lake, 1.0)
    return lake


def version(lake: Lake) -> int:
    return delta.version_of(lake.spark, lake.path(TABLE))


def files(lake: Lake) -> set[Path]:
    return set(Path(lake.path(TABLE)).glob("*.parquet"))


def recovers(lake: Lake, *, rows: int = ROWS) -> None:
    """The retry ends as one clean run would have, and a second one changes nothing."""
    commit(lake, 2.0, rows=rows)
    assert contents(lake) == {NIGHT: [(2.0, 2, rows)]}
    assert invariants.audit(lake, TABLE) == [[(str(NIGHT), 1)], [(str(NIGHT), 2)]]
    settled = version(lake)
    assert not commit(lake, 2.0, rows=rows).written
    assert version(lake) == settled
    invariants.table_is_whole(lake, TABLE)
    invariants.nobody_dead_is_at_work(lake)


def test_killed_with_spark_after_its_files_it_leaves_orphans_that_nobody_sees(begun: Lake) -> None:
    before, seen = version(begun), files(begun)
    with child("commit", 2.0, MANY) as writer:
        wait_for(lambda: bool(files(begun) - seen))
        writer.kill_group()
    assert version(begun) == before
    assert contents(begun) == {NIGHT: [(1.0, 1, ROWS)]}
    orphans = files(begun) - seen
    recovers(begun, rows=MANY)
    assert orphans <= files(begun)


def test_killed_alone_after_its_files_it_commits_once_or_not_at_all(begun: Lake) -> None:
    """Spark's own process outlives Python for a moment and may finish: then the retry finds its work done."""
    seen = files(begun)
    with child("commit", 2.0, MANY) as writer:
        wait_for(lambda: bool(files(begun) - seen))
        writer.send(signal.SIGKILL)
        wait_for(writer.group_is_gone)
    assert contents(begun)[NIGHT] in ([(1.0, 1, ROWS)], [(2.0, 2, MANY)])
    recovers(begun, rows=MANY)


def test_killed_before_its_commit_it_has_done_nothing_and_its_lease_is_taken_at_once(begun: Lake) -> None:
    before = version(begun)
    with child("commit", 2.0, MATINS_FAIL="things.before_commit:kill9") as writer:
        assert writer.end()[0] == -signal.SIGKILL
    assert version(begun) == before
    recovers(begun)  # the child's lease was of an hour: waiting for its end would take longer than a test may


def test_killed_after_its_commit_the_retry_finds_it_in_the_tables_own_history(begun: Lake) -> None:
    before = version(begun)
    with child("commit", 2.0, MATINS_FAIL="things.after_commit:kill9") as writer:
        assert writer.end()[0] == -signal.SIGKILL
    assert version(begun) == before + 1
    assert begun.ledger.known_version(begun.pipeline, TABLE) == before, "the ledger was not told"
    assert not commit(begun, 2.0).written, "the same content is not written again"
    assert version(begun) == before + 1
    assert begun.ledger.known_version(begun.pipeline, TABLE) == before + 1
    recovers(begun)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(20))
def test_killed_at_any_time_it_commits_once_or_not_at_all(begun: Lake, seed: int) -> None:
    rng = random.Random(seed)
    with child("commit", 2.0, MANY) as writer:
        kill_at_random(writer, rng)
        wait_for(writer.group_is_gone)
    assert contents(begun)[NIGHT] in ([(1.0, 1, ROWS)], [(2.0, 2, MANY)])
    recovers(begun, rows=MANY)


def kill_at_random(writer: Child, rng: random.Random) -> None:
    """Python alone or all of it, at a time of which some fall before and some after a commit on any machine."""
    time.sleep(rng.uniform(2, 20))
    rng.choice([lambda: writer.send(signal.SIGKILL), writer.kill_group])()
