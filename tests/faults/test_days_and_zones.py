"""Faults 37 and 38: whatever the calendar or the host's time zone does, a night is one day in UTC, and holds the same."""

import datetime as dt
import json
from contextlib import ExitStack
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.config.loading import load_pipeline
from jobs.nightly import newest_due
from jobs.nights import span
from jobs.settings import Settings
from tests.faults import invariants
from tests.faults.prepared import CHANGES, NAME, Scene
from tests.faults.processes import child
from tests.tiny import deliver, rows_of, write_pipeline

# A leap day, both changes to summer time and both back, the new year.
ODD = ("2024-02-28", "2024-02-29", "2024-03-01", "2024-03-10", "2024-03-31", "2024-10-27", "2024-11-03", "2024-12-31")


@pytest.fixture
def small(home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_pipeline(tmp_path / "pipelines", home.landing, name=NAME, nights=3, changes=CHANGES)
    monkeypatch.setenv("MATINS_PIPELINES", str(tmp_path / "pipelines"))
    return tmp_path


def test_odd_days_are_nights_like_any_other(small: Path, home: Settings, spark: SparkSession) -> None:
    scene = Scene.here(spark)
    for night in map(date.fromisoformat, ODD):
        deliver(home.landing, night)
    assert scene.matins("backfill", NAME, "--from", ODD[0], "--to", ODD[-1], "--steps", "raw", "--no-pages") == 1, "the other nights have no delivery"
    assert scene.matins("backfill", NAME, "--from", ODD[0], "--to", ODD[2], "--steps", "raw,validated", "--no-pages") == 0
    found = scene.lake.current("raw/orders")
    assert [str(night) for night in found] == list(ODD)
    assert {one.rows for one in found.values()} == {60}
    days = scene.lake.read("validated/orders").frame.select("night", "day").distinct().collect()
    assert sorted((str(row["night"]), str(row["day"])) for row in days) == [(night, night) for night in ODD]
    invariants.table_is_whole(scene.lake, "raw/orders")


def test_a_span_over_leap_day_and_year_end_has_every_day_once() -> None:
    assert len(span(date(2024, 2, 28), date(2024, 3, 1))) == 3
    assert len(set(span(date(2023, 12, 31), date(2025, 1, 1)))) == 368


@pytest.mark.parametrize(
    ("now", "newest"),
    [
        ("2024-03-10T05:59:59+00:00", "2024-03-09"),
        ("2024-03-10T06:00:00+00:00", "2024-03-10"),
        ("2024-03-10T01:30:00-05:00", "2024-03-10"),
        ("2024-02-29T06:00:00+00:00", "2024-02-29"),
        ("2024-03-01T05:00:00+00:00", "2024-02-29"),
        ("2024-11-03T11:00:00+05:30", "2024-11-02"),
        ("2025-01-01T05:59:00+00:00", "2024-12-31"),
        ("2026-01-01T00:00:00+00:00", "2024-12-31"),
    ],
)
def test_the_newest_due_night_is_told_by_utc_alone(small: Path, home: Settings, now: str, newest: str) -> None:
    pipeline = load_pipeline(NAME, Scene.here(None).settings)  # type: ignore[arg-type]
    assert str(newest_due(pipeline, dt.datetime.fromisoformat(now))) == newest


def test_a_hosts_time_zone_changes_no_checksum(small: Path, home: Settings, spark: SparkSession, tmp_path: Path) -> None:
    """Kolkata is half an hour off the full hours, St. John's too, and changes its clock in the night that is run."""
    night = date(2024, 3, 10)
    for day in span(date(2024, 3, 1), night):
        deliver(home.landing, day)
    with ExitStack() as stack:
        elsewhere = [
            stack.enter_context(child("checksums", NAME, night, TZ=zone, MATINS_HOME=str(tmp_path / zone), MATINS_LANDING=str(home.landing)))
            for zone in ("Asia/Kolkata", "America/St_Johns")
        ]
        scene = Scene.here(spark)
        assert scene.matins("run", NAME, "--night", str(night), "--steps", "raw,validated,features", "--no-pages") == 0
        ours = {table: scene.lake.current(table)[night] for table in ("raw/orders", "validated/orders", "features")}
        for one in elsewhere:
            said = one.end()[1].splitlines()
            found = json.loads(next(line for line in said if line.startswith('{"status"')))
            assert found == {"status": 0, **{table: [one.rows, one.checksum] for table, one in ours.items()}}


def test_the_hours_that_a_clock_change_skips_or_repeats_stay_apart() -> None:
    """The deliveries above have rows in them."""
    hours = {str(row[4])[11:13] for row in rows_of("orders", date(2024, 3, 10))}
    assert {"01", "02", "03"} <= hours
