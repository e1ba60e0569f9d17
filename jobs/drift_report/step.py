"""Drift report: how far each night's features and scores are from what the champion was made from."""

import io
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Final

import pandas as pd
from pyspark.sql import functions as F

from jobs.config.loading import digest_of
from jobs.drift_report.counted import counts_of, looked_at, with_scores
from jobs.drift_report.judged import SCORE, Distance, Yardstick, on_record, summary
from jobs.drift_report.page import SAMPLE, write_page
from jobs.lake.lake import Draft
from jobs.lake.local import local_frame
from jobs.ledger.ledger import Slice
from jobs.model.reference import read_references
from jobs.model.registry.champion import registry_of
from jobs.model.registry.version import Version
from jobs.nights import Nights
from jobs.results import NightResult, StepResult, written_or_not
from jobs.work import Work, fingerprint

ON_PAGE: Final = 20
"""Features on Evidently's page; the table has all of them."""
SCHEMA: Final = (
    "night date, name string, psi double, distance double, mark double, state string, method string, compared string, rows bigint, "
    "missing double, reference_missing double, unseen double, weight double, counts array<bigint>, model_version int"
)


def run(work: Work, nights: Nights) -> StepResult:
    """Measure the nights whose predictions are new, each against the version that scored it."""
    predictions, current = work.lake.current(f"{work.item}/predictions"), work.lake.current(work.table)
    pending = due(work, nights)
    idle = [_idle(night, current.get(night)) for night in nights if night not in pending]
    by_version: dict[int, list[date]] = {}
    for night in pending:
        by_version.setdefault(int(predictions[night].detail["champion"]), []).append(night)
    measured, reports, table_version = [], [], None
    for number, some in by_version.items():
        table_version, results, pages = _measure(work, registry_of(work.settings).version(work.model_name, number), some)
        measured += results
        reports += pages
    everything = tuple(sorted([*idle, *measured], key=lambda one: one.night))
    return StepResult(step="drift_report", item=work.item, table=work.table, nights=everything, version=table_version, reports=tuple(reports))


def due(work: Work, nights: Nights) -> dict[date, str]:
    """The nights that a run of `nights` would measure, and why."""
    predictions, current = work.lake.current(f"{work.item}/predictions"), work.lake.current(work.table)
    features = work.lake.current("features")
    found = {night: _reason(work, predictions, night, features, current.get(night)) for night in nights if night in predictions and predictions[night].rows}
    return {night: why for night, why in found.items() if why}


def _reason(work: Work, predictions: Mapping[date, Slice], night: date, features: Mapping[date, Slice], before: Slice | None) -> str | None:
    if before is None:
        return "never measured"
    return (
        "its scores, the nights beside it or the drift's configuration changed"
        if before.fingerprint != _fingerprint(work, predictions, night, features)
        else None
    )


def _fingerprint(work: Work, predictions: Mapping[date, Slice], night: date, features: Mapping[date, Slice]) -> str:
    beside = [(str(day), some[day].checksum) for day in looked_at(work, [night]) for some in (features, predictions) if day in some]
    return fingerprint(beside, digest_of(work.model.drift))


def _idle(night: date, current: Slice | None) -> NightResult:
    if current is None:
        return NightResult(night=night, outcome="failed", problem=f"there are no predictions of night {night}.")
    return _result(current, frozenset())


def _measure(work: Work, version: Version, nights: list[date]) -> tuple[int, list[NightResult], list[str]]:
    references, own = read_references(version)
    yardstick, histograms = Yardstick(references, own, work.model.drift), counts_of(work, version, references, nights)
    found = {night: yardstick.judge(histograms, night) for night in nights}
    page = [_page(work, version, _shown(found), nights)] if work.options.pages else []
    predictions, features = work.lake.current(f"{work.item}/predictions"), work.lake.current("features")
    wanted = {night: _fingerprint(work, predictions, night, features) for night in nights}
    told = {night: (summary(found[night], work.model.drift), _about(found[night], version, features[night], page)) for night in nights}
    drafts = [Draft(night=night, fingerprint=wanted[night], counts=counts, detail=detail) for night, (counts, detail) in told.items()]
    rows = [_row(night, one, version.version) for night, some in found.items() for one in some]
    committed = work.lake.commit(local_frame(work.lake.spark, rows, SCHEMA), work.table, drafts, step="drift_report")
    results = [_result(one, committed.written) for one in committed.slices]
    return committed.version, results, [str(path) for path in page]


def _row(night: date, one: Distance, version: int) -> tuple[object, ...]:
    plain = {**vars(one), "counts": list(one.counts), "night": night, "model_version": version}
    return tuple(plain[column.split()[0]] for column in SCHEMA.split(", "))


def _about(found: list[Distance], version: Version, features: Slice, page: list[Path]) -> dict[str, object]:
    score = next(one for one in found if one.name == SCORE)
    worst = sorted((one for one in found if one.name != SCORE), key=lambda one: -one.distance / one.mark)[:5]
    return {
        "state": score.state,
        "worst": {one.name: round(one.distance / one.mark, 3) for one in worst},
        "champion": version.version,
        "compared": score.compared,
        "features": features.checksum,
        "measured": on_record(found),
        "page": str(page[0]) if page else "",
    }


def _shown(found: Mapping[date, list[Distance]]) -> list[str]:
    """The score, then the features that went furthest in any night: whoever opens the page asks for these."""
    furthest: dict[str, float] = {}
    for one in (one for some in found.values() for one in some if one.name != SCORE):
        furthest[one.name] = max(one.distance / one.mark, furthest.get(one.name, 0.0))
    return [SCORE, *sorted(furthest, key=lambda name: -furthest[name])[:ON_PAGE]]


def _page(work: Work, version: Version, names: list[str], nights: list[date]) -> Path:
    sample = pd.read_parquet(io.BytesIO(version.read("reference_sample.parquet")))
    frame = with_scores(work, nights, version).where(F.col(SCORE).isNotNull())
    rows = frame.select(*names).orderBy(F.xxhash64(*work.pipeline.rows.key)).limit(SAMPLE).toPandas()
    name = f"{min(nights)}" if len(nights) == 1 else f"{min(nights)}_to_{max(nights)}"
    return write_page(rows, sample[names], work.reports / f"{name}.html")


def _result(one: Slice, written: frozenset[date]) -> NightResult:
    state, drifted = one.detail["state"], int(one.counts["drifted"])
    far = f", {one.counts['score_drift']:.1f} of its mark" if "score_drift" in one.counts else ""
    told = f"score {state} (PSI {one.counts['score_psi']:.2f}{far}), {drifted} of {one.rows - 1} features drifted"
    notes = (told,) if state != "steady" or drifted else ()
    return NightResult(
        night=one.night, outcome=written_or_not(one.night, written), rows=one.rows, generation=one.generation, counts=one.counts, notes=notes, detail=one.detail
    )
