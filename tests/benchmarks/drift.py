"""Drift of fifty columns of five million rows, against an identity pass of the same columns through the workers."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from pyspark.sql import functions as F

from jobs.config.drift import Drift
from jobs.drift_report.histogram import histograms
from jobs.drift_report.judged import SCORE, Yardstick, summary
from jobs.drift_report.reference import Reference
from jobs.lake.session import spark_session
from tests.benchmarks.measured import Measured, in_turn, settings_in

ROWS, COLUMNS = 5_000_000, 50
NIGHT = date(2024, 1, 1)


def measure(folder: Path) -> list[Measured]:
    """Numbers, a text in ten, and the score."""
    spark = spark_session(settings_in(folder))
    names = [f"f{n}" for n in range(COLUMNS - 1)]
    texts = set(names[::10])
    columns = [F.concat(F.lit("c"), (F.rand(n) * 30).cast("int")) if name in texts else F.rand(n) for n, name in enumerate(names)]
    made = [column.alias(name) for name, column in zip(names, columns, strict=True)]
    source = str(folder / "rows")
    spark.range(ROWS, numPartitions=8).select(F.lit(NIGHT).alias("night"), *made, F.rand(99).alias(SCORE)).write.format("delta").save(source)
    references = [_reference(name, is_text=name in texts) for name in [*names, SCORE]]

    def ours(_: int) -> None:
        found = histograms(spark.read.format("delta").load(source), references)
        counts = {night: {one.name: given for one, given in zip(references, some, strict=True)} for night, some in found.items()}
        summary(Yardstick(references, {}, Drift()).judge(counts, NIGHT), Drift())

    def reference(_: int) -> None:
        rows = spark.read.format("delta").load(source)
        rows.mapInArrow(lambda batches: batches, rows.schema).write.format("noop").mode("overwrite").save()

    return [Measured(f"drift of {COLUMNS} columns × {ROWS:,} rows", in_turn(ours, reference), at_most=1.3)]


def _reference(name: str, *, is_text: bool) -> Reference:
    draw = np.random.default_rng(1)
    values = [f"c{n}" for n in draw.integers(0, 30, 20_000)] if is_text else draw.random(20_000)
    return Reference.of(name, pd.Series(values), weight=1 / COLUMNS)
