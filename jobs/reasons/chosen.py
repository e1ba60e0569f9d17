"""Which scored rows are explained, beside their features."""

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.config.reasons import Reasons


def chosen(features: DataFrame, scores: DataFrame, asked: Reasons, *, key: Sequence[str], few: bool) -> DataFrame:
    """The features and `score` of the rows to explain, found by their keys before any other value of theirs is read on.

    Args:
        features: as they are stored.
        scores: as they are stored: key, `score`, and `predicted` where the model decides.
        asked: which rows.
        key: columns that name a row on both sides.
        few: whether the keys have room in every worker, so that the features need not be moved to be found.
    """
    wanted = scores
    if asked.rows == "predicted":
        wanted = scores.where("predicted")
    elif asked.above is not None:
        wanted = scores.where(F.col("score") >= F.lit(asked.above))
    keys = wanted.select(*key, "score")
    found = features.join(F.broadcast(keys) if few else keys, list(key), how="inner")
    # A night lies in few files: explaining costs far more than moving what is to be explained to idle cores.
    return found.repartition(features.sparkSession.sparkContext.defaultParallelism)
