"""Retraining: what each night decides about a model, recorded with its reason and what it rests on.

Whether the version in shadow goes live, and then whether the model is to be trained again.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date
from typing import Any, Final

from jobs.config.loading import digest_of
from jobs.ledger.leases import lease
from jobs.nights import Nights
from jobs.results import NightResult, StepResult
from jobs.retraining.controller import Decision, decide
from jobs.shadow import decided as shadow
from jobs.watch.on_record import read_facts
from jobs.work import Work, fingerprint

OVERTAKEN: Final = "overtaken_by"


def run(work: Work, nights: Nights) -> StepResult:
    """Decide for the nights, oldest first, since what one has decided holds back those after it."""
    live = shadow.decide(work, nights) if not work.options.restate else None
    # In turns: of two runs of the same night the second must see what the first has decided.
    with lease(work.ledger, f"retraining/{work.model_name}"):
        standing = _standing(work)
        decided = {one.night: one for one in _decided(work, nights, standing)}
        for night in (night for night in nights if _differs(work, standing.get(night), decided[night])):
            _record(work, decided[night])
            standing[night] = {"act": decided[night].act, "reason": decided[night].reason, "run_id": work.run_id}
    results = [_result(night, standing[night], written=standing[night]["run_id"] == work.run_id) for night in nights]
    if live:
        results = [replace(one, outcome="written", notes=(live[1], *one.notes)) if one.night == live[0] else one for one in results]
    return StepResult(step="retraining", item=work.item, table=work.table, nights=tuple(results))


def due(work: Work, nights: Nights) -> dict[date, str]:
    """The nights that a run of `nights` would decide anew, and why."""
    standing = _standing(work)
    found = {one.night: one for one in _decided(work, nights, standing)}
    return {
        night: "what it rests on changed" if night in standing else "never decided" for night in nights if _differs(work, standing.get(night), found[night])
    }


def _standing(work: Work) -> dict[date, Mapping[str, Any]]:
    return {one["night"]: one for one in work.ledger.retrainings(work.pipeline.pipeline, work.item)}


def _decided(work: Work, nights: Nights, standing: Collection[date]) -> list[Decision]:
    facts, found = read_facts(work.ledger, work.pipeline, work.item), []
    newest = max((one.night for one in facts.trainings), default=date.min)
    for night in nights:
        # What a training with the night's own knowledge has changed is no reason to decide the night anew.
        late = night < newest or (night == newest and night in standing)
        found.append(_overtaken(night, newest) if late else decide(work.model.retrain, facts, night))
        if found[-1].act == "retrain" and night not in facts.triggered:
            facts = replace(facts, triggered=sorted([*facts.triggered, night]))
    return found


def _overtaken(night: date, newest: date) -> Decision:
    """A night that is looked at after a later one was trained: its training would put an older version in the place of a newer one."""
    return Decision(night, "none", f"Too late to decide: a training with the knowledge of {newest} has ended.", {OVERTAKEN: str(newest)})


def _differs(work: Work, before: Mapping[str, Any] | None, now: Decision) -> bool:
    # What has been decided to be done is done, or is being done: it stands, whatever has become known since.
    if before is None or before["act"] == "retrain" or OVERTAKEN in now.inputs:
        return before is None
    return bool(before["fingerprint"] != _fingerprint(work, now))


def _fingerprint(work: Work, decision: Decision) -> str:
    return fingerprint(digest_of(work.model.retrain), decision.act, decision.reason, decision.inputs)


def _record(work: Work, decision: Decision) -> None:
    about = {"act": decision.act, "reason": decision.reason, "inputs": decision.inputs, "fingerprint": _fingerprint(work, decision), "run_id": work.run_id}
    work.ledger.record_retraining(work.pipeline.pipeline, work.item, decision.night, **about)


def _result(night: date, standing: Mapping[str, Any], *, written: bool) -> NightResult:
    act, reason = standing["act"], standing["reason"]
    notes = () if act == "none" else (f"retraining {'due' if act == 'retrain' else 'held back'}: {reason}",)
    return NightResult(night=night, outcome="written" if written else "unchanged", rows=1, notes=notes, detail={"act": act, "reason": reason})
