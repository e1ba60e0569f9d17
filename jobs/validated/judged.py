"""Examined rows with their duplicates told: of the rows of a delivery that share a key, only the last may go on."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.config.feeds import Feed
from jobs.lake.lake import cached
from jobs.validated.rules import BAD, FAILED, examined
from jobs.validated.typed import META, TEXTS

DUPLICATE: Final = "duplicate_key"


@contextmanager
def judged(rows: DataFrame, feed: Feed) -> Iterator[DataFrame]:
    """Typed rows, each with the rules that it broke; kept for the time of the block, since they are read several times.

    Args:
        rows: as `typed` gives them.
        feed: the contract.

    Yields:
        `META`, the typed columns, `TEXTS` (NULL where no rule was broken) and `FAILED`. Among the rows of a delivery that broke no rule and share a key all
        but the last broke `DUPLICATE`.

    Raises:
        UsageError: an expectation's value does not fit its column.
    """
    told = examined(rows, feed)
    key = ["night", "generation", *feed.key]
    # Few keys come twice: found by hashing and joined back, where a window would sort every row with all its columns.
    last = told.where(~F.col(BAD)).groupBy(*key).agg(F.max("row").alias("_last"), F.count(F.lit(1)).alias("_times")).where("_times > 1")
    with cached(told, last):
        again = ~F.col(BAD) & (F.col("row") < F.col("_last"))
        failed = F.when(again, F.array_append(FAILED, F.lit(DUPLICATE))).otherwise(F.col(FAILED))
        yield told.join(last, key, "left").select(*META, *feed.kept, TEXTS, failed.alias(FAILED))
