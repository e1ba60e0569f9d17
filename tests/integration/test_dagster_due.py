"""The sensor and the schedule ask a Dagster instance for runs of nights: of which, and never twice. The ledger and the deliveries are real; no night runs."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.storage.tags import RUN_KEY_TAG
from dagster._core.test_utils import create_run_for_test

from assets.factory import pipeline_definitions
from assets.schedule import cron_of
from jobs.config.loading import Found, read_pipeline
from jobs.config.pipeline import Pipeline
from jobs.errors import UsageError
from jobs.ledger.ledger import Ledger
from jobs.nights import span
from jobs.settings import Settings, read_settings
from tests.said import say
from tests.tiny import FIRST, Tiny, deliver, write_pipeline

# The last night of the tiny pipeline stays the newest that is due, whenever this test runs.
LAST = date(2024, 1, 8)
Status = dg.DagsterRunStatus


class Night:
    """The tiny pipeline in a Dagster instance of its own."""

    def __init__(self, settings: Settings, tiny: Tiny, instance: dg.DagsterInstance) -> None:
        self.settings, self.tiny, self.instance = settings, tiny, instance
        self.pipeline: Pipeline = read_pipeline(tiny.path)
        self.ledger = Ledger.of(settings)
        self.repository = pipeline_definitions(Found(tiny.path, self.pipeline)).get_repository_def()
        self.cursor: str | None = None

    def tick(self) -> list[dg.RunRequest]:
        """What the sensor asks for."""
        context = dg.build_sensor_context(instance=self.instance, cursor=self.cursor, repository_def=self.repository)
        data = self.repository.get_sensor_def("tiny_due").evaluate_tick(context)
        self.cursor, self.said = data.cursor, data.skip_message
        return list(data.run_requests or [])

    def scheduled(self) -> list[dg.RunRequest]:
        """What the schedule asks for."""
        context = dg.build_schedule_context(instance=self.instance, scheduled_execution_time=datetime(2024, 3, 1, tzinfo=UTC), repository_def=self.repository)
        return list(self.repository.get_schedule_def("tiny_nightly").evaluate_tick(context).run_requests or [])

    def run(self, asked: dg.RunRequest, status: Status) -> str:
        """The run that the daemon would make of it, in that state; its id."""
        tags = {**asked.tags, RUN_KEY_TAG: str(asked.run_key)}
        origin = RemoteJobOrigin(RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("matins"), "__repository__"), "tiny_night")
        return create_run_for_test(self.instance, job_name="tiny_night", tags=tags, status=status, remote_job_origin=origin).run_id

    def say(self, run_id: str, nights: list[date], outcome: str = "written", up_to: str = "") -> None:
        say(self.ledger, self.pipeline, run_id, nights, outcome, up_to=up_to)  # type: ignore[arg-type]


@pytest.fixture
def night(home: Settings, tmp_path: Path) -> Iterator[Night]:
    tiny = write_pipeline(home.root / "pipelines", home.landing, nights=8, rows=3, changes={"nights": {"to": LAST}})
    (tmp_path / "instance").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "instance")) as instance:
        yield Night(home, tiny, instance)


def nights_of(asked: list[dg.RunRequest]) -> list[str]:
    return [str(one.run_key).split("/")[0] for one in asked]


def test_nights_that_were_missed_are_one_run_that_remembers_their_deliveries(night: Night) -> None:
    night.say("r1", span(FIRST, date(2024, 1, 6)))
    (asked,) = night.tick()
    assert nights_of([asked]) == ["2024-01-07 to 2024-01-08"]
    assert str(asked.run_key).endswith("/1")
    assert (asked.tags["dagster/asset_partition_range_start"], asked.tags["dagster/asset_partition_range_end"]) == ("2024-01-07", "2024-01-08")
    assert {tag for tag in asked.tags if tag.startswith("matins")} == {f"matins.deliveries/2024-01-0{day}" for day in (7, 8)}


@pytest.mark.parametrize("status", [Status.NOT_STARTED, Status.QUEUED, Status.STARTING, Status.STARTED, Status.CANCELING])
def test_nothing_is_asked_for_while_a_run_of_the_night_is_under_way(night: Night, status: Status) -> None:
    night.say("r1", span(FIRST, date(2024, 1, 7)))
    (asked,) = night.tick()
    assert asked.partition_key == "2024-01-08"
    night.run(asked, status)
    assert night.tick() == []
    assert night.said == "2024-01-08: under way"
    assert night.scheduled() == []


def test_a_run_that_somebody_else_started_counts_as_under_way_and_other_pipelines_do_not(night: Night) -> None:
    night.say("r1", span(FIRST, date(2024, 1, 7)))
    by_hand = {"dagster/asset_partition_range_start": "2024-01-07", "dagster/asset_partition_range_end": "2024-01-08"}
    create_run_for_test(night.instance, job_name="__ASSET_JOB", tags=by_hand, status=Status.STARTED, asset_selection={dg.AssetKey(["other", "features"])})
    assert nights_of(night.tick()) == ["2024-01-08"]
    create_run_for_test(night.instance, job_name="__ASSET_JOB", tags=by_hand, status=Status.STARTED, asset_selection={dg.AssetKey(["tiny", "features"])})
    assert night.tick() == []


def test_a_tick_that_is_repeated_asks_under_the_same_run_key(night: Night) -> None:
    """A daemon that is killed asks again when it comes back; Dagster starts one run for a key."""
    assert night.tick() == night.tick() != []


def test_a_lost_run_is_asked_for_again_at_most_three_times(night: Night) -> None:
    night.say("r1", span(FIRST, date(2024, 1, 7)))
    keys = []
    for status in (Status.FAILURE, Status.CANCELED, Status.FAILURE):
        (asked,) = night.tick()
        keys.append(str(asked.run_key))
        night.say(night.run(asked, status), [LAST], up_to="features")
    assert [key.rsplit("/", 1)[1] for key in keys] == ["1", "2", "3"]
    assert len({key.rsplit("/", 1)[0] for key in keys}) == 1
    assert night.tick() == []
    assert "ended 3 times without saying" in str(night.said)


@pytest.mark.parametrize("by", ["sensor", "schedule"])
def test_a_red_night_is_asked_for_again_when_its_deliveries_have_changed(night: Night, by: str) -> None:
    night.say("r1", span(FIRST, date(2024, 1, 7)))
    (asked,) = night.tick() if by == "sensor" else night.scheduled()
    night.say(night.run(asked, Status.FAILURE), [LAST], "failed")
    assert night.tick() == []
    assert "red" in str(night.said)
    deliver(night.settings.landing, LAST, rows=4)
    (again,) = night.tick()
    assert (again.partition_key, str(again.run_key)[-2:]) == ("2024-01-08", "/1")
    assert again.run_key != asked.run_key


def test_a_late_night_is_waited_for_while_later_ones_run_and_is_not_forgotten(night: Night) -> None:
    night.say("r1", span(FIRST, date(2024, 1, 6)))
    late = night.tiny.file("orders", date(2024, 1, 7))
    content = late.read_bytes()
    late.unlink()
    (asked,) = night.tick()
    assert nights_of([asked]) == ["2024-01-08"]
    night.say(night.run(asked, Status.SUCCESS), [LAST])
    assert night.tick() == []
    assert str(night.said) == f"2024-01-07: waits for {late}"
    late.write_bytes(content)
    assert nights_of(night.tick()) == ["2024-01-07"]


def test_the_sensor_is_off_looks_twice_a_minute_and_says_when_there_is_nothing(night: Night) -> None:
    sensor = night.repository.get_sensor_def("tiny_due")
    assert (sensor.default_status, sensor.minimum_interval_seconds, sensor.job_name) == (dg.DefaultSensorStatus.STOPPED, 30, "tiny_night")
    night.say("r1", span(FIRST, LAST))
    assert night.tick() == []
    assert night.said == "No night of `tiny` is due, and none is red."


def test_the_schedule_asks_for_what_is_due_and_not_under_way(night: Night) -> None:
    night.say("r1", span(FIRST, date(2024, 1, 5)))
    create_run_for_test(night.instance, job_name="tiny_night", tags={"dagster/partition": "2024-01-07"}, status=Status.STARTED)
    assert [one.run_key for one in night.scheduled()] == ["2024-01-06", "2024-01-08"]


def test_a_cron_expression_of_the_environment_replaces_every_pipeline_s_time(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cron_of(night.pipeline, read_settings()) == "0 6 * * *"
    monkeypatch.setenv("MATINS_CRON", "*/10 * * * *")
    schedule = pipeline_definitions(Found(night.tiny.path, night.pipeline)).resolve_schedule_def("tiny_nightly")
    assert schedule.cron_schedule == "*/10 * * * *"
    assert "`*/10 * * * *` in UTC" in (schedule.description or "")


@pytest.mark.parametrize("cron", ["soon", "* * * *", "*/5 * * * * *", "0 0 30 2 *"])
def test_what_is_no_cron_expression_is_refused_when_definitions_load(night: Night, monkeypatch: pytest.MonkeyPatch, cron: str) -> None:
    monkeypatch.setenv("MATINS_CRON", cron)
    with pytest.raises(UsageError, match="MATINS_CRON is"):
        pipeline_definitions(Found(night.tiny.path, night.pipeline))
