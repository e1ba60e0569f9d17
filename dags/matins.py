"""A thin Airflow DAG per pipeline, from the same PLAN: a task per step, each the command.

A red step stops the night there; what looks back on the night runs all the same.
"""

import sys
from datetime import UTC, datetime, time, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from airflow.providers.standard.hooks.subprocess import SubprocessHook
from airflow.sdk import DAG, Asset, BaseOperator, CronTriggerTimetable
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from jobs.config.loading import Found, find_pipelines
from jobs.config.pipeline import Pipeline
from jobs.plan import Task, needed_by, tasks
from jobs.settings import Settings, read_settings

RETRY_MAY_CURE: Final = 3
RED: Final = "red"
MATINS: Final = str(Path(sys.executable).with_name("matins"))


class MatinsOperator(BaseOperator):
    """One `matins run …` of the run's night; tried again only when the command says that it may help."""

    # For Airflow's page, which shows these.
    template_fields = ("command",)

    def __init__(self, *, command: list[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.command = command
        self.process: SubprocessHook | None = None

    def execute(self, context: Any) -> None:
        """Run the command; when it is done, tell those who wait for an outlet which night it is of.

        Raises:
            AirflowException: it failed, and may succeed later.
            AirflowFailException: the data or the configuration said no, or the DAG run has no night.
        """
        night = night_of(context)
        command = [*self.command, "--night", night, "--run-id", run_id_of(context)]
        self.process = SubprocessHook()
        status = self.process.run_command(command, cwd=str(Path.cwd())).exit_code
        if status:
            msg = f"`{' '.join(command)}` ended with status {status}"
            raise AirflowException(msg) if status == RETRY_MAY_CURE else AirflowFailException(msg)
        for asset in self.outlets:
            context["outlet_events"][asset].extra = {"night": night}

    def on_kill(self) -> None:
        """The command closes its run and gives back its leases on SIGTERM."""
        if self.process:
            self.process.send_sigterm()


class RedOperator(BaseOperator):
    """Says what is wrong, and is red."""

    def __init__(self, *, problem: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.problem = problem

    def execute(self, context: Any) -> None:  # noqa: ARG002 - Airflow's own
        """Say it.

        Raises:
            AirflowFailException: always.
        """
        raise AirflowFailException(self.problem)


def night_of(context: Any) -> str:
    """The night of a DAG run: the day of its logical date, in UTC.

    Raises:
        AirflowFailException: it has no logical date; tasks that begin at different times must not each choose a night.
    """
    if "ds" not in context:
        dag = context["dag"].dag_id
        msg = f"The run has no logical date, and so no night. Trigger it with one: airflow dags trigger {dag} --logical-date 2013-05-18"
        raise AirflowFailException(msg)
    return str(context["ds"])


def run_id_of(context: Any) -> str:
    """The name under which the ledger knows all tasks of a DAG run, in the forty characters that it has for it."""
    digest = sha256(f"{context['dag'].dag_id} {context['run_id']}".encode()).hexdigest()
    return f"airflow-{night_of(context)}-{digest[:12]}"


def dag_of(found: Found, settings: Settings) -> DAG:
    """The DAG of one pipeline file; a broken file is shown as broken."""
    pipeline = found.pipeline
    if pipeline is None:
        with DAG(f"matins_{found.name}", schedule=None, tags=["matins", "broken"], doc_md=f"```\n{found.problem}\n```") as broken:
            RedOperator(task_id="broken", problem=str(found.problem))
        return broken
    nights = pipeline.nights
    with DAG(
        f"matins_{pipeline.pipeline}",
        description=pipeline.purpose.goal,
        # Named, since what a plain cron expression means is a setting of Airflow's: as data intervals, the run at D's `as_of` would be the night before D.
        schedule=CronTriggerTimetable(settings.cron or f"{nights.as_of.minute} {nights.as_of.hour} * * *", timezone="UTC"),
        start_date=datetime.combine(nights.from_, time(), UTC),
        end_date=datetime.combine(nights.to, time.max, UTC) if nights.to else None,
        # A DAG that caught up would start every night since the first.
        catchup=False,
        max_active_runs=1,
        # One run of the ledger, whose commands take turns.
        max_active_tasks=1,
        default_args={"retries": 2, "retry_delay": timedelta(minutes=5)},
        tags=["matins", pipeline.pipeline],
    ) as dag:
        _draw(pipeline)
    return dag


def _draw(pipeline: Pipeline) -> None:
    nightly = [task for task in tasks(pipeline) if task.step.nightly]
    operators = {task_id(task): _operator(pipeline, task) for task in {task_id(task): task for task in nightly}.values()}
    # Airflow judges a run by its last tasks, and those run on bad nights as well.
    red = RedOperator(task_id=RED, problem="A step of this night is red; its own log says why.", trigger_rule="one_failed", retries=0)
    [*operators.values()] >> red
    for task in nightly:
        for needed in needed_by(task, pipeline):
            if needed.step.nightly:
                operators[task_id(needed)] >> operators[task_id(task)]


def _operator(pipeline: Pipeline, task: Task) -> MatinsOperator:
    return MatinsOperator(
        task_id=task_id(task),
        command=command_of(pipeline, task),
        trigger_rule="all_done" if task.step.looks_back else "all_success",
        outlets=[published(pipeline.pipeline, task.item)] if task.step.name == "published" else [],
    )


def published(pipeline: str, model: str) -> Asset:
    """What a DAG that reads a model's nights is scheduled on."""
    return Asset(f"{pipeline}_{model}", uri=f"matins://{pipeline}/{model}/published")


def task_id(task: Task) -> str:
    """`raw`, which is all feeds of the step; `delayed.predictions`."""
    return f"{task.item}.{task.step.name}" if task.step.per == "model" else task.step.name


def command_of(pipeline: Pipeline, task: Task) -> list[str]:
    """The command that does the same by hand, but for the night."""
    model = ["--model", task.item] if task.step.per == "model" else []
    return [MATINS, "run", pipeline.pipeline, "--steps", task.step.name, *model]


# Airflow looks for DAGs among a module's names.
globals().update({f"matins_{found.name}": dag_of(found, read_settings()) for found in find_pipelines(read_settings())})
