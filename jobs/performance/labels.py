"""Scores beside what became known of their rows."""

from datetime import date
from typing import Final

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.config.pipeline import Pipeline
from jobs.nights import Nights, among

SCORES: Final = ("score", "model_version", "challenger_score", "challenger_version")
"""A version's, and where it was in shadow those of the one that waited."""


def arrived(labels: DataFrame, scores: DataFrame, pipeline: Pipeline, model: str, nights: Nights) -> DataFrame:
    """What each of `nights` knew of the scored nights of which it has learned a label: `night`, key, `scored_night`, `label`, `SCORES`.

    All labels that the night knew of such a scored night, not only those that came with it: a late or corrected label makes its night whole.

    Args:
        labels: as `read_labels` gives them.
        scores: the model's predictions; restated ones have no part.
        pipeline: names the rows' key.
        model: whose label.
        nights: in which labels became known.
    """
    rows = _joined(versions(labels, pipeline, model), scores, pipeline)
    # A scored night is told anew by each night that learned a label of it.
    learned = F.collect_set("known_night").over(Window.partitionBy("scored_night"))
    together = rows.withColumn("learned", learned).withColumn("night", F.explode("learned")).where(among(nights))
    known_by = (F.col("known_night") <= F.col("night")) & (F.col("until").isNull() | (F.col("until") > F.col("night")))
    return together.where(known_by & F.col("label").isNotNull()).drop("known_night", "until", "learned")


def known(labels: DataFrame, scores: DataFrame, pipeline: Pipeline, model: str) -> DataFrame:
    """Every score whose label is known, with the newest version of the label: `scored_night`, `model_version`, `label`, `score`."""
    newest = versions(labels, pipeline, model).where(F.col("until").isNull() & F.col("label").isNotNull())
    return _joined(newest, scores, pipeline).drop("known_night", "until", *pipeline.rows.key)


def oldest_scored(pipeline: Pipeline, model: str, arrival: date) -> date:
    """The oldest night whose label may have come with a delivery of the label's feed."""
    feed = pipeline.feeds[pipeline.models[model].label_feed]
    return date.fromordinal(arrival.toordinal() - feed.lag - feed.max_late_days)


def versions(labels: DataFrame, pipeline: Pipeline, model: str) -> DataFrame:
    """Each version of each label: from which night on it was known, and until when."""
    spec, key = pipeline.models[model], pipeline.rows.key
    # Both windows need the same order, so that the rows are moved and sorted once.
    by_key = Window.partitionBy(*key).orderBy("known_night")
    newest_first = Window.partitionBy(*key).orderBy("known_night", F.col("night").desc(), F.col("generation").desc())
    before = F.lag("known_night").over(newest_first)
    one_a_night = labels.withColumn("before", before).where(F.col("before").isNull() | (F.col("before") < F.col("known_night")))
    # Ended by a newer version, or by a correction of the delivery that has left it out.
    until = F.least(F.lead("known_night").over(by_key), "replaced_night")
    return one_a_night.select(*key, "known_night", until.alias("until"), F.col(spec.label_column).cast(spec.label_type).alias("label"))


def _joined(labels: DataFrame, scores: DataFrame, pipeline: Pipeline) -> DataFrame:
    key = pipeline.rows.key
    columns = [name for name in SCORES if name in scores.columns]
    standing = scores.where(~F.col("restated")).select(*key, F.col("night").alias("scored_night"), *columns)
    return labels.join(standing, key, how="inner")
