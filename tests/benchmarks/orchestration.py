"""What Dagster adds to a night: seconds per asset above the steps' own, which the ledger has."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from unittest.mock import patch

import dagster as dg
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG

from assets.definitions import defs
from jobs.config.loading import load_pipeline
from jobs.ledger.ledger import Ledger
from jobs.nightly import chosen
from jobs.nights import span
from jobs.plan import tasks
from jobs.runner import opened
from jobs.settings import Settings, read_settings
from jobs.work import Options
from tests.benchmarks.measured import ROUNDS, Measured, seconds
from tests.tiny import FIRST, write_pipeline

AT_MOST = 1.0


def measure(folder: Path) -> list[Measured]:
    """Whole nights of the tiny pipeline, a Dagster run each, in a process whose session is up."""
    with _home(folder) as settings, dg.DagsterInstance.local_temp(str(folder)) as instance:
        tiny = write_pipeline(folder / "pipelines", folder / "landing", nights=35 + ROUNDS)
        _history(settings, tiny.trainable)
        night_by_night = [_per_asset(instance, settings, tiny.trainable + timedelta(days=n)) for n in range(1, ROUNDS + 2)]
    return [Measured("orchestration, per asset", [(one, AT_MOST) for one in night_by_night[1:]], unit="s", at_most=AT_MOST, note="the reference is one second")]


@contextmanager
def _home(folder: Path) -> Iterator[Settings]:
    with patch.dict(os.environ, {"MATINS_HOME": str(folder), "MATINS_PIPELINES": str(folder / "pipelines")}):
        yield read_settings()


def _history(settings: Settings, as_of: date) -> None:
    pipeline = load_pipeline("tiny", settings)
    with opened(settings, pipeline, command="bench", options=Options(pages=False)) as run:
        run.walk(chosen(pipeline, steps="raw,validated,features", model=None), span(FIRST, as_of))
        run.walk([task for task in tasks(pipeline) if task.step.name == "model"], [as_of])


def _per_asset(instance: dg.DagsterInstance, settings: Settings, night: date) -> float:
    tags = {ASSET_PARTITION_RANGE_START_TAG: str(night), ASSET_PARTITION_RANGE_END_TAG: str(night)}
    config = {"resources": {"tiny_run": {"config": {"pages": False}}}, "loggers": {"console": {"config": {"log_level": "ERROR"}}}}
    job, ledger = dg.reconstructable(night_job), Ledger.of(settings)
    before = len(ledger.step_runs("tiny"))
    whole = seconds(lambda: dg.execute_job(job, instance, config, tags=tags, raise_on_error=True))
    steps = ledger.step_runs("tiny")[before:]
    return (whole - sum(one["seconds"] for one in steps)) / len(steps)


def night_job() -> dg.JobDefinition:
    return defs().resolve_job_def("tiny_night")
