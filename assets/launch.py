"""The body of an asset: run the task for the partitions asked for, tell Dagster what each night has become."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import dagster as dg
from dagster._core.definitions.source_asset import SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION

from assets.session import Session, resource_name
from assets.trained import trained_metadata
from assets.translation import Check, checks_of, night_checks, night_metadata, over_all, per_night
from jobs.config.pipeline import Pipeline
from jobs.nightly import newest_due
from jobs.nights import parse_night, utc_now
from jobs.plan import Task, is_undated
from jobs.results import NightResult, StepResult

WITHOUT_EVENT: Mapping[str, Any] = {SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION: True}
"""On an output: no materialization of every partition of the run. The good nights have been told one by one, the bad ones must stay red."""


@dataclass(frozen=True)
class Asset:
    """A task of a pipeline as Dagster knows it."""

    pipeline: Pipeline
    task: Task

    @property
    def key(self) -> dg.AssetKey:
        """`flights/raw/schedule`."""
        return dg.AssetKey([self.pipeline.pipeline, *self.task.key])

    @property
    def undated(self) -> bool:
        """Whether its feed knows no nights."""
        return is_undated(self.task, self.pipeline)

    @property
    def first_delivery(self) -> date | None:
        """Before this night there is nothing to do."""
        return self.pipeline.first_delivery(self.task.item) if self.task.step.per == "feed" else None

    def expects(self, night: date) -> bool:
        """Whether the night should have something."""
        return self.first_delivery is None or night >= self.first_delivery


def run_nights(context: dg.AssetExecutionContext, asset: Asset) -> Iterator[Any]:
    """All partitions of the run in one go. Bad nights end red, and alone: what is downstream runs for the others."""
    session: Session = getattr(context.resources, resource_name(asset.pipeline))
    asked = [parse_night(partition) for partition in context.partition_keys]
    result = session.do(asset.task, asked)
    nights = per_night(result, asked, undated=asset.undated, first=asset.first_delivery)
    metadata = {night: night_metadata(result, one, run_id=session.run.run_id) for night, one in nights.items()}
    yield from _evaluations(asset, nights)
    red = {night: one for night, one in nights.items() if one.outcome == "failed"}
    for night in sorted(set(nights) - set(red)):
        if red or night not in asked:
            context.log_event(dg.AssetMaterialization(asset.key, partition=str(night), metadata=metadata[night]))
        else:
            context.add_asset_metadata(metadata[night], partition_key=str(night))
    yield dg.MaterializeResult(asset.key, metadata=WITHOUT_EVENT if red else None)
    if red:
        raise dg.Failure(described(red), allow_retries=False)


def _evaluations(asset: Asset, nights: Mapping[date, NightResult]) -> Iterator[Any]:
    found = [(night, check) for night, one in nights.items() for check in night_checks(asset.task, one, expected=asset.expects(night))]
    for night, check in found:
        yield _evaluation(asset, check, partition=str(night))
    if len(nights) > 1:
        # Of a range, Dagster would show the state of the last night as the check's, whatever the others are.
        yield from (_evaluation(asset, check, partition=None) for check in over_all(found))
    yield from _check_outputs(asset)


def _evaluation(asset: Asset, check: Check, *, partition: str | None) -> dg.AssetCheckEvaluation:
    about: dict[str, Any] = {"severity": check.severity, "description": check.description, "partition": partition, "blocking": False}
    return dg.AssetCheckEvaluation(asset.key, check.name, check.passed, **about)


def _check_outputs(asset: Asset) -> Iterator[dg.Output[None]]:
    for name in checks_of(asset.task):
        yield dg.Output(None, output_name=dg.AssetCheckSpec(name, asset=asset.key).get_python_identifier())


def described(red: Mapping[date, NightResult]) -> str:
    """The bad nights, a line each."""
    return "\n".join(f"{night}: {one.problem}" for night, one in sorted(red.items()))


def run_training(context: dg.AssetExecutionContext, asset: Asset) -> Iterator[Any]:
    """Train as of a night. The data version is the champion's digest: a refused challenger makes nothing stale."""
    session: Session = getattr(context.resources, resource_name(asset.pipeline))
    given = context.op_execution_context.op_config
    as_of = parse_night(given["as_of"]) if given.get("as_of") else newest_due(asset.pipeline, utc_now())
    result = session.do(asset.task, [as_of], segments=tuple(given["segments"].items()))
    yield from training_events(asset, session, result)


def training_events(asset: Asset, session: Session, result: StepResult) -> Iterator[Any]:
    """What a training has come to: a version with its verdict, or a failure."""
    one = result.nights[0]
    if one.outcome == "failed":
        raise dg.Failure(described({one.night: one}), allow_retries=False)
    shown, champion = trained_metadata(session.run.settings, f"{asset.pipeline.pipeline}.{asset.task.item}", result)
    yield _evaluation(asset, Check("gate", one.detail["verdict"] == "PASS", str(one.detail["sentence"])), partition=None)
    yield from _check_outputs(asset)
    yield dg.MaterializeResult(asset.key, metadata={**night_metadata(result, one, run_id=session.run.run_id), **shown}, data_version=dg.DataVersion(champion))
