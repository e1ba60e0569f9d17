"""The rows that a version is made from: stored features of past nights beside the labels that the night of training knows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Final

import pandas as pd
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from jobs.config.models import Model
from jobs.config.pipeline import Pipeline
from jobs.errors import DataError, UsageError
from jobs.features.compile import coverage_columns
from jobs.memory import available_memory_mb
from jobs.model.segments import Span

# Seen at the highest, while the linear baseline is fitted: rows, their sorted copy, segments and matrices lie beside each other.
BYTES_PER_VALUE: Final = 64


@dataclass(frozen=True)
class Rows:
    """Scored rows in a stable order (night, then key); `label` is missing where none is known yet."""

    frame: pd.DataFrame
    features: tuple[str, ...]
    coverage: tuple[str, ...]

    def labelled(self, span: Span) -> pd.DataFrame:
        """The rows of a segment whose label is known."""
        frame = self.scored(span)
        return frame[frame["label"].notna()].reset_index(drop=True)

    def scored(self, span: Span) -> pd.DataFrame:
        """The rows of a segment."""
        nights = self.frame["night"]
        return self.frame[(nights >= span.first) & (nights <= span.last)]

    @cached_property
    def mean_coverage(self) -> float:
        """Mean share of the windows that was delivered; 1 where the features have none."""
        return float(self.frame[list(self.coverage)].mean().mean()) if self.coverage else 1.0


def read_rows(features: DataFrame, labels: DataFrame, pipeline: Pipeline, model: str, spans: Mapping[str, Span], *, as_of: date) -> Rows:
    """Collect what the segments need.

    Args:
        features: the feature table, restated generations included; they are left out here.
        labels: as `read_labels` gives them.
        pipeline: whose.
        model: whose label and population.
        spans: the segments' nights.
        as_of: labels that became known later do not exist.

    Raises:
        DataError: the segments' nights have no features.
        UsageError: they are more than this machine has memory for.
    """
    spec, key = pipeline.models[model], pipeline.rows.key
    first, last = min(span.first for span in spans.values()), max(span.last for span in spans.values())
    wanted = features.where(F.col("night").between(first, last) & ~F.col("restated")).where(spec.population or "true")
    _must_fit(wanted, model, spans)
    joined = wanted.join(_known_labels(labels, key, spec, as_of), key, how="left")
    # Sorted here, since Spark would make the join twice to sort it: once to see where to cut.
    frame = joined.toPandas().sort_values(["night", *key], ignore_index=True)
    if frame.empty:
        make = f"matins backfill {pipeline.pipeline} --from {first} --to {last} --steps raw,validated,features"
        msg = f"There are no features of the nights {first} to {last}; make them first: {make}."
        raise DataError(msg)
    return Rows(frame, feature_columns(features, pipeline, leave_out=spec.left_out), tuple(coverage_columns(pipeline)))


def _must_fit(wanted: DataFrame, model: str, spans: Mapping[str, Span]) -> None:
    rows, columns, free = wanted.count(), len(wanted.columns), available_memory_mb()
    needed = rows * columns * BYTES_PER_VALUE / 2**20
    if needed > free:
        msg = (
            f"Model `{model}`: its segments hold {rows} rows of {columns} columns, which take about {needed:.0f} MiB to train on and to judge; "
            f"{free:.0f} MiB are free here. Shorten `models.{model}.segments.train` (now {spans['train'].nights} nights), "
            "or train where there is more memory."
        )
        raise UsageError(msg)


def _known_labels(labels: DataFrame, key: list[str], spec: Model, as_of: date) -> DataFrame:
    newest = Window.partitionBy(*key).orderBy(F.col("known_night").desc(), F.col("night").desc(), F.col("generation").desc())
    known = labels.where(F.col("known_night") <= F.lit(as_of)).withColumn("place", F.row_number().over(newest)).where("place = 1")
    standing = F.col("replaced_night").isNull() | (F.col("replaced_night") > F.lit(as_of))
    return known.where(standing).select(*key, F.col(spec.label_column).cast(spec.label_type).alias("label"))


def feature_columns(features: DataFrame, pipeline: Pipeline, *, leave_out: list[str]) -> tuple[str, ...]:
    """The columns to learn from: all of the table but keys that are no features, provenance, coverage and what the model leaves out."""
    own = {"night", "generation", "restated", *coverage_columns(pipeline), *leave_out}
    keys = set(pipeline.rows.key) - set(pipeline.features.take)
    return tuple(name for name in features.columns if name not in own | keys)
