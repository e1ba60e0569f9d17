"""Shadow: the version that waits scores the nights beside the champion, and is held to what becomes known of them; nothing of it is published."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from jobs.config.loading import digest_of
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
from jobs.shadow.compared import compared
from jobs.shadow.decided import decide
from jobs.shadow.idle import IDLE
from jobs.shadow.pairs import Tallies, by_night, paired, realised
from jobs.shadow.realised import on_record
from jobs.shadow.terms import Terms, since
from jobs.watch.soundness import soundness_of
from jobs.work import Work, fingerprint

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
        for some in _portions(work, pending):
            # Here, since the runner would make the night red.
            with spark_errors():
                table_version, inputs, found = _shadow(work, registry_of(work.settings).version(work.model_name, version or 0), some)
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
    predictions = work.lake.current(f"{work.item}/predictions")
    # Not the night of the training itself: it may have been looked at.
    ready = [night for night in sorted({*nights, *before}) if night > begun and night in predictions and predictions[night].rows]
    beside = [night for night in ready if int(predictions[night].detail["champion"]) != version]
    found = {night: _reason(current.get(night), version, _fingerprint(work, night, version, predictions)) for night in beside}
    return {night: why for night, why in found.items() if why}


def _waiting(work: Work) -> int | None:
    return waiting(_decisions(work))


def _decisions(work: Work) -> list[dict[str, Any]]:
    return work.ledger.decisions(work.pipeline.pipeline, work.item)


def _reason(before: Slice | None, version: int, wanted: str) -> str | None:
    if before is None or before.detail.get("challenger") != version:
        return f"v{version} waits, and has not scored it"
    return "its features, the champion's scores or labels changed" if before.fingerprint != wanted else None


def _fingerprint(work: Work, night: date, version: int, predictions: Mapping[date, Slice]) -> str:
    """Scores rest on the features, pairs on the champion's scores, and what is realised on the labels that the night brought."""
    features, labels = work.lake.current("features").get(night), _arrived(work, [night])
    oldest = _oldest(work, [night], labels)
    scored = [(str(day), one.checksum) for day, one in predictions.items() if oldest <= day <= night]
    decides = digest_of(work.model.population), digest_of(work.model.threshold), digest_of(work.pipeline.purpose.cost)
    return fingerprint(features and features.checksum, scored, version, [(str(one.night), one.generation, one.checksum) for one in labels], *decides)


def _arrived(work: Work, nights: Nights) -> list[Slice]:
    """The deliveries of labels that became known in some nights."""
    return [one for one in work.lake.slices(f"validated/{work.model.label_feed}") if one.known_night in set(nights)]


def _oldest(work: Work, nights: Nights, labels: Sequence[Slice]) -> date:
    return oldest_scored(work.pipeline, work.item, min([*nights, *(one.night for one in labels)]))


def _portions(work: Work, nights: Nights) -> list[list[date]]:
    """The nights in order, each portion with no more rows than are compared at a time, or with one night."""
    features, found, rows = work.lake.current("features"), list[list[date]](), 0
    for night in nights:
        more = features[night].rows if night in features else 0
        if not found or rows + more > PORTION:
            found, rows = [*found, []], 0
        found[-1].append(night)
        rows += more
    return found


def _shadow(work: Work, version: Version, nights: list[date]) -> tuple[int, dict[str, object], dict[date, NightResult]]:
    rows = sum(work.lake.current("features")[night].rows for night in nights)
    pairs, read = paired(work, version, nights, rows=rows)
    with cached(pairs):
        told = by_night(pairs)
        learned = _realised(work, version, pairs, nights)
        drafts = _drafts(work, version, nights, {night: compared(some) for night, some in told.items()}, learned)
        committed = work.lake.commit(pairs, work.table, drafts, step="shadow")
    results = {one.night: _result(one, committed.written) for one in committed.slices}
    return committed.version, {"challenger": version.version, "digest": version.digest, **read}, results


def _realised(work: Work, version: Version, pairs: Any, nights: list[date]) -> Tallies:
    """By night, by scored night, by version; nothing is joined in nights that bring no label."""
    labels = _arrived(work, nights)
    return realised(work, pairs, nights, _oldest(work, nights, labels), version.version) if labels else {}


def _drafts(work: Work, version: Version, nights: list[date], alike: Mapping[date, dict[str, Any]], learned: Tallies) -> list[Draft]:
    predictions, sound = work.lake.current(f"{work.item}/predictions"), soundness_of(work.ledger, work.pipeline)
    terms = Terms.recorded(_decisions(work), version.version) or Terms.of(work.model)
    drafts = []
    for night in nights:
        found = {str(day): _record(by_version, version.version, terms) for day, by_version in learned.get(night, {}).items() if len(by_version) == 2}
        about = {"challenger": version.version, "digest": version.digest, "champion": int(predictions[night].detail["champion"])}
        detail = {**about, "terms": terms.to_dict(), "compared": alike.get(night, {}), "broken": sound.problem(night), "realised": found}
        counts = {"labels": float(sum(one["rows"] for one in found.values()))}
        drafts.append(Draft(night=night, fingerprint=_fingerprint(work, night, version.version, predictions), counts=counts, detail=detail))
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
