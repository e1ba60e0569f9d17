"""Whether validated deliveries hold what was recorded of them."""

from datetime import date
from typing import Any

from jobs.config.pipeline import Pipeline
from jobs.features.assembly import looked_at
from jobs.lake.lake import checksums
from jobs.ledger.ledger import Slice
from jobs.lineage.pinned import PinnedLake
from jobs.lineage.verdict import Part


def deliveries_part(lake: PinnedLake, pipeline: Pipeline, night: date) -> Part:
    """Every delivery that a night's features look at, held against its recorded rows and checksum.

    Args:
        lake: as it was for the night.
        pipeline: as it was.
        night: whose features.
    """
    told, count = [], 0
    for feed in pipeline.features.feeds:
        table, nights = f"validated/{feed}", looked_at(pipeline, feed, [night])
        recorded = {(one.night, one.generation): one for one in lake.slices(table) if one.rows and (nights is None or one.night in nights)}
        found = checksums(lake.read(table, nights).frame, by=["night", "generation"])
        count += len(recorded)
        told += [f"{_named(table, key)} was recorded and is not there" for key in recorded.keys() - found.keys()]
        told += [f"{_named(table, key)} has {found[key][0]} rows that no run has recorded" for key in found.keys() - recorded.keys()]
        unlike = [key for key, one in recorded.items() if key in found and found[key] != (one.rows, one.checksum)]
        told += [f"{_named(table, key)} is not as recorded" for key in unlike if not _as_written(lake, table, recorded[key])]
    return Part("deliveries", not told, f"{count} deliveries, as recorded" if not told else "deliveries are not as recorded", tuple(sorted(told)))


def _as_written(lake: PinnedLake, table: str, one: Slice) -> bool:
    """By the columns that the table had when the delivery came: later ones would count for the checksum."""
    frame = lake.read_version(table, one.version, [one.night])
    return checksums(frame, by=["night", "generation"]).get((one.night, one.generation)) == (one.rows, one.checksum)


def _named(table: str, key: tuple[Any, ...]) -> str:
    return f"{table} {key[0]} g{key[1]}"
