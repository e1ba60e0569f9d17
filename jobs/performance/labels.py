"""Scores beside what became known of their rows."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.config.pipeline import Pipeline


def arrived(labels: DataFrame, scores: DataFrame, pipeline: Pipeline, model: str) -> DataFrame:
    """Every label once for each night in which a version of it arrived: `night`, `scored_night`, `model_version`, `label`, `score`.

    Args:
        labels: validated rows of the model's label feed.
        scores: the model's predictions; restated ones have no part.
        pipeline: names the rows' key.
        model: whose label.
    """
    newest = _newest(labels, pipeline, model, [*pipeline.rows.key, "known_night"])
    return _joined(newest, scores, pipeline).withColumnRenamed("known_night", "night")


def known(labels: DataFrame, scores: DataFrame, pipeline: Pipeline, model: str) -> DataFrame:
    """Every score whose label is known, with the newest version of the label; arguments and columns as in `arrived`, without `night`."""
    return _joined(_newest(labels, pipeline, model, pipeline.rows.key), scores, pipeline).drop("known_night")


def _newest(labels: DataFrame, pipeline: Pipeline, model: str, by: list[str]) -> DataFrame:
    spec = pipeline.models[model]
    order = Window.partitionBy(*by).orderBy(F.col("known_night").desc(), F.col("night").desc(), F.col("generation").desc())
    rows = labels.withColumn("place", F.row_number().over(order)).where("place = 1").where(F.col(spec.label_column).isNotNull())
    return rows.select(*pipeline.rows.key, "known_night", F.col(spec.label_column).cast(spec.label_type).alias("label"))


def _joined(labels: DataFrame, scores: DataFrame, pipeline: Pipeline) -> DataFrame:
    key = pipeline.rows.key
    standing = scores.where(~F.col("restated")).select(*key, F.col("night").alias("scored_night"), "score", "model_version")
    return labels.join(standing, key, how="inner").drop(*key)
