"""A sensor beside the schedule: a late delivery, a machine that was off, a run that lost its process."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import dagster as dg

from assets.runs import ended_runs, request, under_way
from jobs.config.pipeline import Pipeline
from jobs.due import ATTEMPTS, OpenNight, has_told, open_nights
from jobs.ledger.ledger import Ledger
from jobs.nights import in_words, parse_night, ranges, span, utc_now
from jobs.settings import read_settings
from jobs.work import fingerprint

SECONDS: Final = 30
DESCRIPTION: Final = (
    f"Every {SECONDS} seconds: the nights that are due and not published, and red ones whose deliveries have changed since, once all that is "
    f"required lies there. A run that is lost is started again, at most {ATTEMPTS} times on the same deliveries. Off until you turn it on here."
)


def due_sensor(pipeline: Pipeline, job: Any) -> dg.SensorDefinition:
    """Starts what the schedule does not know of, or has tried too early."""

    @dg.sensor(name=f"{pipeline.pipeline}_due", job=job, minimum_interval_seconds=SECONDS, description=DESCRIPTION)
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        settings = read_settings()
        ledger, owed = Ledger.of(settings), [parse_night(text) for text in (context.cursor or "").split()]
        found = open_nights(pipeline, ledger, settings.landing, utc_now(), owed=owed)
        busy = under_way(context.instance, pipeline)
        idle = {one.night: one for one in found if one.night not in busy}
        attempts = {night: one.attempt(_told(context.instance, pipeline, ledger, one)) for night, one in idle.items()}
        requests = _requests(idle, {night: number for night, number in attempts.items() if number})
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else _why_none(pipeline, found, busy),
            cursor=" ".join(str(one.night) for one in found if not one.red),
        )

    return sensor


def _told(instance: dg.DagsterInstance, pipeline: Pipeline, ledger: Ledger, one: OpenNight) -> list[bool]:
    return [has_told(pipeline, ledger, run_id, one.night) for run_id in ended_runs(instance, pipeline, one.night, one.deliveries)]


def _requests(found: Mapping[date, OpenNight], attempts: Mapping[date, int]) -> list[dg.RunRequest]:
    requests = []
    for nights in (span(*part) for part in ranges(attempts)):
        deliveries = {night: found[night].deliveries for night in nights}
        key = f"{in_words(nights)}/{fingerprint(*deliveries.values())}/{max(attempts[night] for night in nights)}"
        requests.append(request(nights, run_key=key, deliveries=deliveries))
    return requests


def _why_none(pipeline: Pipeline, found: list[OpenNight], busy: set[date]) -> str:
    lines = [f"{one.night}: {_why_not(one, busy)}" for one in found]
    return "\n".join(lines) or f"No night of `{pipeline.pipeline}` is due, and none is red."


def _why_not(one: OpenNight, busy: set[date]) -> str:
    if one.night in busy:
        return "under way"
    if one.lacks:
        return f"waits for {', '.join(map(str, one.lacks))}"
    return (
        "red, and its deliveries are those it was tried with"
        if one.red
        else f"its runs ended {ATTEMPTS} times without saying what became of it; run it by hand"
    )
