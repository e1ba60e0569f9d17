"""Validated: typed rows that met every row expectation; the others go to quarantine; in = good + bad + duplicates."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.config.loading import digest_of
from jobs.lake.lake import Draft
from jobs.ledger.ledger import Slice
from jobs.nights import Nights, among, in_words
from jobs.results import NightResult, StepResult
from jobs.validated.contract import compare
from jobs.validated.counts import Counts, counts
from jobs.validated.great import agree, second_opinion
from jobs.validated.judged import judged
from jobs.validated.page import write_docs
from jobs.validated.split import split
from jobs.validated.standing import night_problem, night_warnings
from jobs.validated.tables import TableResult, table_results
from jobs.validated.typed import typed
from jobs.work import Work, fingerprint


def run(work: Work, nights: Nights) -> StepResult:
    """Validate the deliveries of `nights`, of their windows, and any that was never validated."""
    deliveries = work.lake.slices(f"raw/{work.item}")
    done, scope = _done(work), _scope(work, nights)
    pending = [one for one in deliveries if _reason(work, one, done, scope)]
    results = [
        *_without_delivery(work, nights, deliveries),
        *(_unchanged(done[one.night, one.generation]) for one in _asked(work, nights, deliveries) if one not in pending),
    ]
    sound, refused = _by_header(work, pending)
    version, reports, validated = _validate(work, sound) if sound else (None, (), [])
    judged_now = _of_concern(work, [*refused, *validated], deliveries, nights)
    everything = sorted([*results, *judged_now], key=lambda one: one.night)
    return StepResult(step="validated", item=work.item, table=work.table, nights=tuple(everything), version=version, reports=reports)


def due(work: Work, nights: Nights) -> dict[date, str]:
    """The nights whose delivery a run of `nights` would validate, and why."""
    done, scope = _done(work), _scope(work, nights)
    found = {one.night: _reason(work, one, done, scope) for one in work.lake.slices(f"raw/{work.item}")}
    return {night: why for night, why in found.items() if why}


def _of_concern(work: Work, found: Sequence[NightResult], deliveries: Sequence[Slice], nights: Nights) -> list[NightResult]:
    """Without the failures that were told before: a delivery refused weeks ago is tried again, but does not turn each later night red.

    A failure is told where its night was asked for, or its delivery has come since; never where a sound delivery has replaced it.
    """
    come = {(one.night, one.generation) for one in deliveries if one.run_id == work.run_id or min(nights) <= one.known_night <= max(nights)}
    sound = {one.night: one.generation or 0 for one in found if one.outcome != "failed"}
    asked = _asked_nights(work, nights)

    def concerns(one: NightResult) -> bool:
        generation = one.generation or 0
        is_new = one.night in asked or (one.night, generation) in come
        return one.outcome != "failed" or (is_new and generation > sound.get(one.night, 0))

    return [one for one in found if concerns(one)]


def _done(work: Work) -> dict[tuple[date, int], Slice]:
    return {(one.night, one.generation): one for one in work.lake.slices(work.table)}


def _scope(work: Work, nights: Nights) -> tuple[date, date]:
    if work.feed.undated:
        return work.pipeline.nights.from_, work.pipeline.nights.from_
    return min(nights) - timedelta(days=work.pipeline.nights_back(work.item)), max(nights)


def _reason(work: Work, one: Slice, done: Mapping[tuple[date, int], Slice], scope: tuple[date, date]) -> str | None:
    before = done.get((one.night, one.generation))
    if before is None and _is_replaced(one, done):
        return None  # it was refused, and a sound one has come since
    if before is None:
        return "never validated" if one.generation == 1 else f"delivery g{one.generation} was never validated"
    is_stale = scope[0] <= one.night <= scope[1] and before.fingerprint != _fingerprint(work, one)
    return "the feed's configuration changed" if is_stale else None


def _is_replaced(one: Slice, done: Mapping[tuple[date, int], Slice]) -> bool:
    return any(night == one.night and generation > one.generation for night, generation in done)


def _fingerprint(work: Work, delivery: Slice) -> str:
    return fingerprint(delivery.checksum, digest_of(work.feed))


def _asked(work: Work, nights: Nights, deliveries: Sequence[Slice]) -> list[Slice]:
    asked = _asked_nights(work, nights)
    return list({one.night: one for one in deliveries if one.night in asked}.values())


def _asked_nights(work: Work, nights: Nights) -> set[date]:
    return {work.pipeline.nights.from_} if work.feed.undated else set(nights)


def _unchanged(one: Slice) -> NightResult:
    return NightResult(
        night=one.night, outcome="unchanged", generation=one.generation, rows=one.rows, counts=one.counts, notes=tuple(one.detail.get("warnings", ()))
    )


def _without_delivery(work: Work, nights: Nights, deliveries: Sequence[Slice]) -> list[NightResult]:
    have, first = {one.night for one in deliveries}, work.pipeline.first_delivery(work.item)
    asked = [] if work.feed.undated else [night for night in nights if night >= first and night not in have]
    if work.feed.missing.tolerate:
        return [NightResult(night=night, outcome="absent") for night in asked]
    return [NightResult(night=night, outcome="failed", problem=f"raw/{work.item} has no delivery for {night}; run the step raw first.") for night in asked]


def _by_header(work: Work, pending: Iterable[Slice]) -> tuple[list[Slice], list[NightResult]]:
    sound, refused = [], []
    for one in pending:
        problem = compare(work.feed, one.detail["header"]).refusal(f"{work.item} {one.night}", work.feed)
        if problem:
            refused.append(NightResult(night=one.night, outcome="failed", generation=one.generation, problem=problem))
        else:
            sound.append(one)
    return sound, refused


def _validate(work: Work, deliveries: Sequence[Slice]) -> tuple[int, tuple[str, ...], list[NightResult]]:
    raw = work.lake.read(f"raw/{work.item}", [one.night for one in deliveries]).frame.where(_are(deliveries))
    with judged(typed(raw, work.feed), work.feed) as rows:
        ours = {(one.night, one.generation): one for one in counts(rows, work.feed)}
        found = [ours.get((one.night, one.generation), Counts.empty(one.night, one.generation)) for one in deliveries]
        tables = table_results(rows, work.feed)
        reports = _second_opinion(work, rows, found, tables) if work.options.pages else ()
        problems = {(one.night, one.generation): night_problem(one, work.feed, tables) for one in found}
        standing = [one for one in deliveries if not problems[one.night, one.generation]]
        version = _commit(work, rows, standing, ours, tables) if standing else None
    results = [_result(work, one, ours.get((one.night, one.generation)), problems[one.night, one.generation], tables) for one in deliveries]
    return version or 0, reports, results


def _are(deliveries: Sequence[Slice]) -> Column:
    generations = sorted({one.generation for one in deliveries})
    parts = [F.expr(f"{among(one.night for one in deliveries if one.generation == g)} AND generation = {g}") for g in generations]
    return reduce(lambda a, b: a | b, parts)


def _second_opinion(work: Work, rows: DataFrame, found: list[Counts], tables: list[TableResult]) -> tuple[str, ...]:
    theirs = second_opinion(rows, work.feed, ours=found)
    agree(found, tables, theirs)
    name = in_words(one.night for one in found).replace(" ", "_") if len(found) < 40 else f"{found[0].night}_to_{found[-1].night}"
    return tuple(str(path) for path in write_docs(theirs, work.reports, name))


def _commit(work: Work, rows: DataFrame, deliveries: Sequence[Slice], ours: Mapping[tuple[date, int], Counts], tables: list[TableResult]) -> int:
    good, bad = split(rows.where(_are(deliveries)), work.feed)
    drafts = [_draft(work, one, ours[one.night, one.generation], tables) for one in deliveries]
    # The quarantine first: a validated night is done, and nothing looks at it again.
    work.lake.commit(bad, f"quarantine/{work.item}", drafts, step="validated.quarantine")
    return work.lake.commit(good, work.table, drafts, step="validated").version


def _draft(work: Work, delivery: Slice, found: Counts, tables: list[TableResult]) -> Draft:
    broken = {rule: seen for rule, seen in found.unexpected.items() if seen}
    return Draft(
        night=delivery.night,
        generation=delivery.generation,
        known_night=delivery.known_night,
        fingerprint=_fingerprint(work, delivery),
        counts={"rows": found.rows, "good": found.good, "bad": found.bad, "duplicates": found.duplicates},
        detail={"unexpected": broken, "warnings": night_warnings(found, work.feed, tables)},
    )


def _result(work: Work, delivery: Slice, found: Counts | None, problem: str | None, tables: list[TableResult]) -> NightResult:
    tally = {"rows": found.rows, "good": found.good, "bad": found.bad, "duplicates": found.duplicates} if found else {}
    return NightResult(
        night=delivery.night,
        outcome="failed" if problem else "written",
        generation=delivery.generation,
        rows=found.good if found else 0,
        counts=tally,
        problem=f"{work.item} {delivery.night}: {problem}" if problem else None,
        notes=tuple(night_warnings(found, work.feed, tables)) if found else (),
    )
