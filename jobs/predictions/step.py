"""Predictions: a version scores the features of some nights; each row says which version, on which features, in which run."""

from collections.abc import Collection, Mapping
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.config.loading import digest_of
from jobs.lake.lake import Draft, Pinned
from jobs.ledger.ledger import Slice
from jobs.model.decision import Decision
from jobs.model.registry.champion import scoring_versions
from jobs.model.registry.version import Version
from jobs.nights import Nights
from jobs.predictions.policy import require_replaceable
from jobs.predictions.score import predicted, require_made
from jobs.results import NightResult, StepResult, written_or_not
from jobs.work import Work, fingerprint


def run(work: Work, nights: Nights) -> StepResult:
    """Score the nights whose features or version are new; one commit for each version."""
    versions = scoring_versions(work, nights)
    features = work.lake.current("features", restated=work.options.restate)
    current = work.lake.current(work.table, restated=work.options.restate)
    pending = list(due(work, nights, versions))
    require_replaceable(work, pending, current, versions)
    idle = [_idle(night, features, versions, current.get(night)) for night in nights if night not in pending]
    by_version: dict[int, list[date]] = {}
    for night in pending:
        by_version.setdefault(versions[night].version, []).append(night)
    table_version: int | None = None
    inputs = _used(versions)
    for some in by_version.values():
        table_version, read, results = _score(work, some, versions[some[0]], features)
        inputs, idle = {**read, **inputs}, [*idle, *results]
    everything = tuple(sorted(idle, key=lambda one: one.night))
    return StepResult(step="predictions", item=work.item, table=work.table, nights=everything, version=table_version, inputs=inputs)


def _used(versions: Mapping[date, Version]) -> dict[str, object]:
    """For the record: the version that scores, or the versions that do."""
    digests = {one.version: one.digest for one in versions.values()}
    if len(digests) != 1:
        return {"champions": ", ".join(map(str, sorted(digests)))}
    ((number, digest),) = digests.items()
    return {"champion": number, "digest": digest}


def due(work: Work, nights: Nights, versions: Mapping[date, Version]) -> dict[date, str]:
    """The nights that a run of `nights` would score, each by its version, and why."""
    features = work.lake.current("features", restated=work.options.restate)
    current = work.lake.current(work.table, restated=work.options.restate)
    ready = [night for night in nights if night in features and night in versions]
    found = {night: _reason(work, features[night], versions[night], current.get(night)) for night in ready}
    return {night: why for night, why in found.items() if why}


def _reason(work: Work, features: Slice, version: Version, before: Slice | None) -> str | None:
    if before is None:
        return "never scored"
    if before.detail.get("digest") != version.digest:
        return f"the champion is v{version.version}, the scores are of v{before.detail.get('champion')}"
    return "its features, the threshold or the population changed" if before.fingerprint != _fingerprint(work, features, version) else None


def _fingerprint(work: Work, features: Slice, version: Version) -> str:
    return fingerprint(
        features.checksum, version.version, version.digest, Decision.of(work.pipeline, work.model, version.artifact.learned), digest_of(work.model.population)
    )


def _idle(night: date, features: Collection[date], versions: Collection[date], current: Slice | None) -> NightResult:
    if night not in features:
        return NightResult(night=night, outcome="failed", problem=f"there are no features of night {night}; run the step features first.")
    if night not in versions or current is None:
        return NightResult(night=night, outcome="failed", problem=f"no version was champion in night {night}; name one by its number with --champion.")
    return NightResult(night=night, outcome="unchanged", generation=current.generation, rows=current.rows, detail=current.detail)


def _score(work: Work, due: list[date], version: Version, slices: Mapping[date, Slice]) -> tuple[int, dict[str, object], list[NightResult]]:
    require_made((slices[night] for night in due), version.artifact)
    features = work.lake.read("features", due)
    about = {"champion": version.version, "digest": version.digest, "features_version": features.version, "policy": work.options.policy}
    wanted = {night: _fingerprint(work, slices[night], version) for night in due}
    drafts = [Draft(night=night, fingerprint=wanted[night], restated=work.options.restate, detail=about) for night in due]
    committed = work.lake.commit(_predictions(work, features, version), work.table, drafts, step="predictions")
    results = [_result(one, committed.written, about) for one in committed.slices]
    return committed.version, {"features": features.version}, results


def _predictions(work: Work, features: Pinned, version: Version) -> DataFrame:
    rows = features.frame.where(F.col("restated") == F.lit(work.options.restate))
    provenance = {"features_version": F.lit(features.version), "run_id": F.lit(work.run_id)}
    return predicted(rows, work.pipeline, work.item, version).withColumns(provenance)


def _result(one: Slice, written: frozenset[date], about: Mapping[str, object]) -> NightResult:
    if not one.rows:
        return NightResult(night=one.night, outcome="failed", problem=f"nothing to score in night {one.night}: no feature row is in the model's population.")
    return NightResult(night=one.night, outcome=written_or_not(one.night, written), generation=one.generation, rows=one.rows, detail=about)
