"""A sensor that has done what a night decided: one training per model and night, tried again where its run was lost."""

from datetime import date
from typing import Any, Final

import dagster as dg

from assets.launch import Asset
from jobs.config.pipeline import Pipeline
from jobs.ledger.ledger import Ledger
from jobs.plan import Task, tasks
from jobs.retraining.act import give_up, open_retraining
from jobs.settings import read_settings

SECONDS: Final = 30
TAG: Final = "matins/retraining"


def training_job(pipeline: Pipeline, task: Task, executor: dg.ExecutorDefinition) -> Any:
    """The job that trains one model."""
    description = f"Train a version of `{pipeline.pipeline}.{task.item}` and put it before the gate."
    selection = dg.AssetSelection.assets(Asset(pipeline, task).key)
    return dg.define_asset_job(job_name(pipeline, task.item), selection=selection, executor_def=executor, description=description)


def job_name(pipeline: Pipeline, model: str) -> str:
    """`flights_delayed_training`."""
    return f"{pipeline.pipeline}_{model}_training"


def trainings(pipeline: Pipeline) -> list[Task]:
    """The tasks that train."""
    return [task for task in tasks(pipeline) if not task.step.nightly]


def retraining_sensor(pipeline: Pipeline, jobs: list[Any]) -> dg.SensorDefinition:
    """Starts the retrainings that nights have decided.

    A tick may come twice or be cut off anywhere: the run key names model, night and attempt, and Dagster starts no key twice. What has
    been tried is asked of Dagster's own runs; the cursor only shows people what the last tick saw.
    """

    @dg.sensor(name=f"{pipeline.pipeline}_retraining", jobs=jobs, minimum_interval_seconds=SECONDS, description=_described(pipeline))
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        ledger = Ledger.of(read_settings())
        open_ones = {task: night for task in trainings(pipeline) if (night := open_retraining(ledger, pipeline, task.item))}
        requests = [one for task, night in open_ones.items() if (one := _request(context.instance, pipeline, task, night, ledger))]
        seen = " ".join(f"{task.item}/{night}" for task, night in open_ones.items())
        why = None if requests else dg.SkipReason(f"Under way: {seen}." if seen else f"No retraining of `{pipeline.pipeline}` is open.")
        return dg.SensorResult(run_requests=requests, skip_reason=why, cursor=seen)

    return sensor


def _request(instance: dg.DagsterInstance, pipeline: Pipeline, task: Task, night: date, ledger: Ledger) -> dg.RunRequest | None:
    of = f"{pipeline.pipeline}.{task.item}/{night}"
    runs = instance.get_runs(filters=dg.RunsFilter(tags={TAG: of}))  # newest first
    # Asked again: the newest run may have decided since, and then there is nothing to give up or to try again.
    if not all(run.is_finished for run in runs) or open_retraining(ledger, pipeline, task.item) != night:
        return None
    allowed = pipeline.models[task.item].retrain.attempts
    if len(runs) >= allowed:
        give_up(ledger, pipeline, task.item, night, f"{allowed} runs came to nothing; the last one is {runs[0].run_id}.")
        return None
    config = {"ops": {"__".join(Asset(pipeline, task).key.path): {"config": {"as_of": str(night)}}}}
    return dg.RunRequest(run_key=f"{of}/attempt-{len(runs) + 1}", run_config=config, job_name=job_name(pipeline, task.item), tags={TAG: of})


def _described(pipeline: Pipeline) -> str:
    ways = "; ".join(f"{name}: {model.retrain.when.told}" for name, model in pipeline.models.items())
    return f"Every {SECONDS} seconds: trains the models that a night has decided to train again ({ways}). Off until you turn it on here."
