"""`airflow dags test` on the shipped pipeline: one night from its deliveries to the warehouse, as one clean run of the command leaves it."""

from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest
from pyspark.sql import SparkSession

from jobs.cli import app, guarded
from jobs.config.loading import load_pipeline
from jobs.ledger.ledger import Ledger
from jobs.plan import tasks
from jobs.reading import published
from jobs.settings import Settings, read_settings
from tests.faults.prepared import copy
from tests.integration.airflow_home import NEEDS_AIRFLOW, AirflowHome

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400), NEEDS_AIRFLOW]
# The demonstration's training: both models pass the gate.
BEGIN, AS_OF, NIGHT = "2013-01-01", "2013-05-18", "2013-05-19"
MODELS: Final = ("delayed", "arrival_delay")


def matins(*arguments: str) -> None:
    assert guarded(lambda: app(list(arguments))) == 0, arguments


@pytest.fixture
def prepared(home: Settings, spark: SparkSession) -> Settings:
    """With two champions, and the night delivered."""
    matins("sample", "flights", "--from", BEGIN, "--to", NIGHT)
    matins("backfill", "flights", "--from", BEGIN, "--to", AS_OF, "--steps", "raw,validated,features", "--no-pages")
    for model in MODELS:
        matins("train", f"flights.{model}", "--as-of", AS_OF)
    return home


def stands(settings: Settings) -> dict[str, Any]:
    """Generation, rows and checksum of every table's night, and how many rows the warehouse shows of it."""
    ledger, pipeline, night = Ledger.of(settings), load_pipeline("flights", settings), date.fromisoformat(NIGHT)
    slices = {task.table: [one for one in ledger.slices("flights", task.table) if one.night == night] for task in tasks(pipeline)}
    shown = {model: published(settings, pipeline, model).rows.get(night) for model in MODELS}
    return {**{table: [(one.generation, one.rows, one.checksum) for one in found] for table, found in slices.items()}, "shown": shown}


def test_a_night_by_airflow_is_as_one_by_the_command(prepared: Settings, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    twin: Path = tmp_path_factory.mktemp("twin")
    copy(prepared.root, twin)
    airflow = AirflowHome(tmp_path_factory.mktemp("airflow") / "home")
    airflow.airflow("db", "migrate")
    airflow.airflow("dags", "test", "matins_flights", NIGHT)

    ledger, made = Ledger.of(prepared), stands(prepared)
    (attempt,) = [one for one in ledger.attempts("flights") if str(one["night"]) == NIGHT]
    assert (attempt["attempt"], attempt["by"], attempt["outcome"]) == (1, "airflow", "done")
    steps = ledger.step_runs("flights", run_id=attempt["run_id"])
    nightly = [task for task in tasks(load_pipeline("flights", prepared)) if task.step.nightly]
    assert sorted((one["step"], one["item"]) for one in steps) == sorted((task.step.name, task.item) for task in nightly)
    assert {one["outcome"] for one in steps} <= {"written", "unchanged"}
    assert all(rows and rows > 300 for rows in made["shown"].values())
    assert len(airflow.rows("SELECT id FROM asset_event")) == len(MODELS)

    monkeypatch.setenv("MATINS_HOME", str(twin))
    matins("run", "flights", "--night", NIGHT)
    assert stands(read_settings()) == made
