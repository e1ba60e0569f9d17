"""Airflow for real: it redoes what the command and Dagster have done, goes on with what they began, and its scheduler runs tonight and who waits for it."""

import csv
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG
from pyspark.sql import SparkSession
from sqlalchemy import create_engine, text

from assets.definitions import defs
from jobs.cli import app, guarded
from jobs.config.loading import load_pipeline
from jobs.ledger.ledger import Ledger, Slice
from jobs.nights import span, utc_now
from jobs.plan import tasks
from jobs.reading import published
from jobs.settings import Settings, read_settings
from tests.integration.airflow_home import NEEDS_AIRFLOW, AirflowHome, on_a_free_port
from tests.integration.machine import wait_for
from tests.tiny import Tiny, deliver, run_nights, train, write_pipeline

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500), NEEDS_AIRFLOW]
TODAY = utc_now().date()
YESTERDAY = TODAY - timedelta(days=1)
FIRST = TODAY - timedelta(days=33)
CHANGES: dict[str, Any] = {
    # At midnight, so that today's night is always due.
    "nights": {"from": FIRST, "to": None, "as_of": "00:00"},
    "feeds": {"weather": None, "shops": None, "outcomes": {"from": FIRST + timedelta(days=2)}},
    "features": {"lookup": None, "latest": None},
    "models": {"returned": {"gate": {"floors": {"roc_auc": 0.5}, "beats": []}}},
}
OWN = (
    ('"flights_delayed"', '"tiny_returned"'),
    ("matins://flights/delayed/", "matins://tiny/returned/"),
    ("flights_delayed_v1", "tiny_returned_v1"),
)


@pytest.fixture(scope="module")
def tiny(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tiny]:
    """With a champion, every night computed up to the one before yesterday, and deliveries for tomorrow as well: a test may run past midnight."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MATINS_LAKE", "MATINS_LANDING", "MATINS_WAREHOUSE_URL", "MATINS_LEDGER_URL", "MLFLOW_TRACKING_URI", "MATINS_FAIL"):
            patch.delenv(name, raising=False)
        for name, value in {"MATINS_HOME": home, "MATINS_PIPELINES": home / "pipelines", "MATINS_SPARK_PROFILE": "test"}.items():
            patch.setenv(name, str(value))
        tiny = write_pipeline(home / "pipelines", home / "landing", nights=1, changes=CHANGES)
        for night in span(FIRST, TODAY + timedelta(days=1)):
            deliver(tiny.landing, night)
        run_nights(read_settings(), tiny, span(FIRST, YESTERDAY - timedelta(days=1)))
        assert train(read_settings(), tiny, FIRST + timedelta(days=30)).nights[0].detail["verdict"] == "PASS"
        yield tiny


@pytest.fixture
def airflow(tiny: Tiny, tmp_path: Path) -> AirflowHome:
    """With the product's DAGs and a copy of its example for the tiny pipeline."""
    home = on_a_free_port(tmp_path / "airflow", MATINS_CRON="0 * * * *")
    home.copied("consumer_example.py", *OWN)
    home.airflow("db", "migrate")
    return home


def night_job() -> dg.JobDefinition:
    return defs().resolve_job_def("tiny_night")


def by_dagster(night: date) -> dg.JobExecutionResult:
    tags = {ASSET_PARTITION_RANGE_START_TAG: str(night), ASSET_PARTITION_RANGE_END_TAG: str(night)}
    with dg.DagsterInstance.ephemeral() as instance:
        return dg.execute_job(dg.reconstructable(night_job), instance, tags=tags)


def stands(settings: Settings, night: date) -> dict[str, Any]:
    """Every slice of the night, and what the warehouse shows of it."""
    ledger, pipeline = Ledger.of(settings), load_pipeline("tiny", settings)
    slices: dict[str, list[Slice]] = {task.table: ledger.slices("tiny", task.table) for task in tasks(pipeline)}
    shown = published(settings, pipeline, "returned")
    return {**{table: [one for one in found if one.night == night] for table, found in slices.items()}, "shown": (shown.entries[night], shown.rows[night])}


def begun(settings: Settings, night: date) -> list[tuple[int, str, str]]:
    return [(one["attempt"], one["by"], one["outcome"]) for one in Ledger.of(settings).attempts("tiny") if one["night"] == night]


