"""What Dagster is told of a step's nights; no Dagster instance and no Spark."""

from datetime import date

import dagster as dg
import pytest

from assets.runs import request
from assets.session import recorded
from assets.translation import Check, night_checks, night_metadata, over_all, per_night
from jobs.config.loading import read_pipeline
from jobs.config.pipeline import Pipeline
from jobs.errors import RetryableError, UsageError
from jobs.ledger.ledger import Ledger
from jobs.nights import span
from jobs.plan import Task, tasks
from jobs.results import NightResult, StepResult
from jobs.settings import Settings
from jobs.work import Options
from tests.tiny import write_pipeline

FIRST, LAST = date(2024, 1, 1), date(2024, 1, 3)
NIGHTS = span(FIRST, LAST)


@pytest.fixture
def pipeline(home: Settings) -> Pipeline:
    return read_pipeline(write_pipeline(home.root / "pipelines", home.landing, nights=1, rows=1).path)


def task(pipeline: Pipeline, step: str) -> Task:
    return next(one for one in tasks(pipeline) if one.step.name == step)


def result(*nights: NightResult, **about: object) -> StepResult:
    return StepResult(**{"step": "raw", "item": "orders", "table": "raw/orders", "nights": nights, **about})


def checks(of: Task, one: NightResult, **about: bool) -> dict[str, bool]:
    return {check.name: check.passed for check in night_checks(of, one, **about)}


def test_a_night_that_a_step_does_not_mention_is_red() -> None:
    nights = per_night(result(NightResult(night=FIRST, outcome="written")), NIGHTS)
    assert [one.outcome for one in nights.values()] == ["written", "failed", "failed"]


def test_a_night_before_the_first_delivery_is_no_fault(pipeline: Pipeline) -> None:
    nights = per_night(result(NightResult(night=LAST, outcome="written")), NIGHTS, first=LAST)
    assert [one.outcome for one in nights.values()] == ["absent", "absent", "written"]
    assert all(checks(task(pipeline, "raw"), nights[FIRST], expected=False).values())


def test_a_table_without_nights_stands_for_every_night() -> None:
    nights = per_night(result(NightResult(night=FIRST, outcome="unchanged", rows=5)), NIGHTS[1:], undated=True)
    assert {night: one.rows for night, one in nights.items()} == dict.fromkeys(NIGHTS[1:], 5)


def test_a_late_delivery_taken_in_on_the_way_is_told_too() -> None:
    nights = per_night(result(NightResult(night=FIRST, outcome="written"), NightResult(night=LAST, outcome="written")), [LAST])
    assert list(nights) == [FIRST, LAST]


def test_a_delivery_that_is_absent_and_tolerated_warns(pipeline: Pipeline) -> None:
    assert checks(task(pipeline, "raw"), NightResult(night=LAST, outcome="absent")) == {"night": True, "delivered": False}


def test_rows_that_are_not_accounted_for_fail_a_check(pipeline: Pipeline) -> None:
    counts = {"rows": 10, "good": 8, "bad": 1, "duplicates": 0}
    assert checks(task(pipeline, "validated"), NightResult(night=LAST, outcome="written", counts=counts))["accounted"] is False


def test_drift_that_was_measured_earlier_still_warns(pipeline: Pipeline) -> None:
    one = NightResult(night=LAST, outcome="unchanged", counts={"drifted": 0, "score_psi": 0.5}, detail={"state": "drifted"})
    assert checks(task(pipeline, "drift_report"), one) == {"night": True, "steady": False}


def test_metadata_has_counts_versions_and_reports_of_nights_that_were_worked_on() -> None:
    one = NightResult(
        night=LAST, outcome="written", rows=8, generation=2, counts={"rows": 10, "good": 8, "bad": 1, "duplicates": 1}, detail={"digest": "a" * 64}
    )
    done = result(one, version=7, inputs={"features": 3}, reports=("/reports/page.html",))
    shown = {name: value.value for name, value in night_metadata(done, one, run_id="r1").items()}
    assert shown["dagster/partition_row_count"] == 8
    assert shown["balance"] == "10 in = 8 good + 1 bad + 1 duplicates"
    assert (shown["generation"], shown["delta version"], shown["digest"]) == (2, 7, "a" * 16)
    assert shown["report html"] == "/reports/page.html"
    found = NightResult(night=LAST, outcome="unchanged")
    assert "report html" not in night_metadata(done, found, run_id="r1")


def test_a_check_over_a_range_names_the_nights_that_fail() -> None:
    checks = [(FIRST, Check("night", passed=True, description="")), (LAST, Check("night", passed=False, description="no delivery"))]
    (said,) = over_all(checks)
    assert (said.passed, said.description) == (False, "1 of 2 nights\n2024-01-03: no delivery")


def test_one_night_is_one_partition_and_its_run_remembers_the_deliveries() -> None:
    asked = request([LAST], run_key="key", deliveries={LAST: "d3"})
    assert (asked.run_key, asked.partition_key, asked.tags) == ("key", "2024-01-03", {"matins.deliveries/2024-01-03": "d3"})


def test_nights_that_were_missed_are_one_run() -> None:
    asked = request(NIGHTS, run_key="key", deliveries=dict(zip(NIGHTS, ("d1", "d2", "d3"), strict=True)))
    assert {name: value for name, value in asked.tags.items() if name.startswith("dagster/")} == {
        "dagster/asset_partition_range_start": "2024-01-01",
        "dagster/asset_partition_range_end": "2024-01-03",
    }
    assert asked.tags["matins.deliveries/2024-01-02"] == "d2"


def test_what_may_be_cured_is_tried_again_and_nothing_else(home: Settings, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    session = next(sessions := recorded(pipeline, run_id="r1", options=Options()))
    monkeypatch.setattr("jobs.runner.Run.do", _raising(RetryableError("busy")))
    with pytest.raises(dg.RetryRequested):
        session.do(task(pipeline, "raw"), [FIRST])
    monkeypatch.setattr("jobs.runner.Run.do", _raising(UsageError("wrong")))
    with pytest.raises(dg.Failure, match="wrong") as failed:
        session.do(task(pipeline, "raw"), [FIRST])
    assert failed.value.allow_retries is False
    with pytest.raises(StopIteration):
        next(sessions)
    assert outcome(home, "r1") == "failed"


def test_a_night_in_the_future_is_refused(pipeline: Pipeline) -> None:
    session = next(recorded(pipeline, run_id="r2", options=Options()))
    with pytest.raises(dg.Failure, match="outside the nights"):
        session.do(task(pipeline, "raw"), [date(2031, 1, 1)])


def test_an_interrupted_run_is_canceled_in_the_ledger(home: Settings, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    session = next(sessions := recorded(pipeline, run_id="r3", options=Options()))
    monkeypatch.setattr("jobs.runner.Run.do", _raising(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        session.do(task(pipeline, "raw"), [FIRST])
    with pytest.raises(StopIteration):
        next(sessions)
    assert outcome(home, "r3") == "canceled"


def outcome(home: Settings, run_id: str) -> str:
    from sqlalchemy import text

    with Ledger(home.ledger_url, home=home.root).engine.connect() as connection:
        return str(connection.execute(text("SELECT outcome FROM matins_runs WHERE run_id = :run"), {"run": run_id}).scalar_one())


def _raising(error: BaseException) -> object:
    def do(*_: object, **__: object) -> None:
        raise error

    return do
