"""Shadow: the version that waits scores the nights beside the champion, and is held to what becomes known of them; nothing of it is published."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from jobs.errors import PermanentError
from jobs.lake.lake import Draft, cached
from jobs.lake.wording import spark_errors
from jobs.ledger.ledger import Slice
from jobs.model.registry.champion import registry_of
from jobs.model.registry.reign import waiting
from jobs.model.registry.version import Version
from jobs.nights import Nights
from jobs.performance.labels import oldest_scored
from jobs.results import NightResult, StepResult, written_or_not
from jobs.shadow.beside import Beside
from jobs.shadow.compared import compared
from jobs.shadow.decided import decide
from jobs.shadow.idle import IDLE
from jobs.shadow.pairs import FEW, Tallies, by_night, paired, realised
from jobs.shadow.realised import on_record
from jobs.shadow.terms import Terms, since
from jobs.watch.soundness import soundness_of
from jobs.work import Work

PORTION = 5_000_000
"""Rows that are compared on this machine at a time."""


def run(work: Work, nights: Nights) -> StepResult:
    """Score `nights` by the version that waits, compare it with the champion, and decide once enough labels are known.

    What is wrong with that version is told and is no fault of the night: the champion's scores are what is published.
    """
    version, current, pending = _waiting(work), work.lake.current(work.table), list(due(work, nights))
    results = {night: _idle(night, version, current.get(night)) for night in nights if night not in pending}
    table_version, inputs = None, dict[str, object]()
    try:
        beside = Beside.of(work)
        # One after the other, since labels may be of a night in the portion before.
        for some in _portions(pending, beside):
            # Here, since the runner would make the night red.
            with spark_errors():
                table_version, inputs, found = _shadow(work, registry_of(work.settings).version(work.model_name, version or 0), some, beside)
            results |= found
        decided = decide(work, sorted({*nights, *pending}), version) if version and not work.options.restate else None
        if decided:
            results[decided[0]] = replace(results[decided[0]], notes=(decided[1],))
    except PermanentError as error:
        told = f"v{version} waits, and could not be scored in shadow: {error}"
        results |= {night: NightResult(night=night, outcome="unchanged", notes=(told,)) for night in pending if night not in results}
    return StepResult(
        step="shadow", item=work.item, table=work.table, nights=tuple(one for _, one in sorted(results.items())), version=table_version, inputs=inputs
    )


def due(work: Work, nights: Nights) -> dict[date, str]:
    """The nights that a run of `nights` would score in shadow, and why; earlier ones too whose labels may have come since."""
    version, current = _waiting(work), work.lake.current(work.table)
    if version is None or work.options.restate:
        return {}
    began = since(_decisions(work), version)
    begun, known = began["night"] if began else date.max, oldest_scored(work.pipeline, work.item, min(nights))
    before = {night for night, one in current.items() if known <= night <= max(nights) and one.detail.get("challenger") == version}
    beside = Beside.of(work)
    # Not the night of the training itself: it may have been looked at.
    ready = [night for night in sorted({*nights, *before}) if night > begun and beside.champion(night) not in {None, version}]
    found = {night: _reason(current.get(night), version, beside.fingerprint(work, night, version)) for night in ready}
    return {night: why for night, why in found.items() if why}


def _waiting(work: Work) -> int | None:
    return waiting(_decisions(work))


def _decisions(work: Work) -> list[dict[str, Any]]:
    return work.ledger.decisions(work.pipeline.pipeline, work.item)


def _reason(before: Slice | None, version: int, wanted: str) -> str | None:
    if before is None or before.detail.get("challenger") != version:
        return f"v{version} waits, and has not scored it"
    return "its features, the champion's scores or labels changed" if before.fingerprint != wanted else None


def _portions(nights: Nights, beside: Beside) -> list[list[date]]:
    """The nights in order, each portion with no more rows than are compared at a time, or with one night."""
    found, rows = list[list[date]](), 0
    for night in nights:
        more = beside.predictions[night].rows
        if not found or rows + more > PORTION:
            found, rows = [*found, []], 0
        found[-1].append(night)
        rows += more
    return found


def _shadow(work: Work, version: Version, nights: list[date], beside: Beside) -> tuple[int, dict[str, object], dict[date, NightResult]]:
    pairs, read = paired(work, version, nights, rows=sum(beside.predictions[night].rows for night in nights))
    with cached(pairs):
        told = by_night(pairs)
        learned = realised(work, pairs, nights, beside.learned(nights), version.version, few=beside.rows_learned(nights) <= FEW)
        drafts = _drafts(work, version, nights, {night: compared(some) for night, some in told.items()}, learned, beside)
        committed = work.lake.commit(pairs, work.table, drafts, step="shadow")
    results = {one.night: _result(one, committed.written) for one in committed.slices}
    return committed.version, {"challenger": version.version, "digest": version.digest, **read}, results


def _drafts(work: Work, version: Version, nights: list[date], alike: Mapping[date, dict[str, Any]], learned: Tallies, beside: Beside) -> list[Draft]:
    sound, terms = soundness_of(work.ledger, work.pipeline), Terms.recorded(_decisions(work), version.version) or Terms.of(work.model)
    drafts = []
    for night in nights:
        found = {str(day): _record(by_version, version.version, terms) for day, by_version in learned.get(night, {}).items() if len(by_version) == 2}
        about = {"challenger": version.version, "digest": version.digest, "champion": beside.champion(night)}
        detail = {**about, "terms": terms.to_dict(), "compared": alike.get(night, {}), "broken": sound.problem(night), "realised": found}
        counts = {"labels": float(sum(one["rows"] for one in found.values()))}
        drafts.append(Draft(night=night, fingerprint=beside.fingerprint(work, night, version.version), counts=counts, detail=detail))
    return drafts


def _record(by_version: Mapping[int, Any], version: int, terms: Terms) -> dict[str, Any]:
    """Which version it was beside, and both tallies."""
    (beside,) = by_version.keys() - {version}
    return {"beside": beside, **on_record(by_version[version], by_version[beside], metric=terms.metric, kind=terms.kind)}


def _idle(night: date, version: int | None, current: Slice | None) -> NightResult:
    if version is not None and current is not None and current.detail.get("challenger") == version:
        return _result(current, frozenset())
    return NightResult(night=night, outcome="unchanged", detail=current.detail if current else {}, notes=(IDLE,))


def _result(one: Slice, written: frozenset[date]) -> NightResult:
    return NightResult(
        night=one.night, outcome=written_or_not(one.night, written), generation=one.generation, rows=one.rows, counts=one.counts, detail=one.detail
    )
