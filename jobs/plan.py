"""The steps of a night and what each rests on; the runner walks it, Dagster and Airflow draw their graphs from it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final, Literal, NamedTuple

from jobs.config.pipeline import Pipeline

Per = Literal["feed", "pipeline", "model"]


class Step(NamedTuple):
    """One kind of work; also an asset, a folder in `jobs/` and a value of `--steps`."""

    name: str
    per: Per
    needs: tuple[str, ...] = ()
    nightly: bool = True
    """False: made on demand, not by the night."""
    spark: bool = True
    """False: it reads and writes records alone."""
    looks_back: bool = False
    """True: it speaks of the night, also of one that went wrong."""
    declared: str = ""
    """The section of a model without which the step does not exist for it."""


PLAN: Final = (
    Step("raw", per="feed"),
    Step("validated", per="feed", needs=("raw",)),
    Step("features", per="pipeline", needs=("validated",)),
    Step("model", per="model", needs=("features", "validated"), nightly=False),
    Step("predictions", per="model", needs=("features", "model")),
    Step("reasons", per="model", needs=("features", "predictions"), declared="reasons"),
    Step("drift_report", per="model", needs=("predictions",)),
    Step("published", per="model", needs=("predictions", "drift_report")),
    Step("shadow", per="model", needs=("features", "predictions"), declared="shadow"),
    Step("performance", per="model", needs=("predictions", "shadow", "validated")),
    Step("retraining", per="model", needs=("drift_report", "performance"), spark=False, looks_back=True),
    Step("alerts", per="pipeline", needs=("reasons", "retraining", "published"), spark=False, looks_back=True),
    Step("report", per="pipeline", needs=("alerts",), spark=False, looks_back=True),
)
STEP_NAMES: Final = tuple(step.name for step in PLAN)


class Task(NamedTuple):
    """A step of one feed, of the pipeline or of one model."""

    step: Step
    item: str

    @property
    def key(self) -> tuple[str, ...]:
        """The asset key below the pipeline's name: `raw/schedule`, `features`, `delayed/predictions`."""
        match self.step.per:
            case "feed":
                return (self.step.name, self.item)
            case "model":
                return (self.item, self.step.name)
            case "pipeline":
                return (self.step.name,)

    @property
    def table(self) -> str:
        """The folder of its table in the pipeline's lake."""
        return "/".join(self.key)


def tasks(pipeline: Pipeline) -> Iterator[Task]:
    """Every task of the pipeline, each after all that it needs."""
    for step in PLAN:
        match step.per:
            case "feed":
                yield from (Task(step, feed) for feed in pipeline.features_and_label_feeds)
            case "model":
                yield from (Task(step, name) for name, model in pipeline.models.items() if not step.declared or getattr(model, step.declared) is not None)
            case "pipeline":
                yield Task(step, "")


def training(pipeline: Pipeline, model: str) -> Task:
    """The task that makes versions of a model."""
    return next(task for task in tasks(pipeline) if task.step.name == "model" and task.item == model)


def needed_by(task: Task, pipeline: Pipeline) -> tuple[Task, ...]:
    """The tasks whose results `task` reads: those of its own feed or model where the step has one."""
    return tuple(other for other in tasks(pipeline) if other.step.name in task.step.needs and _belong_together(task, other, pipeline))


def is_undated(task: Task, pipeline: Pipeline) -> bool:
    """Whether the task's table knows no nights: its one delivery is recorded under the pipeline's first."""
    return task.step.per == "feed" and pipeline.feeds[task.item].undated


def placed(states: Sequence[Mapping[str, Any]], pipeline: Pipeline) -> Iterator[tuple[date, Mapping[str, Any]]]:
    """Recorded states with the nights whose concern they are: a table without nights, recorded under the first, is the newest night's where it is red."""
    undated = {task.table for task in tasks(pipeline) if is_undated(task, pipeline)}
    newest = max((one["night"] for one in states), default=date.min)
    for one in states:
        if one["table_name"] not in undated:
            yield one["night"], one
        elif one["outcome"] == "failed":
            yield newest, one


def _belong_together(task: Task, other: Task, pipeline: Pipeline) -> bool:
    if other.step.per == task.step.per:
        return other.item == task.item
    if task.step.per == "model" and other.step.per == "feed":
        return other.item == pipeline.models[task.item].label_feed
    return True
