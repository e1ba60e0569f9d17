"""Runs of nights: how one is asked for, which nights are under way, and which runs were of a night."""

from collections.abc import Mapping
from datetime import date

import dagster as dg
from dagster._core.storage.dagster_run import FINISHED_STATUSES, NOT_FINISHED_STATUSES
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG, PARTITION_NAME_TAG

from jobs.config.pipeline import Pipeline
from jobs.nights import Nights, parse_night, span


def request(nights: Nights, *, run_key: str, deliveries: Mapping[date, str]) -> dg.RunRequest:
    """One run for adjoining nights, each with what it could have known.

    Args:
        nights: oldest first.
        run_key: Dagster starts one run for it, ever.
        deliveries: the digest of what lies there for each night; the run's tags remember it.
    """
    first, last, tags = str(nights[0]), str(nights[-1]), {_tag(night): deliveries[night] for night in nights}
    if first == last:
        return dg.RunRequest(run_key=run_key, partition_key=last, tags=tags)
    return dg.RunRequest(run_key=run_key, tags={**tags, ASSET_PARTITION_RANGE_START_TAG: first, ASSET_PARTITION_RANGE_END_TAG: last})


def under_way(instance: dg.DagsterInstance, pipeline: Pipeline) -> set[date]:
    """The nights of runs that are queued, running or being canceled, whoever has started them."""
    runs = instance.get_runs(dg.RunsFilter(statuses=NOT_FINISHED_STATUSES))
    return {night for run in runs if _is_of(run, pipeline) for night in _nights(run)}


def ended_runs(instance: dg.DagsterInstance, pipeline: Pipeline, night: date, deliveries: str) -> list[str]:
    """The ids of the runs that were asked for the night on these deliveries and have ended."""
    tried = dg.RunsFilter(job_name=_job(pipeline), tags={_tag(night): deliveries}, statuses=FINISHED_STATUSES)
    return [run.run_id for run in instance.get_runs(tried)]


def _tag(night: date) -> str:
    return f"matins.deliveries/{night}"


def _job(pipeline: Pipeline) -> str:
    return f"{pipeline.pipeline}_night"


def _is_of(run: dg.DagsterRun, pipeline: Pipeline) -> bool:
    return run.job_name == _job(pipeline) or any(key.path[0] == pipeline.pipeline for key in run.asset_selection or ())


def _nights(run: dg.DagsterRun) -> Nights:
    one = run.tags.get(PARTITION_NAME_TAG)
    first, last = (run.tags.get(tag, one) for tag in (ASSET_PARTITION_RANGE_START_TAG, ASSET_PARTITION_RANGE_END_TAG))
    return span(parse_night(first), parse_night(last)) if first and last else []
