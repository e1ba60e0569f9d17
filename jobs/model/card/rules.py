"""What the gate asked of a version, against what it asked of the version before it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Rules = Sequence[Mapping[str, Any]]
"""Of a registered verdict."""


def outcome(rules: Rules) -> str:
    """`Passed 16 of 16 rules`, or how many and which refused."""
    against = [f"`{rule['name']}`" for rule in rules if rule["outcome"] != "PASS"]
    return f"Refused by {len(against)} of {len(rules)} rules: {', '.join(against)}" if against or not rules else f"Passed {len(rules)} of {len(rules)} rules"


def changed(now: Rules, before: Rules, version: int) -> Iterator[str]:
    """A sentence for each rule that is no longer asked, newly asked, or asked with another limit.

    Args:
        now: of the version.
        before: of the version before it.
        version: that one's number.
    """
    ours, theirs = ({rule["name"]: rule for rule in rules} for rules in (now, before))
    for name, rule in theirs.items():
        if name not in ours:
            yield f"`{name}`{_limit(rule)} is no longer asked{_refused(rule, version)}."
    for name, rule in ours.items():
        if name not in theirs:
            yield f"`{name}`{_limit(rule)} is newly asked."
        elif rule["limit"] != theirs[name]["limit"]:
            present, former = ("none" if one["limit"] is None else f"{one['limit']:g}" for one in (rule, theirs[name]))
            yield f"`{name}` has the limit {present}, which was {former}{_refused(theirs[name], version)}."


def _refused(rule: Mapping[str, Any], version: int) -> str:
    return "" if rule["outcome"] == "PASS" else f"; v{version} was refused by it"


def _limit(rule: Mapping[str, Any]) -> str:
    return "" if rule["limit"] is None else f" (limit {rule['limit']:g})"
