"""Where a version stands, and who decided it, in sentences out of the record."""

from collections.abc import Mapping
from typing import Any, Final

from jobs.ledger.chain import SHORTEST
from jobs.model.card.facts import Facts
from jobs.model.card.rules import outcome
from jobs.model.registry.reign import ASIDE, ENTHRONING, WAITING, champion_on, how_to_approve, in_waiting, rejected, waits

Act = Mapping[str, Any]
UNCHECKED: Final = "name as given, not checked"
BY_ITSELF: Final = {"gate": " by the gate", "shadow": " after its nights in shadow", "training": "", "controller": " by the controller"}
"""Who decides without a person."""


def standing(facts: Facts) -> str:
    """Where it stands now: what anyone asks first. Names and commands stand between backticks."""
    number, champion = facts.version.version, champion_on(facts.every_decision, facts.newest_night)
    enthroned = [one for one in facts.decisions if one["act"] in ENTHRONING]
    if champion == number:
        return f"It is the champion, from the night {enthroned[-1]['night']} on{_approval(facts)}."
    found = in_waiting(facts.every_decision)
    if found and found["version"] == number:
        until = f"v{champion} goes on" if champion else "there is no champion"
        way = "To approve" if "approve" in (how := how_to_approve(facts.version.name, found)) else "How far it is"
        return f"{waits(found)}. Until then {until}. {way}: `{how}`."
    if why := rejected(facts.every_decision).get(number):
        return f"It was {why}."
    if enthroned:
        return f"It was champion from the night {enthroned[-1]['night']} on{_approval(facts)}, and is no longer: v{champion} is."
    last = next((one for one in reversed(facts.decisions) if one["act"] not in ASIDE), None)
    return f"It was {_named(last)} in the night {last['night']}." if last else "Nothing has been decided about it."


def decided(facts: Facts) -> list[tuple[str, str]]:
    """Each decision on the version, oldest first: what was decided, and when and by whom."""
    return [(_what(one, facts), _who(one)) for one in facts.decisions]


def _what(one: Act, facts: Facts) -> str:
    # The gate's own words are all its rules', which stand on the card already.
    reason = f"{outcome(facts.verdict['rules'])}." if one["reason"] == facts.verdict["sentence"] else str(one["reason"])
    by = one["by"].strip() or "Somebody"
    if one["act"] == "approval_refused":
        return f"{by} tried to approve; Matins declined: {reason}"
    if one["act"] == "approved" and one["by"] == "shadow":
        return f"Its nights in shadow let it live: {reason}"
    if one["act"] == "approved":
        return f"{by} approved{_verdict(one)}: {reason}"
    return f"{_named(one).capitalize()}{BY_ITSELF.get(by, f' by {by}')}, for the night {one['night']}: {reason}"


def _who(one: Act) -> str:
    name = "" if one["by"] in BY_ITSELF else f"{UNCHECKED}; "
    return f"{one['at']:%Y-%m-%d %H:%M} UTC; {name}the system's user was {one['system_user']}"


def _approval(facts: Facts) -> str:
    approved = [one for one in facts.decisions if one["act"] == "approved" and one["by"] not in BY_ITSELF]
    return f"; {approved[-1]['by']} approved{_verdict(approved[-1])} ({UNCHECKED})" if approved else ""


def _verdict(one: Act) -> str:
    digest = (one["evidence"] or {}).get("evidence")
    return f" the verdict `{digest[:SHORTEST]}`" if digest else ""


def _named(one: Act) -> str:
    return "let wait" if one["act"] == WAITING else str(one["act"]).replace("_", " ")
