"""Labels as they were delivered, each with the night from which its delivery no longer counts."""

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.features.knowledge import DELIVERIES_SCHEMA, deliveries
from jobs.lake.lake import Lake, Pinned
from jobs.lake.local import local_frame
from jobs.ledger.ledger import Slice


def read_labels(lake: Lake, feed: str) -> Pinned:
    """The validated rows of a label's feed with `replaced_night`: what a correction has left out is no label from then on.

    Raises:
        DataError: the feed was never validated.
    """
    table = f"validated/{feed}"
    found = lake.read(table)
    return Pinned(with_replacements(found.frame, lake.slices(table)), found.version)


def with_replacements(rows: DataFrame, slices: Sequence[Slice]) -> DataFrame:
    """The rows with `replaced_night`, NULL for those of a delivery that stands.

    Args:
        rows: of a feed, with `night` and `generation`.
        slices: the feed's.
    """
    replaced = [one for one in deliveries(slices) if one[-1]]
    if not replaced:  # nearly always: a join would cost every night something
        return rows.withColumn("replaced_night", F.lit(None).cast("date"))
    return rows.join(F.broadcast(local_frame(rows.sparkSession, replaced, DELIVERIES_SCHEMA)), ["night", "generation"], how="left")
