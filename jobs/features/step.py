"""Features: what each night knew about every row it has to score, all nights in one job."""

from collections.abc import Mapping
from datetime import date, timedelta

from jobs.config.loading import digest_of
from jobs.features.assembly import Assembled, assembled, known
from jobs.features.readiness import Readiness
from jobs.lake.lake import Draft
from jobs.ledger.ledger import Slice
from jobs.nights import Nights
from jobs.results import NightResult, StepResult, written_or_not
from jobs.work import Work, content_of, fingerprint


def run(work: Work, nights: Nights) -> StepResult:
    """Compute the features of the nights that rest on something new."""
    slices, current = _slices(work), work.lake.current(work.table, restated=work.options.restate)
    readiness = {night: Readiness.of(work.pipeline, night, slices) for night in nights}
    pending = [night for night in due(work, nights) if not readiness[night].problem]
    results = [_idle(night, readiness[night], current.get(night)) for night in nights if night not in pending]
    version, inputs, computed = _compute(work, pending, slices, readiness) if pending else (None, {}, [])
    everything = tuple(sorted([*results, *computed], key=lambda one: one.night))
    return StepResult(step="features", item="", table=work.table, nights=everything, version=version, inputs=inputs)


def due(work: Work, nights: Nights) -> dict[date, str]:
    """The nights that rest on something new, and on what; whether they have all they need is another question."""
    slices, current = _slices(work), work.lake.current(work.table, restated=work.options.restate)
    found = {night: _reason(current.get(night), _rests_on(work, night, slices)) for night in nights}
    return {night: why for night, why in found.items() if why}


def _slices(work: Work) -> dict[str, list[Slice]]:
    return known(work.lake, work.pipeline, restate=work.options.restate)


def _reason(before: Slice | None, rests_on: Mapping[str, str]) -> str | None:
    if before is None:
        return "never computed"
    if before.fingerprint == fingerprint(rests_on):
        return None
    formerly = before.detail.get("rests_on", rests_on)
    return f"{', '.join(name for name in rests_on if rests_on[name] != formerly.get(name)) or 'what it rests on'} changed"


def _rests_on(work: Work, night: date, slices: Mapping[str, list[Slice]]) -> dict[str, str]:
    """A digest of the configuration, and one of each feed as far as the night looks at it; a plan names the one that changed."""
    features = work.pipeline.features
    parts = {"configuration": digest_of(features, *(work.pipeline.feeds[feed] for feed in features.feeds))}
    for feed in features.feeds:
        first = night - timedelta(days=work.pipeline.nights_back(feed))
        content = content_of(slices[feed], night)
        parts[feed] = fingerprint(content if work.pipeline.feeds[feed].undated else [one for one in content if one[0] >= str(first)])
    return parts


def _idle(night: date, ready: Readiness, current: Slice | None) -> NightResult:
    if ready.problem or current is None:
        return NightResult(night=night, outcome="failed", problem=ready.problem)
    return NightResult(night=night, outcome="unchanged", generation=current.generation, rows=current.rows, notes=ready.notes)


def _compute(
    work: Work, pending: list[date], slices: Mapping[str, list[Slice]], readiness: Mapping[date, Readiness]
) -> tuple[int, Mapping[str, int], list[NightResult]]:
    rests_on = {night: _rests_on(work, night, slices) for night in pending}
    with assembled(work.lake, work.pipeline, slices, pending, restate=work.options.restate) as found:
        lacks = _lacks(work, found)
        details = {night: _detail(readiness[night], rests_on[night], found) | lacks for night in pending}
        drafts = [Draft(night=night, fingerprint=fingerprint(rests_on[night]), restated=work.options.restate, detail=details[night]) for night in pending]
        committed = work.lake.commit(found.frame, work.table, drafts, step="features")
    results = [_result(one, committed.written, readiness[one.night]) for one in committed.slices]
    return committed.version, found.inputs, results


def _lacks(work: Work, found: Assembled) -> dict[str, list[str]]:
    """Columns of the table that are no longer made: Delta keeps them, empty, and a model that needs one must not take that for missing values."""
    if not work.lake.exists(work.table):
        return {}
    made = {*found.frame.columns, "generation", "restated"}
    gone = [name for name in work.lake.read(work.table).frame.columns if name not in made]
    return {"lacks": gone} if gone else {}


def _detail(ready: Readiness, rests_on: Mapping[str, str], found: Assembled) -> dict[str, object]:
    return {"coverage": dict(ready.coverage), "short": dict(ready.short), "rests_on": rests_on, "inputs": dict(found.inputs)}


def _result(one: Slice, written: frozenset[date], ready: Readiness) -> NightResult:
    if not one.rows:
        return NightResult(night=one.night, outcome="failed", problem=f"nothing to score in night {one.night}: no row of its event day is known.")
    return NightResult(night=one.night, outcome=written_or_not(one.night, written), generation=one.generation, rows=one.rows, notes=ready.notes)