def outcomes(settings: Settings, night: date, attempt: int) -> dict[str, str]:
    """What the steps of an attempt came to."""
    run = next(one["run_id"] for one in Ledger.of(settings).attempts("tiny") if (one["night"], one["attempt"]) == (night, attempt))
    return {one["step"]: one["outcome"] for one in Ledger.of(settings).step_runs("tiny", run_id=run)}


def test_a_night_of_the_command_is_the_same_after_dagster_and_airflow_have_redone_it(tiny: Tiny, airflow: AirflowHome) -> None:
    settings = read_settings()
    assert guarded(lambda: app(["run", "tiny", "--night", str(YESTERDAY)])) == 0
    once = stands(settings, YESTERDAY)
    assert {len(once[table]) for table in ("features", "returned/predictions", "returned/drift_report")} == {1}

    assert by_dagster(YESTERDAY).success
    airflow.airflow("dags", "test", "matins_tiny", str(YESTERDAY))
    assert stands(settings, YESTERDAY) == once
    assert begun(settings, YESTERDAY) == [(1, "command", "done"), (2, "dagster", "done"), (3, "airflow", "done")]
    for attempt in (2, 3):
        redone = outcomes(settings, YESTERDAY, attempt)
        assert list(redone)[-1] == "report"
        assert redone["features"] == redone["predictions"] == redone["published"] == "unchanged"


def test_a_night_without_its_delivery_is_red_in_airflow_and_alerts_and_report_run(tiny: Tiny, airflow: AirflowHome) -> None:
    delivery = tiny.file("orders", TODAY)
    withheld = delivery.rename(delivery.with_suffix(".withheld"))
    try:
        airflow.airflow("dags", "test", "matins_tiny", str(TODAY), status=1)
    finally:
        withheld.rename(delivery)
    states = airflow.states("matins_tiny")
    assert (states["raw"], states["features"], states["returned.published"], states["red"]) == ("failed", "upstream_failed", "upstream_failed", "failed")
    assert (states["alerts"], states["report"]) == ("success", "success")
    assert not airflow.rows("SELECT id FROM asset_event")


def test_the_scheduler_runs_tonight_and_then_whoever_waits_for_it(tiny: Tiny, airflow: AirflowHome) -> None:
    settings = read_settings()
    assert guarded(lambda: app(["run", "tiny", "--night", str(TODAY), "--steps", "raw,validated"])) == 0
    with airflow.running():
        for name in ("matins_tiny", "example_tiny_returned_v1"):
            wait_for(lambda name=name: airflow.rows(f"SELECT dag_id FROM dag WHERE dag_id = '{name}'"))  # type: ignore[misc]
            airflow.airflow("dags", "unpause", name)
        wait_for(lambda: ended(airflow, "matins_tiny"), seconds=900)
        wait_for(lambda: ended(airflow, "example_tiny_returned_v1"))
    run, consumer = ended(airflow, "matins_tiny")[0], ended(airflow, "example_tiny_returned_v1")[0]
    assert (run["run_type"], run["state"]) == ("scheduled", "success"), airflow.states("matins_tiny")
    assert (consumer["run_type"], consumer["state"]) == ("asset_triggered", "success")

    night = date.fromisoformat(run["logical_date"][:10])
    assert night in {TODAY, TODAY + timedelta(days=1)}
    assert begun(settings, night)[-1][1:] == ("airflow", "done")
    assert ("command", "done") in {one[1:] for one in begun(settings, TODAY)}
    with (settings.reports / "consumers" / "tiny_returned_v1" / f"{night}.csv").open(encoding="utf-8", newline="") as file:
        written = [(int(row["order_id"]), float(row["score"])) for row in csv.DictReader(file)]
    query = text("SELECT order_id, score FROM tiny_returned_v1 WHERE night = :night ORDER BY score DESC")
    with create_engine(settings.warehouse_url).connect() as connection:
        shown = [(row.order_id, row.score) for row in connection.execute(query, {"night": str(night)})]
    assert len(written) == 10
    assert [score for _, score in written] == [score for _, score in shown[:10]]
    assert set(written) <= set(shown)


def ended(airflow: AirflowHome, dag: str) -> list[dict[str, Any]]:
    """The runs of a DAG that have come to an end, oldest first."""
    return airflow.rows(f"SELECT * FROM dag_run WHERE dag_id = '{dag}' AND state IN ('success', 'failed') ORDER BY id")
