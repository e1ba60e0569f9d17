"""Drift report: how far each night's features and scores are from what the champion was made from."""

import io
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Final

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.config.loading import digest_of
from jobs.drift_report.distance import Distance, distances, from_plain
from jobs.drift_report.page import SAMPLE, write_page
from jobs.lake.lake import Draft
from jobs.ledger.ledger import Slice
from jobs.model.registry.champion import registry_of
from jobs.model.registry.version import Version
from jobs.nights import Nights
from jobs.results import NightResult, StepResult, written_or_not
from jobs.work import Work, fingerprint

SCORE = "score"
ON_PAGE: Final = 20
"""Features on Evidently's page; the table has all of them."""


def run(work: Work, nights: Nights) -> StepResult:
    """Measure the nights whose predictions are new, each against the version that scored it."""
    predictions, current = work.lake.current(f"{work.item}/predictions"), work.lake.current(work.table)
    pending = due(work, nights)
    wanted = {night: _fingerprint(work, predictions[night]) for night in pending}
    idle = [_idle(night, current.get(night)) for night in nights if night not in pending]
    by_version: dict[int, list[date]] = {}
    for night in pending:
        by_version.setdefault(int(predictions[night].detail["champion"]), []).append(night)
    measured, reports, table_version = [], [], None
    for number, some in by_version.items():
        table_version, results, pages = _measure(work, registry_of(work.settings).version(work.model_name, number), some, wanted)
        measured += results
        reports += pages
    everything = tuple(sorted([*idle, *measured], key=lambda one: one.night))
    return StepResult(step="drift_report", item=work.item, table=work.table, nights=everything, version=table_version, reports=tuple(reports))


def due(work: Work, nights: Nights) -> dict[date, str]:
    """The nights that a run of `nights` would measure, and why."""
    predictions, current = work.lake.current(f"{work.item}/predictions"), work.lake.current(work.table)
    found = {night: _reason(work, predictions[night], current.get(night)) for night in nights if night in predictions and predictions[night].rows}
    return {night: why for night, why in found.items() if why}


def _reason(work: Work, predictions: Slice, before: Slice | None) -> str | None:
    if before is None:
        return "never measured"
    return "its scores or the drift's configuration changed" if before.fingerprint != _fingerprint(work, predictions) else None


def _fingerprint(work: Work, predictions: Slice) -> str:
    return fingerprint(predictions.checksum, digest_of(work.model.drift))


def _idle(night: date, current: Slice | None) -> NightResult:
    if current is None:
        return NightResult(night=night, outcome="failed", problem=f"there are no predictions of night {night}.")
    return _result(current, frozenset())


def _measure(work: Work, version: Version, nights: list[date], wanted: Mapping[date, str]) -> tuple[int, list[NightResult], list[str]]:
    references = from_plain(version.read_json("reference.json"))
    frame = _with_scores(work, nights)
    found = distances(frame, references, work.model.drift)
    page = [_page(work, version, frame, _shown(found), nights)] if work.options.pages else []
    rows = [(night, one.name, one.psi, one.state, one.missing, one.reference_missing, version.version) for night, some in found.items() for one in some]
    schema = "night date, name string, psi double, state string, missing double, reference_missing double, model_version int"
    drafts = [Draft(night=night, fingerprint=wanted[night], counts=_tally(found[night]), detail=_about(found[night], version, page)) for night in nights]
    committed = work.lake.commit(work.lake.spark.createDataFrame(rows, schema), work.table, drafts, step="drift_report")
    results = [_result(one, committed.written) for one in committed.slices]
    return committed.version, results, [str(path) for path in page]


def _with_scores(work: Work, nights: list[date]) -> DataFrame:
    keys = [*work.pipeline.rows.key, "night"]
    scores = work.lake.read(f"{work.item}/predictions", nights).frame.where(~F.col("restated")).select(*keys, SCORE)
    features = work.lake.read("features", nights).frame.where(~F.col("restated")).drop("generation", "restated")
    return features.join(scores, keys, how="inner")


def _tally(found: list[Distance]) -> dict[str, float]:
    states = [one.state for one in found if one.name != SCORE]
    score = next(one for one in found if one.name == SCORE)
    return {"drifted": states.count("drifted"), "watch": states.count("watch"), "steady": states.count("steady"), "score_psi": score.psi}


def _about(found: list[Distance], version: Version, page: list[Path]) -> dict[str, object]:
    score = next(one for one in found if one.name == SCORE)
    worst = sorted((one for one in found if one.name != SCORE), key=lambda one: -one.psi)[:5]
    return {"state": score.state, "worst": {one.name: round(one.psi, 3) for one in worst}, "champion": version.version, "page": str(page[0]) if page else ""}


def _shown(found: Mapping[date, list[Distance]]) -> list[str]:
    """The score, then the features that went furthest in any night: whoever opens the page asks for these."""
    furthest: dict[str, float] = {}
    for one in (one for some in found.values() for one in some if one.name != SCORE):
        furthest[one.name] = max(one.psi, furthest.get(one.name, 0.0))
    return [SCORE, *sorted(furthest, key=lambda name: -furthest[name])[:ON_PAGE]]


def _page(work: Work, version: Version, frame: DataFrame, names: list[str], nights: list[date]) -> Path:
    sample = pd.read_parquet(io.BytesIO(version.read("reference_sample.parquet")))
    rows = frame.select(*names).orderBy(F.xxhash64(*work.pipeline.rows.key)).limit(SAMPLE).toPandas()
    name = f"{min(nights)}" if len(nights) == 1 else f"{min(nights)}_to_{max(nights)}"
    return write_page(rows, sample[names], work.reports / f"{name}.html")


def _result(one: Slice, written: frozenset[date]) -> NightResult:
    state, drifted = one.detail["state"], int(one.counts["drifted"])
    told = f"score {state} (PSI {one.counts['score_psi']:.2f}), {drifted} of {one.rows - 1} features drifted"
    notes = (told,) if state != "steady" or drifted else ()
    return NightResult(
        night=one.night, outcome=written_or_not(one.night, written), rows=one.rows, generation=one.generation, counts=one.counts, notes=notes, detail=one.detail
    )
