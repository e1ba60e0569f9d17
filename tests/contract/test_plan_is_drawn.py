"""PLAN is drawn, not copied: Dagster's assets and Airflow's tasks have its names and its edges."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import dagster as dg
import pytest

from assets.broken import broken_definitions
from assets.factory import partitions_of, pipeline_definitions
from jobs.config.loading import Found, find_pipelines
from jobs.config.pipeline import Pipeline
from jobs.plan import needed_by, tasks
from jobs.settings import Settings

ROOT = Path(__file__).parents[2]
LOAD = """
import json, logging, sys
logging.disable(logging.CRITICAL)
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
drawn = {dag.dag_id: {task.task_id: [sorted(task.upstream_task_ids), getattr(task, "command", None)] for task in dag.tasks} for dag in bag.dags.values()}
print("DRAWN" + json.dumps({"dags": drawn, "errors": bag.import_errors, "spark": "pyspark" in sys.modules}))
"""
Tasks = Mapping[str, tuple[list[str], list[str] | None]]


def shipped() -> list[Pipeline]:
    return [found.pipeline for found in find_pipelines(Settings()) if found.pipeline]


@pytest.fixture(params=shipped(), ids=lambda pipeline: pipeline.pipeline)
def pipeline(request: pytest.FixtureRequest) -> Pipeline:
    return request.param


@pytest.fixture
def definitions(pipeline: Pipeline) -> dg.Definitions:
    return pipeline_definitions(Found(Path("shipped.yaml"), pipeline))


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Tasks]:
    if find_spec("airflow") is None:
        pytest.skip("Airflow is an extra")
    home = tmp_path_factory.mktemp("airflow")
    (home / "pipelines").mkdir()
    (home / "pipelines" / "torn.yaml").write_text("pipeline: torn\n", encoding="utf-8")
    env = {**os.environ, "AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "MATINS_PIPELINES": str(home / "pipelines")}
    done = subprocess.run([sys.executable, "-c", LOAD, str(ROOT / "dags")], env=env, cwd=home, capture_output=True, text=True, check=True, timeout=300)
    found = json.loads(done.stdout.rpartition("DRAWN")[2])
    assert not found["errors"]
    assert not found["spark"]
    return found["dags"]


def test_dagster_has_an_asset_per_task_with_the_edges_of_the_plan(pipeline: Pipeline, definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    drawn = {tuple(key.path): {tuple(parent.path) for parent in graph.get(key).parent_keys} for key in graph.get_all_asset_keys()}
    name = pipeline.pipeline
    assert drawn == {(name, *task.key): {(name, *needed.key) for needed in needed_by(task, pipeline)} for task in tasks(pipeline)}


def test_what_a_night_makes_is_partitioned_by_night_and_a_model_is_not(pipeline: Pipeline, definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    for task in tasks(pipeline):
        asset = graph.get(dg.AssetKey([pipeline.pipeline, *task.key]))
        assert asset.partitions_def == (partitions_of(pipeline) if task.step.nightly else None)


def test_the_nights_job_runs_what_a_night_makes(pipeline: Pipeline, definitions: dg.Definitions) -> None:
    job = definitions.resolve_job_def(f"{pipeline.pipeline}_night")
    keys = {tuple(key.path[1:]) for key in job.asset_layer.selected_asset_keys}
    assert keys == {task.key for task in tasks(pipeline) if task.step.nightly}


def test_partitions_are_the_nights_of_the_pipeline(pipeline: Pipeline) -> None:
    keys = partitions_of(pipeline).get_partition_keys()
    assert keys[0] == str(pipeline.nights.from_)
    if pipeline.nights.to:
        assert keys[-1] == str(pipeline.nights.to)


def test_a_pipeline_without_end_has_tonight(pipeline: Pipeline) -> None:
    import datetime as dt

    endless = pipeline.model_copy(update={"nights": pipeline.nights.model_copy(update={"to": None})})
    now = dt.datetime(2026, 3, 1, 5, tzinfo=dt.UTC)
    with dg.partition_loading_context(effective_dt=now):
        assert partitions_of(endless).get_last_partition_key() == "2026-03-01"


def test_the_schedule_is_at_as_of_in_utc_and_off(pipeline: Pipeline, definitions: dg.Definitions) -> None:
    schedule = definitions.resolve_schedule_def(f"{pipeline.pipeline}_nightly")
    at = pipeline.nights.as_of
    assert schedule.cron_schedule == f"{at.minute} {at.hour} * * *"
    assert schedule.execution_timezone == "UTC"
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED


def test_a_broken_file_is_an_asset_that_says_what_is_wrong() -> None:
    graph = broken_definitions(Found(Path("my-own.yaml"), None, "nights: Field required")).resolve_asset_graph()
    assert "nights: Field required" in (graph.get(dg.AssetKey(["my_own", "broken"])).description or "")


def test_airflow_has_a_task_per_step_with_the_edges_of_the_plan(pipeline: Pipeline, airflow: Mapping[str, Tasks]) -> None:
    nightly = [task for task in tasks(pipeline) if task.step.nightly]

    def name(step: str, item: str, per: str) -> str:
        return f"{item}.{step}" if per == "model" else step

    wanted: dict[str, set[str]] = {}
    for task in nightly:
        edges = wanted.setdefault(name(task.step.name, task.item, task.step.per), set())
        edges |= {name(needed.step.name, needed.item, needed.step.per) for needed in needed_by(task, pipeline) if needed.step.nightly}
    # What looks back runs on bad nights too, so that one more task has to make them red.
    wanted["red"] = set(wanted)
    assert {task: set(upstream) for task, (upstream, _) in airflow[f"matins_{pipeline.pipeline}"].items()} == wanted


def test_airflow_runs_the_command(pipeline: Pipeline, airflow: Mapping[str, Tasks]) -> None:
    model = next(iter(pipeline.models))
    _, command = airflow[f"matins_{pipeline.pipeline}"][f"{model}.published"]
    assert command is not None
    assert command[1:] == ["run", pipeline.pipeline, "--steps", "published", "--model", model]


def test_airflow_shows_a_broken_file_beside_the_others(airflow: Mapping[str, Tasks]) -> None:
    assert list(airflow["matins_torn"]) == ["broken"]
