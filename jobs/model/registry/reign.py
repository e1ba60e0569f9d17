"""Which version was champion when, read from the recorded decisions and never from today's alias."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final

ENTHRONING: Final = frozenset({"promoted", "rolled_back"})
Decisions = Iterable[Mapping[str, Any]]
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


def rejected(decisions: Decisions) -> dict[int, str]:
    """Version → why it may not become champion."""
    return {one["version"]: f"rejected by {one['by']}: {one['reason']}" for one in decisions if one["act"] == "rejected"}
