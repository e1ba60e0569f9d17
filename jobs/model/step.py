"""Model: train as of a night, examine, put before the gate; a version that passes becomes the champion."""

import json
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from jobs.config.loading import digest_of
from jobs.environment import code_version
from jobs.ledger.leases import lease
from jobs.model.card.kept import card_of, keep
from jobs.model.decided import as_decided, decide, record_training
from jobs.model.evaluation.explanations import explanations
from jobs.model.evaluation.plots import plots
from jobs.model.evaluation.slices import by_slice
from jobs.model.fairness.files import fairness_files
from jobs.model.gate.case import Case
from jobs.model.gate.gate import judge
from jobs.model.gate.page import page
from jobs.model.gate.verdict import Verdict
from jobs.model.material import Material, gather, made_by, spans_of
from jobs.model.reference import references
from jobs.model.registry.champion import registry_of
from jobs.model.registry.registry import Registry
from jobs.model.registry.version import Version
from jobs.model.segments import Span
from jobs.model.stress.asked import stressing
from jobs.model.stress.page import record
from jobs.model.training.search import Found
from jobs.model.training.training import Trained
from jobs.nights import Nights
from jobs.results import NightResult, StepResult
from jobs.work import Work, content_of, fingerprint

SLICE_ROWS: Final = 200
"""Slices with fewer rows are told together."""


def run(work: Work, nights: Nights) -> StepResult:
    """Train as of the newest of `nights`, unless a version was already made from the very same data and configuration."""
    as_of, registry = max(nights), registry_of(work.settings)
    spans = spans_of(work, as_of)
    made_from = _fingerprint(work, as_of, spans)
    if done := _as_decided(work, registry, as_of, made_from):
        return done
    material = gather(work, as_of, spans)
    found = _searched(work, material, made_from) if work.model.search else None
    trained = (material.with_params(found.params) if found else material).train()
    with lease(work.ledger, f"model/{work.model_name}"):
        # Another run may have made the same meanwhile, and the gate would find a challenger that is the champion.
        if done := _as_decided(work, registry, as_of, made_from):
            return done
        result = _judged(work, registry, material, trained, found, {"as_of": str(as_of), "fingerprint": made_from, **material.versions})
    _carded(work, result)
    return _step_result(work, result, trained.device.used, material.versions)


def _as_decided(work: Work, registry: Registry, as_of: date, made_from: str) -> StepResult | None:
    known = as_decided(work, registry, as_of, made_from)
    if known is None:
        return None
    if not card_of(work.settings, work.model_name, known.detail["version"]).is_file():  # a crash came between the decision and the card
        _carded(work, known)
    return _step_result(work, known, "cpu", {})


def _carded(work: Work, result: NightResult) -> None:
    """Also of the versions that stand otherwise since."""
    for number in (result.detail["version"], *result.detail.get("displaced", ())):
        keep(work.settings, work.ledger, work.pipeline.pipeline, work.item, number)


def _fingerprint(work: Work, as_of: date, spans: Mapping[str, Span]) -> str:
    """Everything a version depends on."""
    import xgboost

    first, last = spans["train"].first, spans["holdout"].last
    features = [(str(night), one.checksum) for night, one in work.lake.current("features").items() if first <= night <= last]
    labels = [one for one in content_of(work.lake.slices(f"validated/{work.model.label_feed}"), as_of) if one[0] >= str(first)]
    return fingerprint(features, labels, made_by(work.pipeline, work.model), {name: str(span) for name, span in spans.items()}, xgboost.__version__)


def _searched(work: Work, material: Material, made_from: str) -> Found:
    # One study for the same rows and configuration: a search that was cut off goes on.
    storage = f"sqlite:///{work.settings.root / 'optuna.db'}"
    return material.searched(lag=work.pipeline.label_lag(work.item), storage=storage, study=f"{work.model_name}.{made_from[:16]}")


