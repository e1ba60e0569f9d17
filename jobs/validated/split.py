"""Judged rows part: the good ones go on, typed and derived; the others are quarantined with rule names and original values."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.config.feeds import Feed
from jobs.validated.judged import DUPLICATE
from jobs.validated.rules import FAILED, blocking
from jobs.validated.typed import MAX_TEXT, META, TEXTS


def split(judged: DataFrame, feed: Feed) -> tuple[DataFrame, DataFrame]:
    """The good rows and the quarantined ones; each judged row is in exactly one of the two.

    Args:
        judged: as `judged` gives them.
        feed: the contract.

    Returns:
        The good rows (`META`, the kept columns, the derived ones) and the quarantined (`META`, `rules`, `original`: the
        delivered texts as JSON; a mere duplicate, which met every rule, shows its typed values).
    """
    is_kept_out = F.arrays_overlap(F.col(FAILED), F.array(*(F.lit(rule) for rule in (*blocking(feed), DUPLICATE))))
    return _good(judged.where(~is_kept_out), feed), _quarantined(judged.where(is_kept_out), feed)


def _good(rows: DataFrame, feed: Feed) -> DataFrame:
    # Only here, where every value has met its rules: under ANSI `a / b` kills the job on a zero that a rule would have caught.
    return rows.select(*META, *feed.kept, *(F.expr(sql).alias(name) for name, sql in feed.derive.items()))


def _quarantined(rows: DataFrame, feed: Feed) -> DataFrame:
    # Raw has the whole value; ten megabytes of it help nobody who reads why a row was set aside.
    names = rows.select(f"{TEXTS}.*").columns
    delivered = F.struct(*(F.left(F.col(TEXTS).getField(name), F.lit(MAX_TEXT)).alias(name) for name in names))
    as_typed = F.struct(*(F.col(name).cast("string").alias(name) for name in feed.kept))
    original = F.when(F.col(TEXTS).isNotNull(), F.to_json(delivered)).otherwise(F.to_json(as_typed))
    return rows.select(*META, F.col(FAILED).alias("rules"), original.alias("original"))
