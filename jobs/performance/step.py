"""Performance: what became known in a night about the predictions before it, and what its own are expected to be worth."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

from jobs.lake.lake import Draft
from jobs.lake.local import local_frame
from jobs.ledger.ledger import Slice
from jobs.model.reference import examined, read_watched
from jobs.model.registry.champion import registry_of
from jobs.nights import Nights
from jobs.performance.counting import tallied
from jobs.performance.labels import oldest_scored
from jobs.performance.measure import HOW, KEYS, as_rows, on_record, schema
from jobs.performance.pairs import estimators, in_shadow, pairs_of
from jobs.results import NightResult, StepResult, written_or_not
from jobs.work import Work, fingerprint


def run(work: Work, nights: Nights) -> StepResult:
    """Compare scores with the labels that arrived in `nights`, and estimate what the scores of `nights` are worth.

    So are earlier nights whose labels have come since: a delivery that is let off for a night belongs to that night all the same.
    """
    current = work.lake.current(work.table)
    wanted = _wanted(work, nights, current)
    pending = list(_due(current, wanted))
    idle = [_result(current[night], frozenset()) for night in nights if night not in pending]
    has_scores = bool(work.lake.current(f"{work.item}/predictions"))
    version, measured = _measure(work, pending, wanted) if pending and has_scores else (None, [_nothing(night) for night in pending])
    everything = tuple(sorted([*idle, *measured], key=lambda one: one.night))
    return StepResult(step="performance", item=work.item, table=work.table, nights=everything, version=version)


def due(work: Work, nights: Nights) -> dict[date, str]:
    """The nights that a run of `nights` would measure, and why."""
    current = work.lake.current(work.table)
    return _due(current, _wanted(work, nights, current))


def _due(current: Mapping[date, Slice], wanted: Mapping[date, str]) -> dict[date, str]:
    never = {night: "never measured" for night in wanted if night not in current}
    return {**never, **{night: "labels or scores changed" for night, one in current.items() if night in wanted and one.fingerprint != wanted[night]}}


def _wanted(work: Work, nights: Nights, current: Collection[date]) -> dict[date, str]:
    """The fingerprints of `nights`, and of the measured nights since the oldest whose labels may still come."""
    labels, scores = work.lake.slices(f"validated/{work.model.label_feed}"), _scores(work)
    since = oldest_scored(work.pipeline, work.item, min(nights))
    measured = {night for night in current if since <= night <= max(nights)}
    return {night: _fingerprint(work, night, labels, scores) for night in sorted({*nights, *measured})}


def _nothing(night: date) -> NightResult:
    return NightResult(night=night, outcome="unchanged", notes=("nothing has been scored whose labels could have come",))


def _scores(work: Work) -> dict[date, tuple[str, ...]]:
    """By night the checksum of its scores, and of those that another version gave its rows."""
    beside = in_shadow(work)
    return {
        night: (one.checksum, *([beside[night].checksum] if night in beside else [])) for night, one in work.lake.current(f"{work.item}/predictions").items()
    }


def _fingerprint(work: Work, night: date, labels: Sequence[Slice], scores: Mapping[date, tuple[str, ...]]) -> str:
    arrived = [(str(one.night), one.generation, one.checksum) for one in labels if one.known_night == night]
    oldest = _oldest(work, [night], labels)
    scored = [(str(day), *checksums) for day, checksums in scores.items() if oldest <= day <= night]
    return fingerprint(arrived, scored, work.model.slices)


def _oldest(work: Work, nights: Nights, labels: Sequence[Slice] | None = None) -> date:
    """The oldest night that labels which became known in `nights` may be of: by their deliveries, of which one may be old."""
    known = work.lake.slices(f"validated/{work.model.label_feed}") if labels is None else labels
    deliveries = [one.night for one in known if min(nights) <= one.known_night <= max(nights)]
    return oldest_scored(work.pipeline, work.item, min([*deliveries, min(nights)]))


def _measure(work: Work, nights: list[date], wanted: Mapping[date, str]) -> tuple[int, list[NightResult]]:
    oldest, kind = _oldest(work, nights), work.model.type
    watched = _watched(work, oldest, nights)
    pairs = pairs_of(work, oldest, nights, estimators(watched))
    constants = {version: given["constant"] for version, given in watched.items() if given}
    found = tallied(pairs, ["how", *KEYS], constants=constants, kind=kind, loss=work.model.loss)
    realised, estimated, shadow = ({key[1:]: tally for key, tally in found.items() if key[0] == how} for how in (*HOW, "shadow"))
    frame = local_frame(work.lake.spark, [*as_rows(realised, kind, "realised"), *as_rows(estimated, kind, "estimated")], schema(kind))
    labels = {night: sum(tally[0] for (day, _, _, part), tally in realised.items() if day == night and not part) for night in nights}
    about = {night: _about(on_record(realised, estimated, night, kind, shadow=shadow), watched) for night in nights}
    drafts = [Draft(night=night, fingerprint=wanted[night], counts={"labels": float(labels[night])}, detail=about[night]) for night in nights]
    committed = work.lake.commit(frame, work.table, drafts, step="performance")
    return committed.version, [_result(one, committed.written) for one in committed.slices]


def _watched(work: Work, oldest: date, nights: Nights) -> dict[int, dict[str, Any]]:
    """What the versions in question are held against."""
    predictions, registry = work.lake.current(f"{work.item}/predictions"), registry_of(work.settings)
    versions = {int(one.detail["champion"]) for night, one in predictions.items() if oldest <= night <= max(nights)}
    return {number: read_watched(registry.version(work.model_name, number)) for number in sorted(versions)}


def _about(record: dict[str, Any], watched: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """With the versions' own numbers, so that whoever reads the ledger needs no registry."""
    versions = {one["version"] for one in [*record["realised"].values(), *([record["estimated"]] if "estimated" in record else [])]}
    holdouts = {str(one): examined(watched[one]) for one in sorted(versions) if watched.get(one)}
    return {**record, "holdouts": holdouts}


def _result(one: Slice, written: frozenset[date]) -> NightResult:
    notes = () if one.counts.get("labels") else ("no label arrived for anything that was scored",)
    outcome = written_or_not(one.night, written if one.rows else ())
    return NightResult(night=one.night, outcome=outcome, rows=one.rows, generation=one.generation, counts=one.counts, notes=notes)
