"""The waiting version's scores beside the champion's: the part in Spark."""

from collections.abc import Mapping
from datetime import date
from typing import Final

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.model.registry.version import Version
from jobs.nights import Nights
from jobs.predictions.score import predicted_by
from jobs.work import Work

EPOCH: Final = date(1970, 1, 1).toordinal()


def paired(work: Work, version: Version, champion: Version, nights: Nights) -> tuple[DataFrame, int]:
    """One row per row that both versions score, and the version of the table of features.

    The champion scores once more what it has scored, beside the other and in the same pass: that costs less than to look its scores up.

    Args:
        work: of the step.
        version: the one in shadow.
        champion: who scored the nights.
        nights: to score, each with predictions.

    Raises:
        DataError: a version does not fit the features.
    """
    features = work.lake.read("features", nights)
    together = predicted_by(features.frame.where(~F.col("restated")), work.pipeline, work.item, {"": version, "champion_": champion})
    return together.withColumns({"features_version": F.lit(features.version), "run_id": F.lit(work.run_id)}), features.version


def by_night(pairs: DataFrame) -> Mapping[date, pd.DataFrame]:
    """The scores of both, night by night, on this machine."""
    columns = [name for name in ("score", "predicted", "champion_score", "champion_predicted") if name in pairs.columns]
    # Days as numbers: a million dates are a million objects.
    rows = pairs.select(F.unix_date("night").alias("day"), *columns).toPandas()
    return {date.fromordinal(EPOCH + day): rows[rows["day"] == day] for day in sorted({*rows["day"].tolist()})}
