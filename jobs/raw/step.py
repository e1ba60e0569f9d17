"""Raw: the deliveries of some nights, as they came; the same bytes twice change nothing."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from jobs.errors import DeliveryError
from jobs.lake.lake import Draft
from jobs.ledger.leases import lease
from jobs.ledger.ledger import Slice
from jobs.nights import Nights, span
from jobs.raw.deliveries import Delivery, inspect, path_of
from jobs.raw.queried import extract
from jobs.raw.reading import read_deliveries
from jobs.results import NightResult, StepResult
from jobs.work import Work


def run(work: Work, nights: Nights) -> StepResult:
    """Ingest what was delivered for `nights`, what their windows lack, and what has changed since it was ingested."""
    results: list[NightResult] = []
    fresh: list[Delivery] = []
    same: list[Slice] = []
    recorded, this = _newest(work.lake.slices(work.table)), _Run(min(nights), _computed(work))
    for wanted in _wanted(work, nights, recorded):
        try:
            found = _look(work, wanted, recorded.get(wanted.night), this)
        except DeliveryError as error:
            if wanted.asked or wanted.night in recorded:
                results.append(NightResult(night=wanted.night, outcome="failed", problem=str(error)))
            continue  # else it is absent from a window, which `features` counts
        if isinstance(found, Delivery):
            fresh.append(found)
        elif found:
            results += [found] if wanted.asked else []
            same += [replace(recorded[wanted.night], detail=found.detail)] if found.detail else []
    if same:
        _remember(work, same)
    version, written = _ingest(work, fresh) if fresh else (None, [])
    return StepResult(step="raw", item=work.item, table=work.table, nights=tuple(sorted([*results, *written], key=lambda one: one.night)), version=version)


def due(work: Work, nights: Nights) -> dict[date, str]:
    """The nights whose delivery a run of `nights` would look into, and why; nothing is queried or digested to know it."""
    recorded = _newest(work.lake.slices(work.table))
    found = {one.night: _reason(work, one, recorded.get(one.night)) for one in _wanted(work, nights, recorded)}
    return {night: why for night, why in found.items() if why}


def _reason(work: Work, wanted: "_Wanted", before: Slice | None) -> str | None:
    if work.feed.sql and wanted.asked:
        return "the source is asked again" if before else "the source was not asked yet"
    if before:
        return "its size or time of change differs" if _has_changed(work, before) else None
    return "a new delivery" if work.feed.path and path_of(work.feed, wanted.night, work.settings.landing).exists() else None


@dataclass(frozen=True, slots=True)
class _Wanted:
    night: date
    asked: bool
    """False: looked at on the way, because a window rests on it or it may have changed."""


@dataclass(frozen=True, slots=True)
class _Run:
    first: date
    """Its oldest night."""
    computed: date
    """The newest night whose features stand."""

    def knows(self, night: date) -> date:
        """From when a correction of `night` counts that this run finds: never before a night that has already been computed."""
        seen = max(night, self.first)
        return seen if seen >= self.computed else self.computed + timedelta(days=1)


def _wanted(work: Work, nights: Nights, recorded: dict[date, Slice]) -> Iterator[_Wanted]:
    if work.feed.undated:
        yield _Wanted(work.pipeline.nights.from_, asked=True)
        return
    first = work.pipeline.first_delivery(work.item)
    back = timedelta(days=max(work.pipeline.nights_back(work.item), _late(work)))
    asked = {night for night in nights if night >= first}
    window = {night for night in span(max(first, min(nights) - back), max(nights)) if night not in recorded}
    changed = {night for night, one in recorded.items() if night < max(nights) and work.feed.path and _has_changed(work, one)}
    yield from (_Wanted(night, asked=night in asked) for night in sorted(asked | window | changed))


def _late(work: Work) -> int:
    """Nights that a file of labels is waited for: late ones belong to scores, though no feature may look back on them."""
    is_label_feed = any(model.label_feed == work.item for model in work.pipeline.models.values())
    return work.feed.max_late_days if work.feed.path and is_label_feed else 0


def _look(work: Work, wanted: _Wanted, before: Slice | None, this: _Run) -> Delivery | NightResult | None:
    """The delivery to ingest, or the result of a night that needs no work."""
    path = _path(work, wanted.night)
    if not path.exists():
        return _absent(work, wanted, path, before)
    if before and not _has_changed(work, before):
        return NightResult(night=wanted.night, outcome="unchanged", generation=before.generation, rows=before.rows)
    # A first delivery is known from its own night, changed bytes from the night whose run saw them.
    known, generation = (this.knows(wanted.night), before.generation + 1) if before else (wanted.night, 1)
    delivery = inspect(path, night=wanted.night, known_night=known, generation=generation)
    if before and delivery.sha256 == before.detail.get("sha256"):
        return NightResult(night=wanted.night, outcome="unchanged", generation=before.generation, rows=before.rows, detail=delivery.detail)
    return delivery


def _path(work: Work, night: date) -> Path:
    if work.feed.sql:
        folder = work.settings.landing / work.pipeline.pipeline / work.item
        key = work.settings.hash_key.get_secret_value() if work.settings.hash_key else None
        return extract(work.feed, work.feed.sql, night, folder, hash_key=key)
    return path_of(work.feed, night, work.settings.landing)


def _absent(work: Work, wanted: _Wanted, path: Path, before: Slice | None) -> NightResult | None:
    if before:  # ingested earlier, the file has been cleared away since
        return NightResult(night=wanted.night, outcome="unchanged", generation=before.generation, rows=before.rows)
    if not wanted.asked:
        return None
    what = f"{work.item}: no delivery for night {wanted.night}; expected {path}"
    if work.feed.missing.tolerate and not work.feed.undated:
        return NightResult(night=wanted.night, outcome="absent", notes=(f"{what} (tolerated: {work.feed.missing.tolerate} per window)",))
    msg = f"{what}. Deliver it and run again, or allow absent nights with `missing: {{tolerate: N}}`."
    raise DeliveryError(msg)


def _computed(work: Work) -> date:
    """The newest night whose features stand."""
    return max(work.lake.current("features"), default=date.min) if work.lake.exists("features") else date.min


def _remember(work: Work, same: list[Slice]) -> None:
    """The same bytes with another time, as after a copy of the folder: in the ledger alone, so that the next night need not digest them again."""
    with lease(work.ledger, work.lake.path(work.table)):
        version = work.ledger.known_version(work.pipeline.pipeline, work.table)
        work.ledger.record_slices(work.pipeline.pipeline, work.table, same, version=version)


def _has_changed(work: Work, one: Slice) -> bool:
    """By size and time of change first, since a digest of every old file each night would cost more than the night."""
    # Where it lies now: the landing folder may have moved since, and a correction must not be missed for that.
    path = path_of(work.feed, one.night, work.settings.landing) if work.feed.path else Path(str(one.detail["path"]))
    if not path.exists():
        return False
    stat = path.stat()
    return (stat.st_size, stat.st_mtime_ns) != (one.detail["size"], one.detail["mtime_ns"])


def _newest(slices: list[Slice]) -> dict[date, Slice]:
    return {one.night: one for one in slices}


def _ingest(work: Work, fresh: list[Delivery]) -> tuple[int, list[NightResult]]:
    key = work.settings.hash_key.get_secret_value() if work.settings.hash_key else None
    rows = read_deliveries(work.lake.spark, fresh, work.feed, hash_key=key)
    drafts = [Draft(night=one.night, generation=one.generation, known_night=one.known_night, fingerprint=one.sha256[:16], detail=one.detail) for one in fresh]
    committed = work.lake.commit(rows, work.table, drafts, step="raw")
    slices = {(one.night, one.generation): one for one in committed.slices}
    results = [slices[one.night, one.generation] for one in fresh]
    return committed.version, [NightResult(night=one.night, outcome="written", generation=one.generation, rows=one.rows, detail=one.detail) for one in results]
