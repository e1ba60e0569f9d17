"""What was delivered for a night, feed by feed."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from jobs.ledger.ledger import Slice
from jobs.report.links import Pages
from jobs.report.records import Records

Arrival = Literal["delivered", "late", "corrected", "absent", "red", "not begun", "not recorded"]


@dataclass(frozen=True)
class Delivery:
    """One feed in one night."""

    feed: str
    arrival: Arrival
    told: str = ""
    rows: int | None = None
    good: int | None = None
    quarantined: int | None = None
    """Bad rows and duplicates."""
    history: float | None = None
    """Share of the features' window that was delivered; None where no window is looked at."""
    page: str | None = None
    """Great Expectations'."""


def deliveries(records: Records, pages: Pages, night: date) -> list[Delivery]:
    """Each feed in the order of the file."""
    return [_delivery(records, pages, feed, night) for feed in records.pipeline.features_and_label_feeds]


def _delivery(records: Records, pages: Pages, feed: str, night: date) -> Delivery:
    undated = records.pipeline.feeds[feed].undated
    day = records.pipeline.nights.from_ if undated else night
    raw, validated = (_newest(records, f"{step}/{feed}", day, night if undated else date.max) for step in ("raw", "validated"))
    arrival, told = _refused(records, feed, night) or (_table(raw) if undated else _arrival(records, feed, night, raw))
    features = records.current["features"].get(night)
    counts = validated.counts if validated else {}
    return Delivery(
        feed=feed,
        arrival=arrival,
        told=told,
        rows=raw.rows if raw else None,
        good=int(counts["good"]) if counts else None,
        quarantined=int(counts["bad"] + counts["duplicates"]) if counts else None,
        history=features.detail.get("coverage", {}).get(feed) if features else None,
        page=pages.expectations(feed, day),
    )


def _newest(records: Records, table: str, night: date, known_by: date) -> Slice | None:
    found = [one for one in records.slices.get(table, ()) if one.night == night and one.known_night <= known_by]
    return found[-1] if found else None


def _refused(records: Records, feed: str, night: date) -> tuple[Arrival, str] | None:
    states = records.states.get(night, {})
    standing = [states[table] for table in (f"raw/{feed}", f"validated/{feed}") if table in states]
    return next((("red", str(one["problem"])) for one in standing if one["outcome"] == "failed"), None)


def _table(raw: Slice | None) -> tuple[Arrival, str]:
    return ("delivered", f"table g{raw.generation}, since {raw.known_night}") if raw else ("not recorded", "")


def _arrival(records: Records, feed: str, night: date, raw: Slice | None) -> tuple[Arrival, str]:
    if night < (first := records.pipeline.first_delivery(feed)):
        return "not begun", f"its first delivery is that of {first}"
    if raw is None:
        return ("absent", "no delivery came") if f"raw/{feed}" in records.states.get(night, {}) else ("not recorded", "")
    if raw.generation > 1:
        return "corrected", f"g{raw.generation}, known from {raw.known_night} on"
    return ("late", "it came after the night's features had been made") if _came_late(records, raw, night) else ("delivered", "")


def _came_late(records: Records, raw: Slice, night: date) -> bool:
    features = records.current["features"].get(night)
    came, made = records.began.get(raw.run_id), records.began.get(features.run_id) if features else None
    return came is not None and made is not None and came > made
