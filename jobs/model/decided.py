"""What comes of a version that was judged: it goes live, waits for approval or stays out, and the record says which and why."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from jobs.ledger.chain import SHORTEST
from jobs.model.gate.verdict import Verdict
from jobs.model.registry.approval import VERDICT
from jobs.model.registry.registry import Registry
from jobs.model.registry.reign import ASIDE, WAITING, Decisions, in_waiting, reigning, rejected, waiting
from jobs.model.registry.version import Entry, Version
from jobs.results import NightResult
from jobs.shadow.terms import asked
from jobs.work import Work


def as_decided(work: Work, registry: Registry, as_of: date, made_from: str) -> NightResult | None:
    """The version that was made from the very same and decided; one that a crash has left without a decision is judged again."""
    known = next((one for one in registry.versions(work.model_name) if one.tags.get("fingerprint") == made_from), None)
    return None if known is None else _as_it_stands(work, known, as_of)


def _as_it_stands(work: Work, known: Entry | Version, as_of: date) -> NightResult | None:
    decisions = _decisions(work)
    if not any(one["version"] == known.version and one["act"] not in ASIDE for one in decisions):
        return None
    return NightResult(night=as_of, outcome="unchanged", detail={**_told(known, decisions), **_in_waiting(decisions)})


def _told(known: Entry | Version, decisions: Decisions) -> dict[str, object]:
    told = {"verdict": known.tags.get("verdict"), "sentence": known.tags.get("sentence")}
    if why := rejected(decisions).get(known.version):
        told = {"verdict": "REFUSE", "sentence": f"it was {why}. It stays out; only other data or another configuration make another version."}
    return {"version": known.version, "digest": known.digest, **told}


def _in_waiting(decisions: Decisions) -> dict[str, object]:
    found = in_waiting(decisions)
    return {"waiting": {**found, "since": str(found["since"])}} if found else {}


def record_training(work: Work, version: Version, as_of: date) -> None:
    """Record that a version was registered, and the digests of what was registered; once."""
    if any(one["act"] == "trained" and one["version"] == version.version for one in _decisions(work)):
        return
    reason = f"Registered with {len(version.manifest)} files, made from the nights {version.spans['train'].first} to {version.spans['holdout'].last}."
    work.ledger.decide(work.pipeline.pipeline, work.item, "trained", **_about(work, version, as_of), by="training", reason=reason, evidence=digests(version))


def decide(work: Work, registry: Registry, version: Version, now: Verdict, as_of: date) -> NightResult:
    """Promote the version, let it wait or keep it out, and record that; whoever waited before it is superseded by one that has passed.

    The same bytes keep their number and their verdict: what was decided stands, and what a crash has left undecided is decided by the registered verdict.

    Args:
        work: of the step.
        registry: where it is registered.
        version: which.
        now: what the gate says of it now; registered with it, if it is new.
        as_of: the night from which on the decision counts.
    """
    if standing := _as_it_stands(work, version, as_of):
        return standing
    before, verdict = _decisions(work), Verdict.from_json(version.read(VERDICT))
    against = _against(version, before, judged=verdict, now=now)
    stands, sentence = verdict.passed and not against, against or verdict.sentence
    waits = stands and (work.model.promotion == "approval" or _is_to_be_shadowed(work, before))
    former = reigning(before) if stands and not waits else None
    if stands and not waits:
        registry.promote(work.model_name, version.version)
    act = WAITING if waits else "promoted" if stands else "refused"
    about = {**_about(work, version, as_of), "former": former, "by": "gate", "reason": sentence}
    made = [{"act": act, **about, "evidence": {**json.loads(verdict.to_json()), **digests(version), **(asked(work.model) if waits else {})}}]
    if stands:
        made = [*_superseded(before, about), *made]
    work.ledger.decide_together(work.pipeline.pipeline, work.item, made)
    displaced, measured = [one["version"] for one in made[:-1]] + ([former] if former else []), verdict.evaluation or {}
    told = {"verdict": "PASS" if stands else "REFUSE", "sentence": sentence, "metrics": measured.get("metrics", {}), **_in_waiting(_decisions(work))}
    detail = {"version": version.version, "displaced": displaced, "digest": version.digest, **told}
    return NightResult(night=as_of, outcome="written", generation=version.version, rows=int(measured.get("rows", 0)), detail=detail)


def _against(version: Version, before: Decisions, *, judged: Verdict, now: Verdict) -> str | None:
    """What speaks against a version whatever its verdict says: a person, or that another champion has come since it was judged."""
    if why := rejected(before).get(version.version):
        return f"v{version.version} was {why}"
    then, present = judged.digests.get("champion"), now.digests.get("champion")
    if present in {then, version.digest}:
        return None
    return f"v{version.version} was judged beside another champion than {(present or 'none')[:SHORTEST]}, which is the present one. Train on newer data."


def _is_to_be_shadowed(work: Work, before: Decisions) -> bool:
    """Whether nights in shadow are asked of it; without a champion there is nobody to be beside."""
    return bool(work.model.shadow and work.model.shadow.nights and reigning(before))


def digests(version: Version) -> dict[str, Any]:
    """What of a version a decision vouches for: its model, the list of its files, and its verdict, which is the evidence of an approval."""
    pinned = {name: version.tags[name] for name in ("as_of", "fingerprint", "configuration", "code") if name in version.tags}
    return {"digest": version.digest, "manifest": version.tags["manifest"], "evidence": version.manifest.get(VERDICT), **pinned}


def _superseded(before: Decisions, newer: Mapping[str, Any]) -> list[dict[str, Any]]:
    older = waiting(before)
    if older is None or older == newer["version"]:
        return []
    reason = f"v{newer['version']}, trained as of {newer['night']}, has passed the gate while v{older} waited, and takes its place."
    return [{"act": "superseded", **newer, "version": older, "former": None, "reason": reason, "evidence": {"by_version": newer["version"]}}]


def _about(work: Work, version: Version, as_of: date) -> dict[str, Any]:
    return {"version": version.version, "former": None, "night": as_of, "run_id": work.run_id}


def _decisions(work: Work) -> list[dict[str, Any]]:
    return work.ledger.decisions(work.pipeline.pipeline, work.item)
