"""Who knew what when: every row of a feed with the nights from which and until which it counted.

A row counts from its known night. It stops counting when a newer version of its key becomes known, or when its delivery
is replaced by a newer generation.
"""

from collections.abc import Iterable
from itertools import zip_longest

from jobs.config.pipeline import Pipeline
from jobs.ledger.ledger import Slice

KNOWN_FROM, KNOWN_UNTIL = "known_from", "known_until"


def known(feed: str, pipeline: Pipeline) -> str:
    """SQL over the views `validated_<feed>` and `deliveries_<feed>`: the feed's rows with `known_from` and `known_until` (exclusive, NULL: to this day)."""
    spec = pipeline.feeds[feed]
    columns = ", ".join(f"v.{name}" for name in [*spec.kept, *spec.derive, "night", "generation", "row"])
    key = ", ".join(f"v.{name}" for name in spec.key)
    newer = f"lead(v.known_night) OVER (PARTITION BY {key} ORDER BY v.known_night, v.night, v.generation)"
    return f"""SELECT {columns}, v.known_night AS {KNOWN_FROM}, least(d.replaced_night, {newer}) AS {KNOWN_UNTIL}
FROM validated_{feed} v JOIN deliveries_{feed} d ON v.night = d.night AND v.generation = d.generation"""


def deliveries(slices: Iterable[Slice]) -> list[tuple[object, ...]]:
    """Rows of the view `deliveries_<feed>`: night, generation, and the night from which a newer generation replaces it, if any."""
    rows: list[tuple[object, ...]] = []
    ordered = sorted(slices, key=lambda one: (one.night, one.generation))
    for one, after in zip_longest(ordered, ordered[1:]):
        replaced = after.known_night if after and after.night == one.night else None
        rows.append((one.night, one.generation, replaced))
    return rows


DELIVERIES_SCHEMA = "night date, generation int, replaced_night date"


def counts_on(night: str, alias: str) -> str:
    """A condition: the row of `alias` counts on the night given as an SQL expression."""
    return f"{alias}.{KNOWN_FROM} <= {night} AND ({alias}.{KNOWN_UNTIL} IS NULL OR {alias}.{KNOWN_UNTIL} > {night})"
