"""A year of records of two models, as a year of nights would have left them in the ledger."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any, Final

import numpy as np

from jobs.config.pipeline import Pipeline
from jobs.ledger.ledger import Ledger, Slice
from jobs.nights import span
from jobs.performance.tally import SUMS, tallies
from jobs.results import NightResult
from jobs.watch.facts import Facts

YEAR: Final = span(date(2013, 1, 1), date(2013, 12, 31))
SCORED_FROM: Final = date(2013, 4, 1)
REIGNS: Final = {1: SCORED_FROM, 2: date(2013, 6, 10), 3: date(2013, 6, 24), 4: date(2013, 10, 7)}
CARRIERS: Final = ["AA", "B6", "<b>UA</b>"]
RED: Final = frozenset({date(2013, 5, 4), date(2013, 9, 1), date(2013, 12, 31)})
ROWS: Final = 300
FEATURES: Final = [*(f"outcomes_{name}_{window}_by_origin_dep_hour" for name in ("n", "late", "delay") for window in range(26)), "carrier", "temp"]


def write_year(ledger: Ledger, pipeline: Pipeline, nights: Sequence[date] = YEAR) -> None:
    """Records of every step of the nights."""
    for feed in pipeline.features_and_label_feeds:
        dated = nights[:1] if pipeline.feeds[feed].undated else [night for night in nights if night >= pipeline.first_delivery(feed)]
        _record(ledger, pipeline, f"raw/{feed}", [_slice(night, rows=900) for night in dated])
        counted = [_slice(night, rows=897, counts={"rows": 900, "good": 897, "bad": 2, "duplicates": 1}) for night in dated]
        _record(ledger, pipeline, f"validated/{feed}", counted, red=RED)
    coverage = {"outcomes": 1.0}
    _record(ledger, pipeline, "features", [_slice(night, rows=850 + 60 * night.weekday(), detail={"coverage": coverage}) for night in nights], red=RED)
    for model in pipeline.models:
        _record_model(ledger, pipeline, model, [night for night in nights if night >= SCORED_FROM])
    _alerts(ledger, pipeline, nights[-1])


def measured_of(night: date) -> dict[str, list[Any]]:
    """What a drift report leaves on record: the score and eighty features, that wander from night to night."""
    names, passed = ["score", *FEATURES], (night - YEAR[0]).days
    reach = np.abs(np.sin(np.arange(len(names)) * 1.7 + passed / 40)) * 1.2
    states = np.select([reach >= 1, reach >= 0.4], ["drifted", "watch"], "steady")
    weight = np.where(np.arange(len(names)) == 0, 0, np.exp(-np.arange(len(names)) / 12) / 12)
    alike = {"mark": 0.25, "missing": 0.02, "reference_missing": 0.01, "unseen": 0.0}
    columns = {"name": names, "distance": (reach / 4).tolist(), "state": states.tolist(), "weight": weight.tolist(), "counts": [[90] * 10] * len(names)}
    return {**columns, **{name: [value] * len(names) for name, value in alike.items()}}


def tally_of(facts: Facts, night: date, seed: int = 0, *, expected: bool = False) -> list[float]:
    """Some hundred rows that are late now and then, more so in summer."""
    rng = np.random.default_rng([night.toordinal(), seed])
    if facts.kind == "regression":
        label = rng.normal(6, 40, ROWS)
        score, constant = label + rng.normal(0, 30, ROWS), 6.0
    else:
        score = np.clip(rng.beta(2, 5, ROWS) + 0.1 * np.sin(night.timetuple().tm_yday / 58), 0.01, 0.99)
        label, constant = (score if expected else rng.random(ROWS) < score).astype(float), 0.27
    (tally,) = tallies(np.zeros(ROWS, dtype=np.int64), 1, label, score, constant=constant, kind=facts.kind, loss=facts.loss)
    return [float(f"{one:.10g}") for one in tally]


def part_of(facts: Facts, scored: date, version: int, seed: int, **scaled: float) -> dict[str, Any]:
    """What is on record of a part of a scored night; `rows` and sums of that name are multiplied where asked."""
    sums = dict(zip(SUMS[facts.kind], tally_of(facts, scored, seed), strict=False))
    return {str(scored): {"version": version, "tally": [value * scaled.get("all", scaled.get(name, 1)) for name, value in sums.items()]}}


def _slice(night: date, *, rows: int, **about: Any) -> Slice:
    return Slice(night=night, generation=1, known_night=night, rows=rows, checksum=f"{night}", fingerprint="f", version=1, run_id="r1", **about)


def _record(ledger: Ledger, pipeline: Pipeline, table: str, slices: Sequence[Slice], *, red: frozenset[date] = frozenset()) -> None:
    sound = [one for one in slices if one.night not in red]
    ledger.record_slices(pipeline.pipeline, table, sound, version=1)
    failed = [NightResult(night=one.night, outcome="failed", problem=f"{table} is broken") for one in slices if one.night in red]
    ledger.record_nights("r1", pipeline.pipeline, table, [*failed, *(NightResult(night=one.night, outcome="written", notes=_notes(one)) for one in sound)])


def _notes(one: Slice) -> tuple[str, ...]:
    drifted = one.counts.get("score_drift", 0) >= 1
    return ("score drifted (PSI 0.31, 1.2 of its mark), 9 of 80 features drifted",) if drifted else ()


def _record_model(ledger: Ledger, pipeline: Pipeline, model: str, nights: Sequence[date]) -> None:
    spec, red = pipeline.models[model], RED
    facts = Facts(kind=spec.type, loss=spec.loss)
    for version, since in REIGNS.items():
        about = {"former": version - 1 or None, "night": since, "by": "gate", "evidence": {}, "run_id": "r1"}
        ledger.decide(pipeline.pipeline, model, "promoted", version=version, reason=f"{model}: PASS, since all 13 rules hold. " + "And so on. " * 60, **about)
    reigning = {night: max(version for version, since in REIGNS.items() if since <= night) for night in nights}
    _record(ledger, pipeline, f"{model}/predictions", [_slice(night, rows=900, detail={"champion": reigning[night]}) for night in nights], red=red)
    _record(ledger, pipeline, f"{model}/drift_report", [_drift_slice(night, reigning[night]) for night in nights], red=red)
    _record(ledger, pipeline, f"{model}/performance", [*_performance(facts, reigning)], red=red)
    _record(ledger, pipeline, f"{model}/published", [_slice(night, rows=900) for night in nights], red=red)
    for night in nights:
        act = "held_back" if night.day < 12 else "none"
        reason = f"`loss_ratio` is 0.9813; > 0.98 in 3 of the last 5 nights (needed 3). Decided in night {night}."
        ledger.record_retraining(pipeline.pipeline, model, night, act=act, reason=reason, inputs={}, fingerprint="f", run_id="r1")


def _drift_slice(night: date, version: int) -> Slice:
    far = 1.2 if night.month == 7 else 0.3
    counts = {"rows": 900.0, "drifted": 9.0, "watch": 5.0, "steady": 66.0, "score_psi": 0.31, "score_drift": far, "feature_drift": 0.07}
    detail = {"state": "drifted" if far > 1 else "steady", "worst": {"carrier": 1.4}, "champion": version, "compared": "training", "page": ""}
    detail["measured"] = measured_of(night)
    return _slice(night, rows=81, counts=counts, detail=detail)


def _performance(facts: Facts, reigning: dict[date, int]) -> Iterator[Slice]:
    errors = {"auc_error": 0.01, "loss_error": 0.012} if facts.kind == "binary" else {}
    for night, version in reigning.items():
        scored = night - timedelta(days=2)
        known = {str(scored): {"version": reigning[scored], "tally": tally_of(facts, scored)}} if scored in reigning else {}
        estimated = {"estimated": {"version": version, "tally": tally_of(facts, night, expected=True)}} if errors else {}
        parts = {f"carrier={name}": part_of(facts, scored, reigning[scored], place) for place, name in enumerate(CARRIERS)} if known else {}
        holdouts = {str(version): {facts.loss: 0.55, "trained_mean_label": 0.27, **errors}}
        yield _slice(night, rows=1, counts={"labels": float(ROWS)}, detail={"realised": known, "parts": parts, **estimated, "holdouts": holdouts})


def _alerts(ledger: Ledger, pipeline: Pipeline, last: date) -> None:
    about = {"severity": "warning", "sentence": "score_drift of delayed is 1.2 (> 1 in 3 of 3 nights)", "told": last, "told_resolved": True}
    for day, resolved in ((40, last - timedelta(days=30)), (5, None)):
        opened = last - timedelta(days=day)
        ledger.record_alert(pipeline.pipeline, "score_has_drifted", "delayed", opened, last=resolved or last, resolved=resolved, **about)
