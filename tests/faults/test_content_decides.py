"""Faults 17 and 18, and a ledger or table that is gone: what is written is decided by content, never by a number that was used before."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.errors import DataError
from jobs.lake.lake import Draft, Lake
from jobs.settings import Settings
from tests.faults import invariants
from tests.faults.tables import NIGHT, ROWS, TABLE, commit, contents, lake_of, rows_of

EARLIER = NIGHT - timedelta(days=30)


def test_an_older_night_is_written_after_a_newer_one(lake: Lake) -> None:
    commit(lake, 1.0, night=NIGHT)
    assert commit(lake, 2.0, night=EARLIER).written == {EARLIER}
    assert contents(lake) == {EARLIER: [(2.0, 1, ROWS)], NIGHT: [(1.0, 1, ROWS)]}
    assert not commit(lake, 1.0, night=NIGHT).written, "and the newer one is still known"
    invariants.table_is_whole(lake, TABLE)


def test_the_same_run_with_other_data_writes_a_new_generation(home: Settings, spark: SparkSession) -> None:
    for value, generation in ((1.0, 1), (2.0, 2), (2.0, 2), (1.0, 3)):
        again = lake_of(home, spark, run_id="the same run")
        assert commit(again, value).slices[0].generation == generation
    assert contents(again) == {NIGHT: [(1.0, 3, ROWS)]}
    assert invariants.audit(again, TABLE) == [[(str(NIGHT), generation)] for generation in (1, 2, 3)]


def test_another_run_with_the_same_data_writes_nothing(home: Settings, spark: SparkSession) -> None:
    first = commit(lake_of(home, spark, run_id="first"), 1.0)
    second = commit(lake_of(home, spark, run_id="second"), 1.0)
    assert not second.written
    assert (second.slices[0].run_id, second.slices[0].version) == ("first", first.version)


def test_a_night_without_its_draft_is_refused_and_nothing_is_written(lake: Lake) -> None:
    commit(lake, 1.0)
    with pytest.raises(DataError, match=rf"Rows of {NIGHT} were about to be written to `things` by a run of other nights; nothing was written"):
        lake.commit(rows_of(lake.spark, NIGHT, 2.0), TABLE, [Draft(night=EARLIER, fingerprint="2")], step="things")
    assert contents(lake) == {NIGHT: [(1.0, 1, ROWS)]}


def test_a_lost_ledger_is_rebuilt_from_the_tables_own_history(lake: Lake, home: Settings, spark: SparkSession) -> None:
    commit(lake, 1.0)
    commit(lake, 2.0)
    commit(lake, 3.0, night=EARLIER)
    known = lake.slices(TABLE)
    lake.ledger.engine.dispose()
    (home.root / "ledger.db").unlink()
    rebuilt = lake_of(home, spark)
    assert rebuilt.slices(TABLE) == known
    assert not commit(rebuilt, 2.0).written


def test_a_lost_table_is_not_taken_for_up_to_date(lake: Lake, spark: SparkSession) -> None:
    commit(lake, 1.0)
    commit(lake, 2.0)
    shutil.rmtree(Path(lake.path(TABLE)))
    spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()  # another day, another process
    assert lake.slices(TABLE) == []
    assert commit(lake, 2.0).written == {NIGHT}
    assert contents(lake) == {NIGHT: [(2.0, 1, ROWS)]}
    invariants.table_is_whole(lake, TABLE)


def test_a_night_that_loses_its_last_row_is_empty_and_not_as_before(lake: Lake) -> None:
    commit(lake, 1.0)
    commit(lake, 1.0, night=EARLIER)
    assert commit(lake, 2.0, rows=0).slices[0].generation == 2
    assert contents(lake) == {EARLIER: [(1.0, 1, ROWS)]}
    assert not commit(lake, 2.0, rows=0).written
    invariants.table_is_whole(lake, TABLE)
