"""Faults 13 and 14: two writers of one table take turns; no commit is lost and no night is mixed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from jobs.errors import RetryableError
from jobs.lake import delta
from jobs.lake.lake import Lake
from tests.faults import invariants, tables
from tests.faults.processes import child
from tests.faults.tables import NIGHT, ROWS, TABLE, commit, contents


def two_processes(act: str, commits: int) -> list[tuple[int, str]]:
    """Each makes so many commits, beginning at the same time."""
    with ExitStack() as stack:
        writers = [stack.enter_context(child(act, first, commits)) for first in (1, 2)]
        for writer in writers:
            assert writer.line() == "ready"
        for writer in writers:
            writer.tell()
        return [writer.end(patience=20 * commits) for writer in writers]


def nights_written(lake: Lake, commits: int) -> Iterator[bool]:
    found = contents(lake)
    for place in range(commits):
        for first in (1, 2):
            yield found.get(tables.after(first + 2 * place)) == [(float(place), 1, ROWS)]


@pytest.mark.parametrize("commits", [pytest.param(20, marks=pytest.mark.timeout(900)), pytest.param(200, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])])
def test_two_processes_lose_no_commit(lake: Lake, commits: int) -> None:
    """On a local path, Delta's own log store protects against writers of one JVM alone. See the next test for what that means."""
    commit(lake, 1.0)
    first = delta.version_of(lake.spark, lake.path(TABLE))
    assert [status for status, _ in two_processes("many", commits)] == [0, 0]
    assert delta.version_of(lake.spark, lake.path(TABLE)) == first + 2 * commits
    assert all(nights_written(lake, commits))
    invariants.table_is_whole(lake, TABLE)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_without_the_lock_commits_can_be_lost(lake: Lake) -> None:
    """What the lock is for: of 2 × 40 commits made through Delta alone, some can be lost; the test prints how many nights are there.

    The log store looks whether the next version's file exists and then renames its own to that name, which on a local path
    replaces a file that another process has put there in between. The test asserts only what is certain: each process
    reports success or a conflict, and the count of nights that are there is not more than that of the reported commits.
    """
    commit(lake, 1.0)
    ends = two_processes("many_unlocked", 40)
    there = sum(nights_written(lake, 40))
    print(f"without the lock: exit statuses {[status for status, _ in ends]}, {there} of 80 nights are there")  # noqa: T201
    assert there <= 80
    assert all(status in {0, 1, 3} for status, _ in ends), ends


def test_two_runs_of_one_night_leave_the_rows_of_one(lake: Lake) -> None:
    commit(lake, 0.0)
    with ThreadPoolExecutor(2) as both:
        runs = [both.submit(commit, lake_of_run(lake, str(value)), value) for value in (1.0, 2.0)]
        written = [run.result().slices[0].generation for run in runs]
    assert sorted(written) == [2, 3], "they took turns"
    last = 1.0 + written.index(3)
    assert contents(lake) == {NIGHT: [(last, 3, ROWS)]}
    invariants.table_is_whole(lake, TABLE)


def test_two_replacements_past_the_lock_are_one_generation_or_a_conflict(lake: Lake) -> None:
    """Delta's second line of defence, within one JVM."""
    commit(lake, 0.0)

    def replace(value: float) -> str:
        rows = tables.rows_of(lake.spark, NIGHT, value).selectExpr("*", "2 AS generation", "false AS restated")
        try:
            delta.replace_where(rows, lake.path(TABLE), f"night = DATE'{NIGHT}'", user_metadata="{}")
        except RetryableError as error:
            return str(error)
        return "written"

    with ThreadPoolExecutor(2) as both:
        ends = list(both.map(replace, (1.0, 2.0)))
    assert "written" in ends
    assert all(end == "written" or "another commit came between; nothing was written. Run again." in end for end in ends)
    [(_, generation, rows)] = contents(lake)[NIGHT]
    assert (generation, rows) == (2, ROWS)


def lake_of_run(lake: Lake, run_id: str) -> Lake:
    return Lake(lake.spark, lake.ledger, root=str(Path(lake.path("")).parent), pipeline=lake.pipeline, run_id=run_id)
