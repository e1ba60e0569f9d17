"""Which version was champion when, read from the recorded decisions and never from today's alias."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from jobs.ledger.chain import SHORTEST

ENTHRONING: Final = frozenset({"promoted", "rolled_back"})
WAITING: Final = "waiting"
ENDING: Final = ENTHRONING | {"rejected", "refused", "superseded"}
"""Acts after which a version waits no more."""
ASIDE: Final = frozenset({"trained", "approval_refused"})
"""Acts that leave a version as it stood."""
Decisions = Sequence[Mapping[str, Any]]
"""Oldest first, each with `act`, `version` and `night`."""


def champion_on(decisions: Decisions, night: date) -> int | None:
    """The version that stood as champion in `night`; None before the first."""
    standing = [one["version"] for one in decisions if one["act"] in ENTHRONING and one["night"] <= night]
    return int(standing[-1]) if standing else None


def line(decisions: Decisions) -> list[int]:
    """The champions that stand behind the present one, oldest first, the present one last.

    Whoever was rolled back from is no longer among them: a second rollback goes further back, not forth again.
    """
    found: list[int] = []
    for one in decisions:
        if one["act"] == "promoted":
            found.append(one["version"])
        elif one["act"] == "rolled_back":
            later = found[::-1].index(one["version"]) if one["version"] in found else len(found)
            found = found[: len(found) - later] or [one["version"]]
    return found


def reigning(decisions: Decisions) -> int | None:
    """The champion by the record, whatever the alias shows: a crash may have come between the two. None before the first."""
    return next(reversed(line(decisions)), None)


def rejected(decisions: Decisions) -> dict[int, str]:
    """Version → why it may not become champion."""
    return {one["version"]: f"rejected by {one['by']}: {one['reason']}" for one in decisions if one["act"] == "rejected"}


def waiting(decisions: Decisions) -> int | None:
    """The version that has passed the gate and waits to be let live: the newest of those, if nothing has been decided about it since."""
    standing: list[int] = []
    for one in decisions:
        if one["act"] == WAITING or one["act"] in ENDING:
            standing = [version for version in standing if version != one["version"]]
        if one["act"] == WAITING:
            standing.append(one["version"])
    return standing[-1] if standing else None


def evidence(decisions: Decisions) -> dict[int, str]:
    """Version → the digest of its registered verdict, as recorded when it was trained or began to wait."""
    found = {one["version"]: (one["evidence"] or {}).get("evidence") for one in decisions if one["act"] in {"trained", WAITING}}
    return {version: digest for version, digest in found.items() if digest}


def in_waiting(decisions: Decisions) -> dict[str, Any] | None:
    """The version that waits, since which night, the digest of its evidence and, as `shadow`, what is asked of it there, as plain data; None if none waits."""
    version = waiting(decisions)
    if version is None:
        return None
    began = [one for one in decisions if one["act"] == WAITING and one["version"] == version][-1]
    terms = (began["evidence"] or {}).get("shadow")
    about = {"version": version, "since": began["night"], "evidence": evidence(decisions).get(version, "")}
    return {**about, "shadow": terms} if terms else about


def act_in_words(act: str) -> str:
    """For people, before `by` somebody: who tried to approve has not refused anything."""
    return "tried to approve" if act == "approval_refused" else act.replace("_", " ")


def waits(found: Mapping[str, Any]) -> str:
    """What `in_waiting` found, for people: `v5 waits for approval (evidence 0f3a5c…)`."""
    digest, terms = f"(evidence {found['evidence'][:SHORTEST]})", found.get("shadow") or {"nights": 0, "promotion": "approval"}
    nights = f"{terms['nights']} labelled nights in shadow" if terms["nights"] else ""
    if terms["promotion"] == "automatic":
        return f"v{found['version']} waits for {nights}, by which it is judged once more {digest}"
    return f"v{found['version']} waits for approval{f', after {nights}' if nights else ''} {digest}"


def how_to_approve(name: str, found: Mapping[str, Any]) -> str:
    """The command that lets it live, but for who and why; where nobody has to, the one that tells how far it is."""
    if (found.get("shadow") or {}).get("promotion") == "automatic":
        return f"matins status {name.partition('.')[0]}"
    return f"matins approve {name} --version {found['version']} --evidence {found['evidence'][:SHORTEST]} --by NAME --reason WHY"
