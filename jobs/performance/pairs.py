"""Scores with their labels, and with the labels to expect: the rows that tallies are made of."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.ledger.ledger import Slice
from jobs.model.labels import read_labels
from jobs.nights import Nights, span
from jobs.performance.estimate import Estimator
from jobs.performance.labels import arrived
from jobs.performance.measure import KEYS
from jobs.work import Work

COLUMNS = ("how", *KEYS, "score", "label")
SIDES: Final = {"realised": ("score", "model_version"), "shadow": ("challenger_score", "challenger_version")}


def estimators(watched: Mapping[int, Mapping[str, Any]]) -> dict[int, Estimator]:
    """Those of the versions that have one: of binary models."""
    return {version: Estimator(**given["estimator"]) for version, given in watched.items() if "estimator" in given}


def pairs_of(work: Work, oldest: date, nights: Nights, curves: Mapping[int, Estimator]) -> DataFrame:
    """`how`, the `KEYS` of tallies, `score` and `label`: realised, of what became known in `nights`, and estimated, of their own scores.

    What became known counts once more, as `shadow`, for a version that had scored the same rows beside the champion.

    Args:
        work: of the step.
        oldest: the first night whose labels may have come.
        nights: that learn labels and have scores of their own.
        curves: by version, what makes labels to expect of its scores.
    """
    realised = _realised(work, oldest, nights).select(*COLUMNS)
    # One frame for both, since planning costs a night more than its rows do.
    return realised.union(_estimated(work, nights, curves).withColumn("how", F.lit("estimated")).select(*COLUMNS)) if curves else realised


def _realised(work: Work, oldest: date, nights: Nights) -> DataFrame:
    scored = span(oldest, max(nights))
    labels = read_labels(work.lake, work.model.label_feed).frame.where(F.col("known_night").between(oldest, max(nights)))
    together = arrived(labels, _scores(work, scored), work.pipeline, work.item, nights).withColumn("label", F.col("label").cast("double"))
    return _in_slices(work, _sides(together), scored)


def _scores(work: Work, nights: Nights) -> DataFrame:
    """The champion's scores; of nights in shadow from where the other version's stand beside them, so that labels are looked up once for both."""
    beside = [night for night in in_shadow(work) if night in nights]
    if not beside:
        return work.lake.read(f"{work.item}/predictions", nights).frame
    columns = [*work.pipeline.rows.key, "night", "restated"]
    both = work.lake.read(f"{work.item}/shadow", beside).frame.select(
        *columns,
        F.col("champion_score").alias("score"),
        F.col("champion_model_version").alias("model_version"),
        F.col("score").alias("challenger_score"),
        F.col("model_version").alias("challenger_version"),
    )
    alone = work.lake.read(f"{work.item}/predictions", sorted({*nights} - {*beside})).frame.select(*columns, "score", "model_version")
    return both.unionByName(alone, allowMissingColumns=True)


def in_shadow(work: Work) -> dict[date, Slice]:
    """The nights in shadow whose rows stand beside the champion's scores as those are now."""
    predictions = work.lake.current(f"{work.item}/predictions")
    found = work.lake.current(f"{work.item}/shadow")
    return {night: one for night, one in found.items() if one.rows and night in predictions and one.detail["scores"] == predictions[night].checksum}


def _sides(pairs: DataFrame) -> DataFrame:
    """Every pair as `realised`, and where another version has scored the row as `shadow` too."""
    if "challenger_score" not in pairs.columns:
        return pairs.withColumn("how", F.lit("realised"))
    sides = F.array(*[F.struct(F.lit(how).alias("how"), F.col(score).alias("score"), F.col(of).alias("model_version")) for how, (score, of) in SIDES.items()])
    rest = [name for name in pairs.columns if name not in {name for side in SIDES.values() for name in side}]
    return pairs.select(*rest, F.inline(sides)).where(F.col("score").isNotNull())


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
