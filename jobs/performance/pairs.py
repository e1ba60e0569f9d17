"""Scores with their labels, and with the labels to expect: the rows that tallies are made of."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.model.labels import read_labels
from jobs.nights import Nights, span
from jobs.performance.estimate import Estimator
from jobs.performance.labels import arrived
from jobs.performance.measure import KEYS
from jobs.work import Work

COLUMNS = ("how", *KEYS, "score", "label")


def estimators(watched: Mapping[int, Mapping[str, Any]]) -> dict[int, Estimator]:
    """Those of the versions that have one: of binary models."""
    return {version: Estimator(**given["estimator"]) for version, given in watched.items() if "estimator" in given}


def pairs_of(work: Work, oldest: date, nights: Nights, curves: Mapping[int, Estimator]) -> DataFrame:
    """`how`, the `KEYS` of tallies, `score` and `label`: realised, of what became known in `nights`, and estimated, of their own scores.

    Args:
        work: of the step.
        oldest: the first night whose labels may have come.
        nights: that learn labels and have scores of their own.
        curves: by version, what makes labels to expect of its scores.
    """
    realised = _realised(work, oldest, nights).withColumn("how", F.lit("realised")).select(*COLUMNS)
    # One frame for both, since planning costs a night more than its rows do.
    return realised.union(_estimated(work, nights, curves).withColumn("how", F.lit("estimated")).select(*COLUMNS)) if curves else realised


def _realised(work: Work, oldest: date, nights: Nights) -> DataFrame:
    scored = span(oldest, max(nights))
    scores = work.lake.read(f"{work.item}/predictions", scored).frame
    labels = read_labels(work.lake, work.model.label_feed).frame.where(F.col("known_night").between(oldest, max(nights)))
    together = arrived(labels, scores, work.pipeline, work.item, nights).withColumn("label", F.col("label").cast("double"))
    return _in_slices(work, together, scored)


def _in_slices(work: Work, pairs: DataFrame, scored: Nights) -> DataFrame:
    """Every pair once for all rows, and once for its value of each feature that divides the model's rows."""
    names, key = work.model.slices, work.pipeline.rows.key
    if not names:
        return pairs.withColumn("slice", F.lit(""))
    features = work.lake.read("features", scored).frame.where(~F.col("restated"))
    parts = [F.concat(F.lit(f"{name}="), F.coalesce(F.col(name).cast("string"), F.lit("missing"))) for name in names]
    labelled = features.select(*key, F.col("night").alias("scored_night"), F.array(F.lit(""), *parts).alias("parts"))
    together = pairs.join(labelled, [*key, "scored_night"], how="left")
    return together.withColumn("slice", F.explode(F.coalesce("parts", F.array(F.lit("")))))


def _estimated(work: Work, nights: Nights, curves: Mapping[int, Estimator]) -> DataFrame:
    scores = work.lake.read(f"{work.item}/predictions", nights).frame.where(~F.col("restated")).where(F.col("model_version").isin([*curves]))
    expected = F.lit(None).cast("double")
    for version, curve in curves.items():
        expected = F.when(F.col("model_version") == version, curve.expression("score")).otherwise(expected)
    return scores.withColumns({"scored_night": F.col("night"), "slice": F.lit(""), "label": expected})
