"""Shadow: the version that waits scores the nights beside the champion; nothing of it is published."""

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
from jobs.predictions.score import require_made
from jobs.results import NightResult, StepResult, written_or_not
from jobs.shadow.beside import Beside
from jobs.shadow.compared import compared
from jobs.shadow.idle import IDLE
from jobs.shadow.pairs import by_night, paired
from jobs.shadow.terms import Terms, since
from jobs.watch.soundness import soundness_of
from jobs.work import Work

PORTION = 5_000_000
"""Rows that are compared on this machine at a time."""


def run(work: Work, nights: Nights) -> StepResult:
    """Score `nights` by the version that waits, and compare it with the champion.

    What is wrong with that version is told and is no fault of the night: the champion's scores are what is published.
    """
    version, current, pending = _waiting(work), work.lake.current(work.table), list(due(work, nights))
    results = {night: _idle(night, version, current.get(night)) for night in nights if night not in pending}
    table_version, inputs = None, dict[str, object]()
    try:
        beside = Beside.of(work)
        for some in _portions(pending, beside):
            # Here, since the runner would make the night red.
            with spark_errors():
                table_version, inputs, found = _shadow(work, version or 0, some, beside)
            results |= found
    except PermanentError as error:
        told = f"v{version} waits, and could not be scored in shadow: {error}"
        results |= {night: NightResult(night=night, outcome="unchanged", notes=(told,)) for night in pending if night not in results}
    return StepResult(
        step="shadow", item=work.item, table=work.table, nights=tuple(one for _, one in sorted(results.items())), version=table_version, inputs=inputs
    )


def due(work: Work, nights: Nights) -> dict[date, str]:
    """The nights that a run of `nights` would score in shadow, and why."""
    version, current = _waiting(work), work.lake.current(work.table)
    if version is None or work.options.restate:
        return {}
    began, beside = since(_decisions(work), version), Beside.of(work)
    begun = began["night"] if began else date.max
    # Not the night of the training itself: it may have been looked at.
    ready = [night for night in nights if night > begun and beside.champion(night) not in {None, version}]
    found = {night: _reason(current.get(night), version, beside.fingerprint(work, night, version)) for night in ready}
    return {night: why for night, why in found.items() if why}


def _waiting(work: Work) -> int | None:
    return waiting(_decisions(work))


def _decisions(work: Work) -> list[dict[str, Any]]:
    return work.ledger.decisions(work.pipeline.pipeline, work.item)


def _reason(before: Slice | None, version: int, wanted: str) -> str | None:
    if before is None or before.detail["challenger"] != version:
        return f"v{version} waits, and has not scored it"
    return "its features or the champion's scores changed" if before.fingerprint != wanted else None


def _portions(nights: Nights, beside: Beside) -> list[list[date]]:
    """The nights in order, each portion beside one champion, with no more rows than are compared at a time, or with one night."""
    found, rows = list[list[date]](), 0
    for night in nights:
        more = beside.predictions[night].rows
        if not found or rows + more > PORTION or beside.champion(night) != beside.champion(found[-1][0]):
            found, rows = [*found, []], 0
        found[-1].append(night)
        rows += more
    return found


def _shadow(work: Work, number: int, nights: list[date], beside: Beside) -> tuple[int, dict[str, object], dict[date, NightResult]]:
    registry = registry_of(work.settings)
    version, champion = (registry.version(work.model_name, one) for one in (number, beside.champion(nights[0]) or 0))
    require_made((beside.features[night] for night in nights), version.artifact)
    pairs, features_version = paired(work, version, champion, nights)
    with cached(pairs):
        told = {night: compared(some) for night, some in by_night(pairs).items()}
        drafts = [_draft(work, version, night, told.get(night, {}), beside) for night in nights]
        committed = work.lake.commit(pairs, work.table, drafts, step="shadow")
    results = {one.night: _result(one, committed.written) for one in committed.slices}
    return committed.version, {"challenger": number, "digest": version.digest, "features": features_version}, results


def _draft(work: Work, version: Version, night: date, told: dict[str, Any], beside: Beside) -> Draft:
    terms = Terms.recorded(_decisions(work), version.version) or Terms.of(work.model)
    about = {"challenger": version.version, "digest": version.digest, "champion": beside.champion(night), "scores": beside.predictions[night].checksum}
    broken = soundness_of(work.ledger, work.pipeline).problem(night)
    detail = {**about, "terms": terms.to_dict(), "compared": told, "broken": broken}
    return Draft(night=night, fingerprint=beside.fingerprint(work, night, version.version), detail=detail)


def _idle(night: date, version: int | None, current: Slice | None) -> NightResult:
    if version is not None and current is not None and current.detail["challenger"] == version:
        return _result(current, frozenset())
    return NightResult(night=night, outcome="unchanged", detail=current.detail if current else {}, notes=(IDLE,))


def _result(one: Slice, written: frozenset[date]) -> NightResult:
    return NightResult(
        night=one.night, outcome=written_or_not(one.night, written), generation=one.generation, rows=one.rows, counts=one.counts, detail=one.detail
    )
