"""The chain of decisions: each one's digest takes in the one before, so that none can be changed, taken out or moved without the rest showing it."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

Row = Mapping[str, Any]
START: Final = "0" * 64
"""What the first decision follows."""
CONTENT: Final = ("pipeline", "model", "act", "version", "former", "night", "by", "system_user", "reason", "evidence", "run_id", "at")
"""What a link vouches for."""
BEGUN: Final = "chain_begun"
"""The act that says that a ledger of an earlier release was linked: once, if ever."""
SHORTEST: Final = 12
"""Digits of a digest that name it."""


@dataclass(frozen=True)
class Fault:
    """A decision that is not as it was recorded, or not where."""

    id: int
    sentence: str


def content(row: Row) -> str:
    """What a decision says, as the one text that every database gives back: sorted keys, instants in UTC."""
    plain = {name: _plain(row.get(name)) for name in CONTENT}
    # Twice: a number as a key becomes a text, and sorts as one.
    return json.dumps(json.loads(json.dumps(plain)), sort_keys=True, separators=(",", ":"))


def link(previous: str, row: Row) -> str:
    """The digest of a decision that follows `previous`."""
    return hashlib.sha256(f"{previous}\n{content(row)}".encode()).hexdigest()


def faults(rows: Sequence[Row]) -> Iterator[Fault]:
    """What is wrong with a chain; nothing if every decision is as it was recorded and follows the one that it followed then.

    Args:
        rows: all decisions of a ledger by `id`, oldest first.
    """
    place, last = {row["chain"]: row["id"] for row in rows if row["chain"]}, None
    for again in [row for row in rows if row["act"] == BEGUN][1:]:
        yield Fault(again["id"], f"{named(again)} is there a second time: somebody took the chain away, and what was done before it cannot be seen.")
    for row in rows:
        if not row["chain"]:
            yield Fault(row["id"], f"{named(row)} has no digest: something other than this release of Matins wrote it.")
            continue
        if row["chain"] != link(row["previous"], row):
            yield Fault(row["id"], f"{named(row)} was altered: its content does not give its digest {row['chain'][:SHORTEST]}.")
        if row["previous"] != (last["chain"] if last else START):
            yield Fault(row["id"], _misplaced(row, last, place))
        last = row


def named(row: Row) -> str:
    """`decision 17 (promoted flights.delayed v3, 2013-05-18)`."""
    of = f" {row['pipeline']}.{row['model']}" if row["pipeline"] else ""
    version = "" if row["version"] is None else f" v{row['version']}"
    night = "" if row["night"] is None else f", {row['night']}"
    return f"decision {row['id']} ({row['act']}{of}{version}{night})"


def _misplaced(row: Row, last: Row | None, place: Mapping[str, int]) -> str:
    before = f"decision {last['id']}" if last else "nothing"
    if row["previous"] == START:
        return f"{named(row)} was recorded as the first, and now comes after {before}: decisions were moved or put in."
    if row["previous"] in place:
        return f"{named(row)} was recorded after decision {place[row['previous']]}, and now comes after {before}: decisions were moved, put in or taken out."
    rewritten = f", or {before} was rewritten together with its digest" if last else ""
    return f"{named(row)} follows a decision that is not there (digest {row['previous'][:SHORTEST]}): one before it was taken out{rewritten}."


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        # A database that knows no zones gives back the instant as it was written, and that is UTC.
        return (value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)).isoformat(timespec="microseconds")
    return value.isoformat() if hasattr(value, "isoformat") else value
