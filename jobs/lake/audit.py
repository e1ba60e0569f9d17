"""A table's own history as an audit trail: every commit of ours says which slices it brought."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from jobs.ledger.ledger import Slice


def slices_of(history: Sequence[Mapping[str, Any]]) -> list[Slice]:
    """The slices that a table's commits record, oldest commit first; a commit of somebody else ends our knowledge of the table.

    A restored table is what its history was up to the version restored.
    """
    found: dict[tuple[date, int, bool], Slice] = {}
    states: dict[int, dict[tuple[date, int, bool], Slice]] = {}
    for commit in sorted(history, key=lambda entry: int(entry["version"])):
        match commit["operation"]:
            case "RESTORE":
                found = dict(states.get(int(commit["operationParameters"].get("version") or -1), {}))
            case "WRITE" | "DELETE" | "MERGE" | "UPDATE":
                ours = _audit(commit)
                found = found | ours if ours else {}
        states[int(commit["version"])] = found
    return list(found.values())


def _audit(commit: Mapping[str, Any]) -> dict[tuple[date, int, bool], Slice]:
    try:
        entries = json.loads(commit["userMetadata"] or "{}").get("slices", [])
    except (json.JSONDecodeError, AttributeError):
        return {}
    slices = [
        Slice(
            **{**entry, "night": date.fromisoformat(entry["night"]), "known_night": date.fromisoformat(entry["known_night"]), "version": int(commit["version"])}
        )
        for entry in entries
    ]
    return {(one.night, one.generation, one.restated): one for one in slices}
