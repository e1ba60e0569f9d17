"""What comes of a version that has been in shadow for as many labelled nights as were asked: it goes live or stays out; where a person approves, neither."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any, Final

from jobs.ledger.leases import lease
from jobs.model.card.kept import keep
from jobs.model.gate.verdict import Rule
from jobs.model.registry.approval import older_than_champion
from jobs.model.registry.champion import registry_of
from jobs.model.registry.reign import ASIDE, evidence, reigning, waiting
from jobs.model.registry.version import Version
from jobs.nights import Nights
from jobs.shadow.record import Seen, seen
from jobs.work import Work

BY: Final = "shadow"
"""Who decides, in the record."""


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
    begun = _begun(_decisions(work), version)
    ripe = None if begun else next(_ripe(work, nights, version), None)
    if not begun and not ripe:
        return None
    with lease(work.ledger, f"model/{work.model_name}"):
        # A person, or another run, may have decided meanwhile.
        if waiting(_decisions(work)) != version:
            return None
        return (ripe[0], _recorded(work, ripe[1], ripe[0])) if ripe else (max(nights), _live(work, begun or {}))


def _ripe(work: Work, nights: Nights, version: int) -> Iterator[tuple[date, Seen]]:
    """The nights that know enough to decide. A file that asks for approval now, or asked for it then, leaves that to a person."""
    for night in nights:
        found = seen(work.ledger, work.pipeline.pipeline, work.item, version, known_by=night)
        if found and found.is_complete and found.terms.nights and found.terms.promotion == work.model.promotion == "automatic":
            yield night, found


def _begun(decisions: Sequence[Mapping[str, Any]], version: int) -> Mapping[str, Any] | None:
    """What its nights had decided about a version when a crash came: by then the alias may show it, and its nights not be beside a champion any more."""
    last = [one for one in decisions if one["version"] == version and one["act"] not in ASIDE][-1]
    return last if (last["act"], last["by"]) == ("approved", BY) else None


def _recorded(work: Work, found: Seen, night: date) -> str:
    rule, registry = found.rule(), registry_of(work.settings)
    own = registry.version(work.model_name, found.version)
    older = older_than_champion(registry.versions(work.model_name), own.tags.get("as_of", ""))
    passed, told = rule.outcome == "PASS" and not older, f"it was {older}" if older else rule.sentence
    about = {"version": found.version, "former": None, "night": night, "by": BY, "reason": f"{work.model_name} v{found.version}: {told}"}
    decision = {**about, "evidence": _evidence(work, own, found, rule), "run_id": work.run_id}
    work.ledger.decide(work.pipeline.pipeline, work.item, "approved" if passed else "refused", **decision)
    if passed:
        return _live(work, decision)
    keep(work.settings, work.ledger, work.pipeline.pipeline, work.item, found.version)
    return f"v{found.version} is refused after its nights in shadow: {told}"


def _live(work: Work, decision: Mapping[str, Any]) -> str:
    """The version becomes champion, by the alias and on record."""
    former, number = reigning(_decisions(work)), decision["version"]
    registry_of(work.settings).promote(work.model_name, number)
    about = {name: decision[name] for name in ("version", "night", "by", "reason", "evidence")}
    work.ledger.decide(work.pipeline.pipeline, work.item, "promoted", **about, former=former, run_id=work.run_id)
    for one in (number, *([former] if former else [])):
        keep(work.settings, work.ledger, work.pipeline.pipeline, work.item, one)
    return f"v{number} is champion after its nights in shadow: {decision['reason'].partition(': ')[2]}"


def _evidence(work: Work, own: Version, found: Seen, rule: Rule) -> dict[str, Any]:
    counted = [str(one.night) for one in found.counted]
    pinned = {"digest": own.digest, "manifest": own.tags["manifest"], "evidence": evidence(_decisions(work)).get(found.version)}
    return {**pinned, "shadow": {"rule": asdict(rule), "terms": found.terms.to_dict(), "champion": found.champion, "nights": counted}}


def _decisions(work: Work) -> list[dict[str, Any]]:
    return work.ledger.decisions(work.pipeline.pipeline, work.item)
