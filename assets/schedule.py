"""When the nights of a pipeline run by themselves."""

from typing import Any

import dagster as dg
from dagster._utils.schedules import is_valid_cron_schedule

from assets.runs import request, under_way
from jobs.config.pipeline import Pipeline
from jobs.errors import UsageError
from jobs.ledger.ledger import Ledger
from jobs.nightly import due_nights
from jobs.nights import in_words, ranges, span
from jobs.raw.landing import Landing
from jobs.settings import Settings, read_settings


def nightly_schedule(pipeline: Pipeline, job: Any) -> dg.ScheduleDefinition:
    """Runs the nights that are due, at the pipeline's `as_of`.

    Raises:
        UsageError: another time was asked for, and it is none.
    """
    cron = cron_of(pipeline, read_settings())

    @dg.schedule(name=f"{pipeline.pipeline}_nightly", job=job, cron_schedule=cron, execution_timezone="UTC", description=_described(pipeline, cron))
    def schedule(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        settings = read_settings()
        ledger = Ledger.of(settings)
        due = due_nights(pipeline, ledger, context.scheduled_execution_time)
        if not due:
            return dg.SkipReason(f"No night of `{pipeline.pipeline}` is due; its nights end on {pipeline.nights.to}.")
        open_ones = sorted(set(due) - under_way(context.instance, pipeline))
        landing = Landing(pipeline, ledger, settings.landing)
        deliveries = {night: landing.digest(night) for night in open_ones}
        requests = [request(span(*part), run_key=in_words(span(*part)), deliveries=deliveries) for part in ranges(open_ones)]
        return requests or dg.SkipReason(f"Under way already: {in_words(due)}.")

    return schedule


def cron_of(pipeline: Pipeline, settings: Settings) -> str:
    """The pipeline's time, or what MATINS_CRON says instead.

    Raises:
        UsageError: that is no cron expression.
    """
    at = pipeline.nights.as_of
    if settings.cron and not is_valid_cron_schedule(settings.cron):
        msg = f"MATINS_CRON is {settings.cron!r}, which is no cron expression; write five fields as `*/10 * * * *`, or unset it."
        raise UsageError(msg)
    return settings.cron or f"{at.minute} {at.hour} * * *"


def _described(pipeline: Pipeline, cron: str) -> str:
    first, last = pipeline.nights.from_, pipeline.nights.to
    when = f"At `{cron}` in UTC: the nights that are due, oldest first. Off until you turn it on here."
    return f"{when} The nights of `{pipeline.pipeline}` are {first} to {last}; once they are published, nothing is due." if last else when
