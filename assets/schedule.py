"""When the nights of a pipeline run by themselves."""

from typing import Any

import dagster as dg
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG

from jobs.config.pipeline import Pipeline
from jobs.ledger.ledger import Ledger
from jobs.nightly import due_nights
from jobs.nights import Nights, in_words
from jobs.settings import read_settings


def nightly_schedule(pipeline: Pipeline, job: Any) -> dg.ScheduleDefinition:
    """Runs the nights that are due, at the pipeline's `as_of`."""
    at = pipeline.nights.as_of

    @dg.schedule(
        name=f"{pipeline.pipeline}_nightly",
        job=job,
        cron_schedule=f"{at.minute} {at.hour} * * *",
        execution_timezone="UTC",
        description=_described(pipeline),
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        settings = read_settings()
        due = due_nights(pipeline, Ledger.of(settings), context.scheduled_execution_time)
        return request(due) if due else dg.SkipReason(f"No night of `{pipeline.pipeline}` is due; its nights end on {pipeline.nights.to}.")

    return schedule


def request(due: Nights) -> dg.RunRequest:
    """One run for all nights that are due, each with what it could have known; several after the machine was off."""
    first, last = str(due[0]), str(due[-1])
    if first == last:
        return dg.RunRequest(run_key=last, partition_key=last)
    return dg.RunRequest(run_key=in_words(due), tags={ASSET_PARTITION_RANGE_START_TAG: first, ASSET_PARTITION_RANGE_END_TAG: last})


def _described(pipeline: Pipeline) -> str:
    first, last, at = pipeline.nights.from_, pipeline.nights.to, f"{pipeline.nights.as_of:%H:%M}"
    when = f"Every day at {at} UTC: the nights that are due, oldest first. Off until you turn it on here."
    return f"{when} The nights of `{pipeline.pipeline}` are {first} to {last}; once they are published, nothing is due." if last else when
