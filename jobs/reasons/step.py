"""Reasons: why rows of some nights were scored as they were, beside their predictions."""

from collections.abc import Mapping
from datetime import date
from typing import Final

from pyspark.sql import functions as F

from jobs.config.loading import digest_of
from jobs.config.reasons import Reasons
from jobs.lake.lake import Draft
from jobs.ledger.ledger import Slice
from jobs.model.registry.champion import registry_of
from jobs.model.registry.version import Version
from jobs.nights import Nights
from jobs.reasons.chosen import chosen
from jobs.reasons.explained import explained
from jobs.results import NightResult, StepResult, written_or_not
from jobs.work import Work, fingerprint

FEW: Final = 2_000_000
"""Of so many scored rows the keys of those to explain are sent to every worker, so that the features need not be sorted to be found."""


def run(work: Work, nights: Nights) -> StepResult:
    """Explain the nights whose predictions are new, each by the version that scored it; one commit for each version."""
    predictions, current, pending = _predictions(work), _current(work), due(work, nights)
    fresh = [night for night in pending if _outdated(work, night, predictions[night]) is None]
    results = [_idle(work, night, predictions, current) for night in nights if night not in fresh]
    by_version: dict[int, list[date]] = {}
    for night in fresh:
        by_version.setdefault(int(predictions[night].detail["champion"]), []).append(night)
    table_version: int | None = None
    inputs: dict[str, object] = {}
    for number, some in by_version.items():
        version = registry_of(work.settings).version(work.model_name, number, threads=work.model.threads)
        table_version, read, found = _explain(work, some, version, predictions)
        results, inputs = [*results, *found], {**inputs, **read}
    everything = tuple(sorted(results, key=lambda one: one.night))
    return StepResult(step="reasons", item=work.item, table=work.table, nights=everything, version=table_version, inputs=inputs)


def due(work: Work, nights: Nights) -> dict[date, str]:
    """The nights that a run of `nights` would explain, and why."""
    predictions, current = _predictions(work), _current(work)
    found = {night: _reason(work, predictions[night], current.get(night)) for night in nights if night in predictions and predictions[night].rows}
    return {night: why for night, why in found.items() if why}


def _predictions(work: Work) -> dict[date, Slice]:
    return work.lake.current(f"{work.item}/predictions", restated=work.options.restate)


def _current(work: Work) -> dict[date, Slice]:
    return work.lake.current(work.table, restated=work.options.restate)


def _asked(work: Work) -> Reasons:
    # The plan has no such step for a model without the section.
    assert work.model.reasons is not None
    return work.model.reasons


def _reason(work: Work, scored: Slice, before: Slice | None) -> str | None:
    if before is None:
        return "never explained"
    return "its scores, its features or `reasons` changed" if before.fingerprint != _fingerprint(work, scored) else None


def _fingerprint(work: Work, scored: Slice) -> str:
    features = work.lake.current("features", restated=work.options.restate).get(scored.night)
    return fingerprint(features and features.checksum, scored.checksum, scored.detail["digest"], digest_of(_asked(work)))


def _outdated(work: Work, night: date, scored: Slice) -> str | None:
    """Why a night cannot be explained: its features are others now than those that were scored."""
    features = work.lake.current("features", restated=work.options.restate).get(night)
    if features is not None and features.version <= int(scored.detail["features_version"]):
        return None
    return f"the features of night {night} were computed again since it was scored; run the step predictions first."


def _idle(work: Work, night: date, predictions: Mapping[date, Slice], current: Mapping[date, Slice]) -> NightResult:
    scored, before = predictions.get(night), current.get(night)
    if scored is None or not scored.rows:
        return NightResult(night=night, outcome="failed", problem=f"there are no predictions of night {night} to explain.")
    if problem := _outdated(work, night, scored):
        return NightResult(night=night, outcome="failed", problem=problem)
    assert before is not None
    return _result(before, frozenset())


def _explain(work: Work, nights: list[date], version: Version, predictions: Mapping[date, Slice]) -> tuple[int, dict[str, object], list[NightResult]]:
    features, scores = work.lake.read("features", nights), work.lake.read(f"{work.item}/predictions", nights)
    key, few = [*work.pipeline.rows.key, "night"], sum(predictions[night].rows for night in nights) <= FEW
    is_this = F.col("restated") == F.lit(work.options.restate)
    rows = chosen(features.frame.where(is_this), scores.frame.where(is_this), _asked(work), key=key, few=few)
    found = explained(rows, version.artifact, keys=key, top=_asked(work).top)
    origin = {"model_version": version.version, "model_digest": version.digest, "features_version": features.version, "run_id": work.run_id}
    about = {"champion": version.version, "digest": version.digest, "features_version": features.version}
    wanted = {night: _fingerprint(work, predictions[night]) for night in nights}
    drafts = [Draft(night=night, fingerprint=wanted[night], restated=work.options.restate, detail=about) for night in nights]
    committed = work.lake.commit(found.withColumns({name: F.lit(value) for name, value in origin.items()}), work.table, drafts, step="reasons")
    read: dict[str, object] = {"features": features.version, f"{work.item}/predictions": scores.version}
    return committed.version, read, [_result(one, committed.written) for one in committed.slices]


def _result(one: Slice, written: frozenset[date]) -> NightResult:
    return NightResult(night=one.night, outcome=written_or_not(one.night, written), generation=one.generation, rows=one.rows, detail=one.detail)
