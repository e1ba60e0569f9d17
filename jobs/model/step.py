"""Model: train as of a night, examine, put before the gate; a version that passes becomes the champion."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from jobs.config.loading import digest_of
from jobs.environment import code_version
from jobs.ledger.leases import lease
from jobs.model.evaluation.explanations import explanations
from jobs.model.evaluation.plots import plots
from jobs.model.evaluation.slices import by_slice
from jobs.model.gate.case import Case
from jobs.model.gate.gate import judge
from jobs.model.gate.page import page
from jobs.model.gate.verdict import Verdict
from jobs.model.material import Material, gather, spans_of
from jobs.model.reference import references
from jobs.model.registry.champion import registry_of
from jobs.model.registry.registry import Registry
from jobs.model.registry.reign import rejected
from jobs.model.registry.version import Entry
from jobs.model.segments import Span
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
    return _step_result(work, result, trained.device.used, material.versions)


def _as_decided(work: Work, registry: Registry, as_of: date, made_from: str) -> StepResult | None:
    """The version that was made from the very same and decided; one that a crash has left without a decision is judged again."""
    known = next((one for one in registry.versions(work.model_name) if one.tags.get("fingerprint") == made_from), None)
    decisions = work.ledger.decisions(work.pipeline.pipeline, work.item)
    if known is None or not any(one["version"] == known.version for one in decisions):
        return None
    return _step_result(work, NightResult(night=as_of, outcome="unchanged", detail=_told(known, decisions)), "cpu", {})


def _told(known: Entry, decisions: Sequence[Mapping[str, Any]]) -> dict[str, object]:
    told = {"verdict": known.tags.get("verdict"), "sentence": known.tags.get("sentence")}
    if why := rejected(decisions).get(known.version):
        told = {"verdict": "REFUSE", "sentence": f"it was {why}. It stays out; only other data or another configuration make another version."}
    return {"version": known.version, "digest": known.digest, **told}


def _fingerprint(work: Work, as_of: date, spans: Mapping[str, Span]) -> str:
    """Everything a version depends on: how a champion is judged, published or watched does not change what is trained."""
    import xgboost

    first, last = spans["train"].first, spans["holdout"].last
    features = [(str(night), one.checksum) for night, one in work.lake.current("features").items() if first <= night <= last]
    labels = [one for one in content_of(work.lake.slices(f"validated/{work.model.label_feed}"), as_of) if one[0] >= str(first)]
    spec = work.model.model_dump(mode="json", exclude={"gate", "drift", "retrain", "publish"})
    return fingerprint(features, labels, spec, {name: str(span) for name, span in spans.items()}, xgboost.__version__)


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
    files["verdict.html"] = page(verdict, spans=spans, files=files)
    version = _registered(work, registry, case, trained, found, verdict, files)
    _shown(work, version, files["verdict.html"])
    return _decided(work, registry, version, verdict, spans)


def _shown(work: Work, version: int, content: bytes) -> None:
    # A copy of the registered one, where people look for reports.
    work.reports.mkdir(parents=True, exist_ok=True)
    (work.reports / f"v{version}.html").write_bytes(content)


def _slices(case: Case) -> bytes:
    constant = case.baselines["constant"].score(case.holdout)
    found = by_slice(case.holdout, case.scores, constant, case.slices, loss=case.loss, min_rows=SLICE_ROWS, seed=case.seed)
    return json.dumps([one.to_dict() for one in found]).encode()


def _judged_before(registry: Registry, name: str, digest: str, holdout: Span) -> int:
    """Other versions whose holdout shares nights with this one."""
    others = [one for one in registry.versions(name) if "holdout" in one.tags and one.digest != digest]
    return sum(Span(*map(date.fromisoformat, one.tags["holdout"].split(" to "))).shared(holdout) is not None for one in others)


def _registered(work: Work, registry: Registry, case: Case, trained: Trained, found: Found | None, verdict: Verdict, files: Mapping[str, bytes]) -> int:
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
    return registry.register(work.model_name, run_id, trained.artifact.digest, tags).version


def _decided(work: Work, registry: Registry, version: int, verdict: Verdict, spans: Mapping[str, Span]) -> NightResult:
    as_of = spans["holdout"].last + timedelta(days=work.pipeline.label_lag(work.item))
    # The same bytes keep their number: what a person has rejected does not come back by being trained again.
    veto = rejected(work.ledger.decisions(work.pipeline.pipeline, work.item)).get(version)
    stands, sentence = verdict.passed and not veto, f"v{version} was {veto}" if veto else verdict.sentence
    former = registry.promote(work.model_name, version).old if stands else None
    about = {
        "version": version,
        "former": former,
        "night": as_of,
        "by": "gate",
        "reason": sentence,
        "evidence": json.loads(verdict.to_json()),
        "run_id": work.run_id,
    }
    work.ledger.decide(work.pipeline.pipeline, work.item, "promoted" if stands else "refused", **about)
    metrics = (verdict.evaluation or {}).get("metrics", {})
    outcome = "PASS" if stands else "REFUSE"
    detail = {"version": version, "digest": verdict.digests["challenger"], "verdict": outcome, "sentence": sentence, "metrics": metrics}
    return NightResult(night=as_of, outcome="written", generation=version, rows=int((verdict.evaluation or {}).get("rows", 0)), detail=detail)


def _step_result(work: Work, result: NightResult, device: str, inputs: Mapping[str, int]) -> StepResult:
    return StepResult(step="model", item=work.item, table=work.table, nights=(result,), device=device, inputs=inputs)
