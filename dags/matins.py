"""A thin Airflow DAG per pipeline, from the same PLAN: a task per step, each the command.

A red step stops the night there; what looks back on the night runs all the same.
"""

import sys
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

from airflow.providers.standard.hooks.subprocess import SubprocessHook
from airflow.sdk import DAG, BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from jobs.config.loading import Found, find_pipelines
from jobs.config.pipeline import Pipeline
from jobs.plan import Task, needed_by, tasks
from jobs.settings import read_settings

RETRY_MAY_CURE: Final = 3
RED: Final = "red"
MATINS: Final = str(Path(sys.executable).with_name("matins"))


class MatinsOperator(BaseOperator):
    """One `matins run …`; tried again only when the command says that it may help."""

    template_fields = ("command",)

    def __init__(self, *, command: list[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.command = command
        self.process: SubprocessHook | None = None

    def execute(self, context: Any) -> None:  # noqa: ARG002 - Airflow's own
        """Run the command.

        Raises:
            AirflowException: it failed, and may succeed later.
            AirflowFailException: the data or the configuration said no.
        """
        self.process = SubprocessHook()
        status = self.process.run_command(self.command, cwd=str(Path.cwd())).exit_code
        if status:
            msg = f"`{' '.join(self.command)}` ended with status {status}"
            raise AirflowException(msg) if status == RETRY_MAY_CURE else AirflowFailException(msg)

    def on_kill(self) -> None:
        """The command closes its run and gives back its leases on SIGTERM."""
        if self.process:
            self.process.send_sigterm()


class RedOperator(BaseOperator):
    """Makes the night red where a step was: the last tasks run on bad nights as well, and Airflow judges a run by its last tasks."""

    def execute(self, context: Any) -> None:  # noqa: ARG002 - Airflow's own
        """Runs only where something has failed.

        Raises:
            AirflowFailException: always.
        """
        msg = "A step of this night is red; its own log says why."
        raise AirflowFailException(msg)


class BrokenOperator(BaseOperator):
    """Stands for a pipeline file that cannot be used."""

    def __init__(self, *, problem: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.problem = problem

    def execute(self, context: Any) -> None:  # noqa: ARG002 - Airflow's own
        """Say what is wrong.

        Raises:
            AirflowFailException: always.
        """
        raise AirflowFailException(self.problem)


def dag_of(found: Found) -> DAG:
    """The DAG of one pipeline file; a broken file is shown as broken."""
    pipeline = found.pipeline
    if pipeline is None:
        with DAG(f"matins_{found.name}", schedule=None, tags=["matins", "broken"], doc_md=f"```\n{found.problem}\n```") as broken:
            BrokenOperator(task_id="broken", problem=str(found.problem))
        return broken
    nights = pipeline.nights
    with DAG(
        f"matins_{pipeline.pipeline}",
        description=pipeline.purpose.goal,
        schedule=f"{nights.as_of.minute} {nights.as_of.hour} * * *",
        start_date=datetime.combine(nights.from_, time(), UTC),
        end_date=datetime.combine(nights.to, nights.as_of, UTC) if nights.to else None,
        # `matins run` without a night catches up; a DAG that did would start every night since the first.
        catchup=False,
        max_active_runs=1,
        default_args={"retries": 2, "retry_delay": timedelta(minutes=5)},
        tags=["matins", pipeline.pipeline],
    ) as dag:
        _draw(pipeline)
    return dag


def _draw(pipeline: Pipeline) -> None:
    nightly = [task for task in tasks(pipeline) if task.step.nightly]
    commands = {task_id(task): command_of(pipeline, task) for task in nightly}
    rules = {task_id(task): "all_done" if task.step.looks_back else "all_success" for task in nightly}
    operators = {name: MatinsOperator(task_id=name, command=command, trigger_rule=rules[name]) for name, command in commands.items()}
    [*operators.values()] >> RedOperator(task_id=RED, trigger_rule="one_failed", retries=0)
    for task in nightly:
        for needed in needed_by(task, pipeline):
            if needed.step.nightly:
                operators[task_id(needed)] >> operators[task_id(task)]


def task_id(task: Task) -> str:
    """`raw`, which is all feeds of the step; `delayed.predictions`."""
    return f"{task.item}.{task.step.name}" if task.step.per == "model" else task.step.name


def command_of(pipeline: Pipeline, task: Task) -> list[str]:
    """The command that does the same by hand."""
    model = ["--model", task.item] if task.step.per == "model" else []
    return [MATINS, "run", pipeline.pipeline, "--night", "{{ ds }}", "--steps", task.step.name, *model]


# Airflow looks for DAGs among a module's names.
globals().update({f"matins_{found.name}": dag_of(found) for found in find_pipelines(read_settings())})
