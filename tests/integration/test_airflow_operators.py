"""What a task of Airflow makes of the command's end, and of a DAG run without a night."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.integration.airflow_home import NEEDS_AIRFLOW

ROOT = Path(__file__).parents[2]
HEAVY = ["pyspark", "pandas", "mlflow", "xgboost", "evidently", "great_expectations", "dagster", "matplotlib"]
pytestmark = NEEDS_AIRFLOW
LOOK = """
import importlib, json, logging, sys
from datetime import datetime, timedelta, UTC
from airflow.dag_processing.dagbag import DagBag
import airflow.sdk
before = set(sys.modules)
bag = DagBag(sys.argv[1])
mine = sorted({name.split(".")[0] for name in set(sys.modules) - before})
sys.path.insert(0, sys.argv[1])
import consumer_example, matins
from airflow.sdk.exceptions import AirflowFailException
from airflow.timetables.base import DataInterval, TimeRestriction
from airflow.serialization.encoders import coerce_to_core_timetable

class Dag:
    dag_id = "matins_flights"

class Event:
    extra = None

def ended(status, **context):
    asset = matins.published("flights", "delayed")
    code = "import sys; print(*sys.argv[1:]); sys.exit(int(sys.argv[1]))"
    operator = matins.MatinsOperator(task_id="published", command=[sys.executable, "-c", code, str(status)], outlets=[asset])
    event = Event()
    try:
        operator.execute({"dag": Dag, "run_id": "manual", "outlet_events": {asset: event}, **context})
    except Exception as error:
        return [type(error).__name__, str(error), event.extra]
    return ["", "", event.extra]

def next_after(last):
    timetable = coerce_to_core_timetable(bag.dags["matins_flights"].timetable)
    at = lambda *parts: datetime(*parts, tzinfo=UTC)
    whole = TimeRestriction(earliest=at(2013, 1, 1), latest=at(2013, 12, 31, 23, 59), catchup=True)
    found = timetable.next_dagrun_info(last_automated_data_interval=DataInterval.exact(last) if last else None, restriction=whole)
    return found and [str(found.logical_date), str(found.run_after)]

flights = bag.dags["matins_flights"]
print("FOUND" + json.dumps({
    "errors": bag.import_errors,
    "heavy": [name for name in sys.argv[2].split(",") if name in mine],
    "ended": {status: ended(status, ds="2013-05-18") for status in (0, 1, 2, 3)},
    "no night": ended(0),
    "ids": [matins.run_id_of({"dag": Dag, "run_id": run, "ds": "2013-05-18"}) for run in ("a", "a", "b" * 250)],
    "first": next_after(None),
    "second": next_after(datetime(2013, 5, 17, 6, tzinfo=UTC)),
    "after the last": next_after(datetime(2013, 12, 31, 6, tzinfo=UTC)),
    "outlets": {task.task_id: [[asset.name, asset.uri] for asset in task.outlets] for task in flights.tasks if task.outlets},
    "consumer": [consumer_example.PUBLISHED.name, consumer_example.PUBLISHED.uri],
    "at once": [flights.max_active_runs, flights.max_active_tasks],
}))
"""


@pytest.fixture(scope="module")
def look(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Mapping[str, Any]]:
    folder = tmp_path_factory.mktemp("airflow")

    @cache
    def of(**more: str) -> Mapping[str, Any]:
        given = {"AIRFLOW_HOME": str(folder), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "MATINS_HOME": str(folder), "PYTHONWARNINGS": "ignore", **more}
        command = [sys.executable, "-c", LOOK, str(ROOT / "dags"), ",".join(HEAVY)]
        done = subprocess.run(command, env={**os.environ, **given}, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.rpartition("FOUND")[2])

    return of


@pytest.fixture
def found(look: Callable[..., Mapping[str, Any]]) -> Mapping[str, Any]:
    return look()


def test_reading_the_dags_loads_nothing_heavy(found: Mapping[str, Any]) -> None:
    assert (found["errors"], found["heavy"]) == ({}, [])


@pytest.mark.parametrize(("status", "raised"), [("1", "AirflowFailException"), ("2", "AirflowFailException"), ("3", "AirflowException")])
def test_only_a_fault_that_a_retry_may_cure_is_tried_again(found: Mapping[str, Any], status: str, raised: str) -> None:
    kind, said, _ = found["ended"][status]
    assert kind == raised
    assert said.endswith(f"ended with status {status}")


def test_an_outlet_tells_its_night_and_only_when_the_command_is_done(found: Mapping[str, Any]) -> None:
    assert {status: event for status, (_, _, event) in found["ended"].items()} == {"0": {"night": "2013-05-18"}, "1": None, "2": None, "3": None}


def test_a_run_without_a_logical_date_is_red_and_says_what_to_do(found: Mapping[str, Any]) -> None:
    kind, said, event = found["no night"]
    assert (kind, event) == ("AirflowFailException", None)
    assert said == ("The run has no logical date, and so no night. Trigger it with one: airflow dags trigger matins_flights --logical-date 2013-05-18")


def test_the_run_at_six_of_a_day_has_that_day_as_its_logical_date(found: Mapping[str, Any]) -> None:
    six = "2013-05-18 06:00:00+00:00"
    assert found["second"] == [six, six]
    assert found["first"][0] == "2013-01-01 06:00:00+00:00"
    assert found["after the last"] is None


def test_what_a_cron_expression_means_in_this_airflow_changes_nothing(look: Callable[..., Mapping[str, Any]], found: Mapping[str, Any]) -> None:
    other = look(AIRFLOW__SCHEDULER__CREATE_CRON_DATA_INTERVALS="True", MATINS_CRON="30 7 * * *")
    assert other["second"] == ["2013-05-17 07:30:00+00:00", "2013-05-17 07:30:00+00:00"]
    assert other["first"][0] == "2013-01-01 07:30:00+00:00"


def test_the_tasks_of_a_dag_run_share_an_id_that_the_ledger_has_room_for(found: Mapping[str, Any]) -> None:
    one, same, other = found["ids"]
    assert one == same != other
    assert one.startswith("airflow-2013-05-18-")
    assert {len(one), len(other)} == {31}
    assert found["at once"] == [1, 1]


def test_each_published_task_has_its_asset_and_the_example_waits_for_one(found: Mapping[str, Any]) -> None:
    assert found["outlets"] == {
        "delayed.published": [["flights_delayed", "matins://flights/delayed/published"]],
        "arrival_delay.published": [["flights_arrival_delay", "matins://flights/arrival_delay/published"]],
    }
    assert found["consumer"] == found["outlets"]["delayed.published"][0]
