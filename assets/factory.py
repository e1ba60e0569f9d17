"""A pipeline as Dagster definitions: an asset per task of PLAN, jobs for its nights and trainings, a schedule, sensors, a resource for its run."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any, Final

import dagster as dg

from assets.broken import broken_definitions
from assets.due import due_sensor
from assets.launch import Asset, run_nights, run_training
from assets.retraining import retraining_sensor, training_job, trainings
from assets.schedule import nightly_schedule
from assets.session import resource_name, session_of
from assets.translation import checks_of
from jobs.config.loading import Found
from jobs.config.pipeline import Pipeline
from jobs.plan import Task, needed_by, tasks

KINDS: Final[Mapping[str, frozenset[str]]] = {
    "raw": frozenset({"pyspark", "deltalake"}),
    "validated": frozenset({"pyspark", "deltalake", "greatexpectations"}),
    "features": frozenset({"pyspark", "deltalake", "sql"}),
    "model": frozenset({"xgboost", "mlflow"}),
    "predictions": frozenset({"pyspark", "deltalake", "xgboost"}),
    "reasons": frozenset({"pyspark", "deltalake", "xgboost"}),
    "drift_report": frozenset({"pyspark", "deltalake", "html"}),
    "performance": frozenset({"pyspark", "deltalake"}),
    "published": frozenset({"table", "view"}),
    "shadow": frozenset({"pyspark", "deltalake", "xgboost"}),
    "retraining": frozenset({"sql"}),
    "alerts": frozenset({"webhook"}),
    "report": frozenset({"html"}),
}
DESCRIPTIONS: Final[Mapping[str, str]] = {
    "raw": "The delivery as it came: strings, with its sha256, generation and known night. The same bytes twice change nothing.",
    "validated": "Typed rows that met every expectation; the others are in quarantine. In = good + bad + duplicates.",
    "features": "One row per entity to score, as the night knew it. Training reads this very table.",
    "model": "A trained and examined version with its verdict. Made on demand for a night `as_of`; its data version is the champion's digest.",
    "predictions": "The champion's score for every row of the night.",
    "reasons": "Why rows were scored as they were: the features that moved each most, adding up to its margin.",
    "drift_report": "How far features and score are from what the champion was made from.",
    "performance": "What became known in the night about the predictions before it.",
    "published": "The night in the warehouse, exactly once.",
    "shadow": "What the version that waits to go live says of every row, beside the champion. Published nowhere.",
    "retraining": "Whether the model is to be trained again, and why, or why not.",
    "alerts": "Who was told of what.",
    "report": "The night on one page, and all nights on another.",
}
TRAINING_CONFIG: Final[dict[str, Any]] = {
    "as_of": dg.Field(str, is_required=False, description="The night whose knowledge counts, as 2013-05-18; the newest one due if left out."),
    "segments": dg.Field({str: int}, default_value={}, description="Other lengths for this training: train, tune, holdout, in nights."),
}
# An asset that has told its nights lets what is downstream run, also where it then ends red for some of them.
EXECUTOR: Final = dg.in_process_executor.configured({"step_dependency_config": {"require_upstream_step_success": False}}, name="one_process")


def pipeline_definitions(found: Found) -> dg.Definitions:
    """The definitions of one pipeline file; a broken file is shown as broken."""
    pipeline = found.pipeline
    if pipeline is None:
        return broken_definitions(found)
    job, training = night_job(pipeline), [training_job(pipeline, task, EXECUTOR) for task in trainings(pipeline)]
    return dg.Definitions(
        assets=[asset_of(pipeline, task) for task in tasks(pipeline)],
        jobs=[job, *training],
        schedules=[nightly_schedule(pipeline, job)],
        sensors=[due_sensor(pipeline, job), retraining_sensor(pipeline, training)],
        resources={resource_name(pipeline): session_of(pipeline)},
    )


def asset_of(pipeline: Pipeline, task: Task) -> dg.AssetsDefinition:
    """The asset of one task."""
    asset, run = Asset(pipeline, task), run_nights if task.step.nightly else run_training

    @dg.multi_asset(
        name="__".join(asset.key.path),
        specs=[_spec(asset)],
        check_specs=[dg.AssetCheckSpec(name, asset=asset.key, description=says) for name, says in checks_of(task).items()],
        backfill_policy=dg.BackfillPolicy.single_run() if task.step.nightly else None,
        config_schema=None if task.step.nightly else TRAINING_CONFIG,
        required_resource_keys={resource_name(pipeline)},
        # One run at a time writes a table; who comes second waits instead of running into the lease.
        pool="__".join(asset.key.path),
    )
    def launch(context: dg.AssetExecutionContext) -> Iterator[Any]:
        yield from run(context, asset)

    return launch


def _spec(asset: Asset) -> dg.AssetSpec:
    task = asset.task
    return dg.AssetSpec(
        asset.key,
        deps=[Asset(asset.pipeline, needed).key for needed in needed_by(task, asset.pipeline)],
        description=DESCRIPTIONS[task.step.name],
        group_name=asset.pipeline.pipeline,
        kinds=set(KINDS[task.step.name]),
        # A table that knows no nights has the others' partitions all the same: a range of nights stays one run that needs nothing beside it.
        partitions_def=partitions_of(asset.pipeline) if task.step.nightly else None,
        metadata={"matins/step": task.step.name, "matins/item": task.item},
    )


def partitions_of(pipeline: Pipeline) -> dg.DailyPartitionsDefinition:
    """The pipeline's nights, in UTC; night D is there on day D."""
    first, last = pipeline.nights.from_, pipeline.nights.to
    end: date | None = last + timedelta(days=1) if last else None
    return dg.DailyPartitionsDefinition(start_date=str(first), end_date=str(end) if end else None, timezone="UTC", end_offset=1)


def night_job(pipeline: Pipeline) -> Any:
    """The job of a night: every task that is not made on demand."""
    nightly = [Asset(pipeline, task).key for task in tasks(pipeline) if task.step.nightly]
    return dg.define_asset_job(
        f"{pipeline.pipeline}_night",
        selection=dg.AssetSelection.assets(*nightly),
        executor_def=EXECUTOR,
        description=f"A night of `{pipeline.pipeline}`, or a range of nights in one run: {pipeline.purpose.goal}.",
        tags={"matins/pipeline": pipeline.pipeline},
    )