def _judged(work: Work, registry: Registry, material: Material, trained: Trained, found: Found | None, pinned: Mapping[str, object]) -> NightResult:
    spans = material.spans
    case = material.case(
        trained,
        read_champion=lambda: registry.champion(work.model_name, threads=work.model.threads),
        judged_before=_judged_before(registry, work.model_name, trained.artifact.digest, spans["holdout"]),
        stress=stressing(material, trained, work.lake),
        pinned={"configuration": digest_of(work.pipeline), "code": code_version(), **{name: str(value) for name, value in pinned.items()}},
    )
    verdict = judge(case)
    files = {
        "verdict.json": verdict.to_json().encode(),
        **references(material.rows, trained.artifact, spans, work.model),
    }
    if verdict.evaluation:
        files |= plots(case.holdout, case.scores, kind=work.model.type, title=f"{work.model_name} on {spans['holdout']}", seed=work.model.seed)
        files |= explanations(trained.artifact, case.holdout, loss=work.model.loss, title=work.model_name, seed=work.model.seed)
        files |= {"evaluation.json": json.dumps(verdict.evaluation).encode(), "slices.json": _slices(case)}
        files |= record(case.stress, title=work.model_name) if case.stress else {}
        files |= fairness_files(material.with_params(found.params) if found else material, case, trained.artifact)
    files["verdict.html"] = page(verdict, spans=spans, files=files)
    version = _registered(work, registry, case, trained, found, verdict, files)
    judged_on = spans["holdout"].last + timedelta(days=work.pipeline.label_lag(work.item))
    record_training(work, version, judged_on)
    _shown(work, version)
    return decide(work, registry, version, verdict, judged_on)


def _shown(work: Work, version: Version) -> None:
    # A copy of the registered one, where people look for reports.
    work.reports.mkdir(parents=True, exist_ok=True)
    (work.reports / f"v{version.version}.html").write_bytes(version.read("verdict.html"))


def _slices(case: Case) -> bytes:
    constant = case.baselines["constant"].score(case.holdout)
    found = by_slice(case.holdout, case.scores, constant, case.slices, loss=case.loss, min_rows=SLICE_ROWS, seed=case.seed)
    return json.dumps([one.to_dict() for one in found]).encode()


def _judged_before(registry: Registry, name: str, digest: str, holdout: Span) -> int:
    """Other versions whose holdout shares nights with this one."""
    others = [one for one in registry.versions(name) if "holdout" in one.tags and one.digest != digest]
    return sum(Span(*map(date.fromisoformat, one.tags["holdout"].split(" to "))).shared(holdout) is not None for one in others)


def _registered(work: Work, registry: Registry, case: Case, trained: Trained, found: Found | None, verdict: Verdict, files: Mapping[str, bytes]) -> Version:
    spans = case.challenger.spans
    tags = {
        **case.pinned,
        "verdict": verdict.outcome,
        "sentence": verdict.sentence[:4000],
        "run_id": work.run_id,
        "device": trained.device.used,
        "holdout": str(spans["holdout"]),
    }
    params = {**trained.params, "best_iteration": trained.best_iteration, **{f"segment.{name}": str(span) for name, span in spans.items()}}
    metrics = {f"tune.{work.model.loss}": trained.tune_loss, "seconds": trained.seconds, **(case.evaluation.flat() if verdict.evaluation else {})}
    if found:
        metrics |= {f"search.{work.model.loss}": found.loss, f"search.defaults.{work.model.loss}": found.default_loss}
    run_id = registry.record(work.model_name, artifact=trained.artifact, spans=spans, params=params, metrics=metrics, tags=tags, files=files)
    registry.record_trials(work.model_name, run_id, found.trials if found else (), metric=work.model.loss)
    number = registry.register(work.model_name, run_id, trained.artifact.digest, tags).version
    return registry.version(work.model_name, number, threads=work.model.threads)


def _step_result(work: Work, result: NightResult, device: str, inputs: Mapping[str, int]) -> StepResult:
    return StepResult(step="model", item=work.item, table=work.table, nights=(result,), device=device, inputs=inputs)
