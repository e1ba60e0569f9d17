"""What comes of a version that has been in shadow for as many labelled nights as were asked: it goes live or stays out; where a person approves, neither."""

from dataclasses import asdict
from datetime import date
from typing import Any

from jobs.ledger.leases import lease
from jobs.model.card.kept import keep
from jobs.model.gate.verdict import Rule
from jobs.model.registry.champion import registry_of
from jobs.model.registry.registry import CHAMPION, Registry
from jobs.model.registry.reign import evidence, line, waiting
from jobs.nights import Nights
from jobs.shadow.record import Seen, seen
from jobs.work import Work


def decide(work: Work, nights: Nights) -> tuple[date, str] | None:
    """Promote or refuse the version that waits in the first of `nights` that knows enough labels, and record that with its evidence.

    Args:
        work: of the step.
        nights: whose knowledge counts, each its own.

    Returns:
        The night and a sentence; None where nothing is decided yet, or by a person.
    """
    version = waiting(_decisions(work))
    if version is None:
        return None
    for night in nights:
        found = seen(work.ledger, work.pipeline.pipeline, work.item, version, known_by=night)
        if found and found.is_complete and _decides(work, found):
            with lease(work.ledger, f"model/{work.model_name}"):
                # A person, or another run, may have decided meanwhile.
                return (night, _recorded(work, found, night)) if waiting(_decisions(work)) == version else None
    return None


def _decides(work: Work, found: Seen) -> bool:
    """A file that asks for approval now, or asked for it then, leaves the decision to a person."""
    return found.terms.nights > 0 and found.terms.promotion == work.model.promotion == "automatic"


def _recorded(work: Work, found: Seen, night: date) -> str:
    registry, rule = registry_of(work.settings), found.rule()
    older = _older_than_champion(registry, work.model_name, found.version)
    passed, reason = rule.outcome == "PASS" and not older, f"{work.model_name} v{found.version}: {older or rule.sentence}"
    former = line(_decisions(work))[-1:]
    if passed:
        registry.promote(work.model_name, found.version)
    about = {"version": found.version, "former": former[0] if former and passed else None, "night": night, "by": "shadow", "reason": reason}
    proof = _evidence(work, found, rule)
    work.ledger.decide(work.pipeline.pipeline, work.item, "promoted" if passed else "refused", **about, evidence=proof, run_id=work.run_id)
    keep(work.settings, work.ledger, work.pipeline.pipeline, work.item, found.version)
    return f"v{found.version} is {'champion' if passed else 'refused'} after its nights in shadow: {older or rule.sentence}"


def _evidence(work: Work, found: Seen, rule: Rule) -> dict[str, Any]:
    own = registry_of(work.settings).version(work.model_name, found.version)
    counted = [str(one.night) for one in found.counted]
    pinned = {"digest": own.digest, "manifest": own.tags["manifest"], "evidence": evidence(_decisions(work)).get(found.version)}
    return {**pinned, "shadow": {"rule": asdict(rule), "terms": found.terms.to_dict(), "champion": found.champion, "nights": counted}}


def _older_than_champion(registry: Registry, name: str, version: int) -> str | None:
    """Why an older version does not take the place of one that has come to reign while it waited."""
    versions = {one.version: one for one in registry.versions(name)}
    champion = next((one for one in versions.values() if CHAMPION in one.aliases), None)
    ours, theirs = versions[version].tags.get("as_of", ""), champion.tags.get("as_of", "") if champion else ""
    if champion is None or ours >= theirs:
        return None
    return f"it was trained as of {ours}, and the champion v{champion.version} as of {theirs}: an older version does not take its place."


def _decisions(work: Work) -> list[dict[str, Any]]:
    return work.ledger.decisions(work.pipeline.pipeline, work.item)
