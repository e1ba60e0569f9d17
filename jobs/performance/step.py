"""Performance: what became known in a night about the predictions of the nights before."""

from collections.abc import Mapping, Sequence
from datetime import date

from pyspark.sql import DataFrame

from jobs.lake.lake import Draft
from jobs.ledger.ledger import Slice
from jobs.nights import Nights, among
from jobs.performance.labels import arrived
from jobs.performance.measure import realised, schema
from jobs.results import NightResult, StepResult, written_or_not
from jobs.work import Work, fingerprint


def run(work: Work, nights: Nights) -> StepResult:
    """Compare scores with the labels that arrived in `nights`."""
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
    feed = work.pipeline.feeds[work.model.label_feed]
    oldest = min((one.night for one in labels if one.known_night == night), default=night).toordinal() - feed.lag - feed.max_late_days
    scored = [(str(day), one.checksum) for day, one in predictions.items() if oldest <= day.toordinal() <= night.toordinal()]
    return fingerprint(arrived, scored)


def _measure(work: Work, nights: list[date], wanted: Mapping[date, str]) -> tuple[int, list[NightResult]]:
    rows = realised(_pairs(work, nights).toPandas(), work.model.type)
    frame = work.lake.spark.createDataFrame(rows, schema(work.model.type))
    labels = {night: float(sum(row[3] for row in rows if row[0] == night)) for night in nights}
    drafts = [Draft(night=night, fingerprint=wanted[night], counts={"labels": labels[night]}) for night in nights]
    committed = work.lake.commit(frame, work.table, drafts, step="performance")
    return committed.version, [_result(one, committed.written) for one in committed.slices]


def _pairs(work: Work, nights: list[date]) -> DataFrame:
    labels = work.lake.read(f"validated/{work.model.label_feed}").frame.where(among(nights, "known_night"))
    scores = work.lake.read(f"{work.item}/predictions").frame
    pairs = arrived(labels, scores, work.pipeline, work.item)
    return pairs.select("night", "scored_night", "model_version", "label", "score")


def _result(one: Slice, written: frozenset[date]) -> NightResult:
    notes = () if one.counts.get("labels") else ("no label arrived for anything that was scored",)
    outcome = written_or_not(one.night, written if one.rows else ())
    return NightResult(night=one.night, outcome=outcome, rows=one.rows, generation=one.generation, counts=one.counts, notes=notes)
