"""`matins plan` says of each step whether it would run and why, `matins status` how things stand; neither writes anything."""

import os
import shutil
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from jobs.config.loading import load_pipeline
from jobs.nights import span
from jobs.planning import planned
from jobs.settings import Settings, read_settings
from jobs.status import show, status_of
from tests.tiny import FIRST, Tiny, run_nights, write_pipeline

NIGHTS = span(FIRST, FIRST + timedelta(days=3))
SMALL: Mapping[str, Any] = {
    "feeds": {"weather": None},
    "features": {"latest": None, "calendar": None, "history": {"outcomes": {"windows": [1], "by": [["shop"]], "take": {"refund": None}}}},
}

LOOK_BACK = {"returned/retraining", "alerts", "report"}
"""They speak of bad nights as well, and so they would run whatever has become of the others."""


@pytest.fixture(scope="module")
def ran(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, Tiny]]:
    """A home with four nights of features and no champion, and deliveries for two more."""
    root = tmp_path_factory.mktemp("ran")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MATINS_HOME", str(root / "home"))
        patch.setenv("MATINS_SPARK_PROFILE", "test")
        patch.setenv("MATINS_PIPELINES", str(root / "pipelines"))
        settings = read_settings()
        tiny = write_pipeline(root / "pipelines", settings.landing, nights=6, rows=10, changes=SMALL)
        assert not [one for result in run_nights(settings, tiny, NIGHTS) for one in result.failed]
        yield settings, tiny


@pytest.fixture
def settings(ran: tuple[Settings, Tiny]) -> Settings:
    return ran[0]


@pytest.fixture
def tiny(ran: tuple[Settings, Tiny]) -> Tiny:
    return ran[1]


def plan(settings: Settings, night: Any, changes: Mapping[str, Any] | None = None) -> dict[str, tuple[bool, str]]:
    pipeline = load_pipeline("tiny", settings)
    if changes:
        pipeline = type(pipeline).model_validate(_deep(pipeline.model_dump(by_alias=True, exclude_unset=True), changes))
    return {one["step"]: (one["runs"], one["why"]) for one in planned(settings, pipeline, night)}


def _deep(plain: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return plain | {key: _deep(plain[key], value) if isinstance(value, Mapping) and key in plain else value for key, value in changes.items()}


class TestPlan:
    def test_a_night_that_was_made_is_up_to_date(self, settings: Settings) -> None:
        found = plan(settings, NIGHTS[-1])
        made = {table: one for table, one in found.items() if not table.startswith("returned/") and table not in LOOK_BACK}
        assert set(made.values()) == {(False, "up to date")}
        assert found["returned/predictions"] == (False, "tiny.returned has no champion: matins train tiny.returned --as-of NIGHT")
        assert found["returned/model"] == (False, f"on demand: matins train tiny.returned --as-of {NIGHTS[-1]}")
        assert found["returned/published"][1].startswith("cannot run: tiny.returned has no champion")

    def test_a_new_night_runs_from_its_delivery_on(self, settings: Settings) -> None:
        found = plan(settings, NIGHTS[-1] + timedelta(days=1))
        assert found["raw/orders"] == (True, "a new delivery")
        assert found["raw/shops"] == (False, "up to date")
        assert found["validated/orders"] == (True, "raw/orders would run")
        assert found["features"] == (True, "never computed")

    def test_a_window_that_lacks_nights_takes_them_along(self, settings: Settings) -> None:
        found = plan(settings, NIGHTS[-1] + timedelta(days=2), {"features": {"history": {"outcomes": {"windows": [3]}}}})
        assert found["raw/outcomes"] == (True, "a new delivery; 1 earlier night: a new delivery")

    def test_an_absent_delivery_blocks_what_rests_on_it(self, settings: Settings) -> None:
        found = plan(settings, NIGHTS[-1] + timedelta(days=10))
        runs, why = found["raw/orders"]
        assert not runs
        assert why.startswith("no delivery: expected ")
        assert found["features"][1].startswith("orders has no validated delivery for 2024-01-14")

    def test_a_night_before_a_feeds_first_says_so(self, settings: Settings) -> None:
        assert plan(settings, FIRST)["raw/outcomes"] == (False, "its first delivery is that of 2024-01-03")

    def test_bytes_that_changed_are_noticed(self, settings: Settings, tiny: Tiny) -> None:
        file = tiny.file("outcomes", NIGHTS[-1])
        before = file.stat()
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
        found = plan(settings, NIGHTS[-1] + timedelta(days=1))
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert found["raw/outcomes"] == (True, "a new delivery; 1 earlier night: its size or time of change differs")

    def test_a_changed_feed_is_validated_again(self, settings: Settings) -> None:
        found = plan(settings, NIGHTS[-1], {"feeds": {"outcomes": {"max_bad_share": 0.5}}})
        assert found["validated/outcomes"][0]
        assert found["validated/outcomes"][1].startswith("the feed's configuration changed")
        assert found["features"] == (True, "configuration changed")

    def test_other_features_name_the_configuration(self, settings: Settings) -> None:
        found = plan(settings, NIGHTS[-1], {"features": {"columns": {"hour": "hour(placed) + 1"}}})
        assert found["features"] == (True, "configuration changed")
        assert found["validated/orders"] == (False, "up to date")

    def test_an_empty_home_stays_one(self, settings: Settings, tmp_path: Path) -> None:
        found = plan(settings.model_copy(update={"home": tmp_path / "empty"}), NIGHTS[0])
        assert {table for table, (runs, _) in found.items() if runs} == LOOK_BACK
        assert not (tmp_path / "empty").exists()


class TestStatus:
    def test_an_empty_home_says_what_to_run_first(self, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        found = status_of(settings.model_copy(update={"home": tmp_path / "empty"}), load_pipeline("tiny", settings))
        assert found["first_steps"][1] == "matins backfill tiny --from 2024-01-01 --to NIGHT --steps raw,validated,features"
        assert (found["last_done"], found["red"]) == (None, [])
        assert not (tmp_path / "empty").exists()
        show(found)
        assert "Nothing has been computed yet" in capsys.readouterr().out

    def test_a_home_tells_freshness_and_coverage(self, settings: Settings) -> None:
        found = status_of(settings, load_pipeline("tiny", settings))
        fresh = {one["feed"]: one for one in found["freshness"]}
        assert fresh["orders"]["newest"] == NIGHTS[-1]
        assert fresh["orders"]["behind"] == (fresh["orders"]["expected"] - NIGHTS[-1]).days
        assert fresh["shops"]["generation"] == 1
        assert [(one["night"], one["rows"], one["outcomes"]) for one in found["coverage"]] == list(zip(NIGHTS, [10] * 4, [0, 0, 1, 1], strict=True))
        assert found["models"]["returned"]["champion"] == {"version": None}

    def test_a_red_night_is_listed_with_its_problem(self, settings: Settings, tiny: Tiny, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        own = settings.model_copy(update={"home": tmp_path / "copy", "landing_root": tmp_path / "nothing"})
        shutil.copytree(settings.root, own.root)
        run_nights(own, tiny, [NIGHTS[-1] + timedelta(days=1)], steps="raw")
        (red,) = status_of(own, load_pipeline("tiny", settings))["red"]
        assert (red["night"], red["step"]) == (NIGHTS[-1] + timedelta(days=1), "raw/orders")
        assert "no delivery for night 2024-01-05" in red["problem"]
        show(status_of(own, load_pipeline("tiny", settings)))
        assert "RED 2024-01-05 raw/orders" in capsys.readouterr().out
