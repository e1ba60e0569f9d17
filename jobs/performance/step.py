"""Performance: what became known in a night about the predictions before it, and what its own are expected to be worth."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.lake.lake import Draft
from jobs.ledger.ledger import Slice
from jobs.model.reference import examined, read_watched
from jobs.model.registry.champion import registry_of
from jobs.nights import Nights, span
from jobs.performance.counting import tallied
from jobs.performance.estimate import Estimator
from jobs.performance.labels import arrived, oldest_scored
from jobs.performance.measure import Measured, as_rows, on_record, schema
from jobs.results import NightResult, StepResult, written_or_not
from jobs.work import Work, fingerprint

BY = ("night", "scored_night", "model_version", "slice")


def run(work: Work, nights: Nights) -> StepResult:
    """Compare scores with the labels that arrived in `nights`, and estimate what the scores of `nights` are worth."""
    current, wanted = work.lake.current(work.table), _wanted(work, nights)
    pending = list(due(work, nights))
    idle = [_result(current[night], frozenset()) for night in nights if night not in pending]
    has_scores = bool(work.lake.current(f"{work.item}/predictions"))
    version, measured = _measure(work, pending, wanted) if pending and has_scores else (None, [_nothing(night) for night in pending])
    everything = tuple(sorted([*idle, *measured], key=lambda one: one.night))
    return StepResult(step="performance", item=work.item, table=work.table, nights=everything, version=version)


def due(work: Work, nights: Nights) -> dict[date, str]:
    """The nights that a run of `nights` would measure, and why."""
    current, wanted = work.lake.current(work.table), _wanted(work, nights)
    changed = {night: "labels or scores changed" for night in nights if night in current and current[night].fingerprint != wanted[night]}
    return {night: "never measured" if night not in current else changed[night] for night in nights if night not in current or night in changed}


def _wanted(work: Work, nights: Nights) -> dict[date, str]:
    labels, predictions = work.lake.slices(f"validated/{work.model.label_feed}"), work.lake.current(f"{work.item}/predictions")
    return {night: _fingerprint(work, night, labels, predictions) for night in nights}


def _nothing(night: date) -> NightResult:
    return NightResult(night=night, outcome="unchanged", notes=("nothing has been scored whose labels could have come",))


def _fingerprint(work: Work, night: date, labels: Sequence[Slice], predictions: Mapping[date, Slice]) -> str:
    arrived = [(str(one.night), one.generation, one.checksum) for one in labels if one.known_night == night]
    oldest = _oldest(work, [night], labels)
    scored = [(str(day), one.checksum) for day, one in predictions.items() if oldest <= day <= night]
    return fingerprint(arrived, scored, work.model.slices)


def _oldest(work: Work, nights: Nights, labels: Sequence[Slice] | None = None) -> date:
    """The oldest night that labels which became known in `nights` may be of: by their deliveries, of which one may be old."""
    known = work.lake.slices(f"validated/{work.model.label_feed}") if labels is None else labels
    deliveries = [one.night for one in known if min(nights) <= one.known_night <= max(nights)]
    return oldest_scored(work.pipeline, work.item, min([*deliveries, min(nights)]))


def _measure(work: Work, nights: list[date], wanted: Mapping[date, str]) -> tuple[int, list[NightResult]]:
    watched = _watched(work, nights)
    realised, estimated = _realised(work, nights, watched), _estimated(work, nights, watched)
    rows = [*as_rows(realised, work.model.type, "realised"), *as_rows(estimated, work.model.type, "estimated")]
    frame = work.lake.spark.createDataFrame(rows, schema(work.model.type))
    labels = {night: sum(tally[0] for (day, _, _, part), tally in realised.items() if day == night and not part) for night in nights}
    about = {night: _about(on_record(realised, estimated, night), watched) for night in nights}
    drafts = [Draft(night=night, fingerprint=wanted[night], counts={"labels": float(labels[night])}, detail=about[night]) for night in nights]
    committed = work.lake.commit(frame, work.table, drafts, step="performance")
    return committed.version, [_result(one, committed.written) for one in committed.slices]


def _watched(work: Work, nights: list[date]) -> dict[int, dict[str, Any]]:
    """What the versions in question are held against."""
    predictions, registry = work.lake.current(f"{work.item}/predictions"), registry_of(work.settings)
    oldest = _oldest(work, nights)
    versions = {int(one.detail["champion"]) for night, one in predictions.items() if oldest <= night <= max(nights)}
    return {number: read_watched(registry.version(work.model_name, number)) for number in sorted(versions)}


def _about(record: dict[str, Any], watched: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """With the versions' own numbers, so that whoever reads the ledger needs no registry."""
    versions = {one["version"] for one in [*record["realised"].values(), *([record["estimated"]] if "estimated" in record else [])]}
    holdouts = {str(one): examined(watched[one]) for one in sorted(versions) if watched.get(one)}
    return {**record, "holdouts": holdouts}


def _constants(watched: Mapping[int, Mapping[str, Any]]) -> dict[int, float]:
    return {version: given["constant"] for version, given in watched.items() if given}


def _realised(work: Work, nights: list[date], watched: Mapping[int, Mapping[str, Any]]) -> Measured:
    first = _oldest(work, nights)
    scores = work.lake.read(f"{work.item}/predictions", span(first, max(nights))).frame
    labels = work.lake.read(f"validated/{work.model.label_feed}").frame.where(F.col("known_night").between(first, max(nights)))
    pairs = _in_slices(work, arrived(labels, scores, work.pipeline, work.item, nights), span(first, max(nights)))
    return tallied(pairs, BY, constants=_constants(watched), kind=work.model.type, loss=work.model.loss)


def _in_slices(work: Work, pairs: DataFrame, scored: Nights) -> DataFrame:
    """Every pair once for all rows, and once for its value of each feature that divides the model's rows."""
    names, key = work.model.slices, work.pipeline.rows.key
    if not names:
        return pairs.withColumn("slice", F.lit(""))
    features = work.lake.read("features", scored).frame.where(~F.col("restated"))
    parts = [F.concat(F.lit(f"{name}="), F.coalesce(F.col(name).cast("string"), F.lit("missing"))) for name in names]
    labelled = features.select(*key, F.col("night").alias("scored_night"), F.array(F.lit(""), *parts).alias("parts"))
    together = pairs.join(labelled, [*key, "scored_night"], how="left")
    return together.withColumn("slice", F.explode(F.coalesce("parts", F.array(F.lit("")))))


def _estimated(work: Work, nights: list[date], watched: Mapping[int, Mapping[str, Any]]) -> Measured:
    curves = {version: Estimator(**given["estimator"]) for version, given in watched.items() if "estimator" in given}
    if not curves:
        return {}
    scores = work.lake.read(f"{work.item}/predictions", nights).frame.where(~F.col("restated")).where(F.col("model_version").isin([*curves]))
    expected = F.lit(None).cast("double")
    for version, curve in curves.items():
        expected = F.when(F.col("model_version") == version, curve.expression("score")).otherwise(expected)
    rows = scores.select("night", F.col("night").alias("scored_night"), "model_version", F.lit("").alias("slice"), "score", expected.alias("label"))
    return tallied(rows, BY, constants=_constants(watched), kind="binary", loss=work.model.loss)


def _result(one: Slice, written: frozenset[date]) -> NightResult:
    notes = () if one.counts.get("labels") else ("no label arrived for anything that was scored",)
    outcome = written_or_not(one.night, written if one.rows else ())
    return NightResult(night=one.night, outcome=outcome, rows=one.rows, generation=one.generation, counts=one.counts, notes=notes)
