"""The sensor asks a Dagster instance for trainings: one for a model and night, again where a run was lost, and not for ever. No model is trained."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from assets.factory import pipeline_definitions
from jobs.config.loading import Found, read_pipeline
from jobs.ledger.ledger import Ledger
from jobs.settings import Settings
from tests.tiny import Tiny, write_pipeline

NIGHT = date(2024, 1, 20)
Status = dg.DagsterRunStatus


class Retraining:
    """The tiny pipeline in a Dagster instance of its own."""

    def __init__(self, settings: Settings, tiny: Tiny, instance: dg.DagsterInstance) -> None:
        self.instance, self.ledger = instance, Ledger.of(settings)
        self.repository = pipeline_definitions(Found(tiny.path, read_pipeline(tiny.path))).get_repository_def()
        self.skipped: str | None = None

    def decided(self, night: date, act: str = "retrain") -> None:
        """As the step records it."""
        self.ledger.record_retraining("tiny", "returned", night, act=act, reason="", inputs={}, fingerprint="", run_id="r")

    def ended(self, night: date, act: str, version: int = 2) -> None:
        """As a training records it."""
        about = {"version": version, "former": 1, "night": night, "by": "gate", "reason": "", "evidence": {}, "run_id": "r"}
        self.ledger.decide("tiny", "returned", act, **about)

    def tick(self) -> list[dg.RunRequest]:
        """What the sensor asks for."""
        context = dg.build_sensor_context(instance=self.instance, repository_def=self.repository)
        data = self.repository.get_sensor_def("tiny_retraining").evaluate_tick(context)
        self.skipped = data.skip_message
        return list(data.run_requests or [])

    def run(self, asked: dg.RunRequest, status: Status) -> None:
        """The run that the daemon would make of it, in that state."""
        create_run_for_test(self.instance, job_name=str(asked.job_name), tags=dict(asked.tags), status=status)

    def acts(self) -> list[str]:
        return [one["act"] for one in self.ledger.decisions("tiny", "returned")]


@pytest.fixture
def retraining(home: Settings, tmp_path: Path) -> Iterator[Retraining]:
    tiny = write_pipeline(home.root / "pipelines", home.landing, nights=1, rows=3)
    (tmp_path / "instance").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "instance")) as instance:
        yield Retraining(home, tiny, instance)


def test_nothing_is_asked_for_where_no_night_has_decided_to_retrain(retraining: Retraining) -> None:
    retraining.decided(NIGHT, "held_back")
    assert retraining.tick() == []
    assert retraining.skipped == "No retraining of `tiny` is open."


def test_a_decision_is_one_training_as_of_its_night(retraining: Retraining) -> None:
    retraining.decided(NIGHT)
    (asked,) = retraining.tick()
    assert (asked.run_key, asked.job_name) == ("tiny.returned/2024-01-20/attempt-1", "tiny_returned_training")
    assert asked.run_config == {"ops": {"tiny__returned__model": {"config": {"as_of": "2024-01-20"}}}}


def test_a_tick_that_comes_twice_asks_under_the_same_key(retraining: Retraining) -> None:
    """Dagster starts one run for a key, so that a daemon killed between the asking and the starting does no harm."""
    retraining.decided(NIGHT)
    assert [one.run_key for one in retraining.tick()] == [one.run_key for one in retraining.tick()]


@pytest.mark.parametrize("status", [Status.NOT_STARTED, Status.STARTING, Status.STARTED, Status.CANCELING])
def test_nothing_is_asked_for_while_a_training_is_under_way(retraining: Retraining, status: Status) -> None:
    retraining.decided(NIGHT)
    (asked,) = retraining.tick()
    retraining.run(asked, status)
    assert retraining.tick() == []
    assert retraining.skipped == "Under way: returned/2024-01-20."


@pytest.mark.parametrize("act", ["promoted", "waiting", "refused"])
def test_a_training_that_has_ended_is_not_asked_for_again(retraining: Retraining, act: str) -> None:
    retraining.decided(NIGHT)
    (asked,) = retraining.tick()
    retraining.run(asked, Status.SUCCESS)
    retraining.ended(NIGHT, act)
    assert retraining.tick() == []


def test_a_training_that_is_lost_is_tried_three_times_and_given_up(retraining: Retraining) -> None:
    retraining.decided(NIGHT)
    keys = []
    for _ in range(3):
        (asked,) = retraining.tick()
        keys.append(asked.run_key)
        retraining.run(asked, Status.FAILURE)
    assert [str(key).rpartition("-")[2] for key in keys] == ["1", "2", "3"]
    assert retraining.tick() == []
    assert retraining.acts() == ["given_up"]
    assert retraining.tick() == []
    assert retraining.acts() == ["given_up"]
    assert retraining.skipped == "No retraining of `tiny` is open."


def test_a_later_decision_is_another_training(retraining: Retraining) -> None:
    later = date(2024, 2, 20)
    retraining.decided(NIGHT)
    retraining.ended(NIGHT, "refused")
    retraining.decided(later)
    assert [one.run_key for one in retraining.tick()] == ["tiny.returned/2024-02-20/attempt-1"]


def test_a_training_that_ends_while_the_sensor_looks_is_not_given_up(retraining: Retraining, monkeypatch: pytest.MonkeyPatch) -> None:
    retraining.decided(NIGHT)
    for _ in range(3):
        (asked,) = retraining.tick()
        retraining.run(asked, Status.FAILURE)
    runs_of = retraining.instance.get_runs

    def ends_first(**about: Any) -> Any:
        retraining.ended(NIGHT, "promoted")
        return runs_of(**about)

    monkeypatch.setattr(retraining.instance, "get_runs", ends_first)
    assert retraining.tick() == []
    assert retraining.acts() == ["promoted"]
