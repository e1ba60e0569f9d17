"""Deliveries to features: the number of Spark jobs for a month and a year, and the cost beside a plain copy of the same files."""

from datetime import date
from pathlib import Path

from pyspark.sql import SparkSession

from jobs.config.loading import load_pipeline
from jobs.lake.session import spark_session
from jobs.nightly import chosen
from jobs.nights import span
from jobs.pipelines.flights import deliveries
from jobs.runner import opened
from jobs.work import Options
from tests.benchmarks.measured import Measured, cost, settings_in

FIRST, MONTH, YEAR = date(2013, 1, 1), date(2013, 1, 31), date(2013, 12, 31)


def measure(folder: Path) -> list[Measured]:
    """Each range on a lake of its own, the same deliveries."""
    spark = spark_session(settings_in(folder))
    list(deliveries(folder / "landing", FIRST, YEAR))
    month, _ = _history(spark, folder / "month", folder / "landing", MONTH)
    jobs, ours = _history(spark, folder / "year", folder / "landing", YEAR)
    plain = cost(lambda: _copy(spark, folder))
    return [
        Measured("Spark jobs, a year's nights against a month's", [(float(jobs), float(month))], unit="jobs", note="must not grow with the nights"),
        Measured("a year: deliveries to features, against CSV to Delta", [(ours, plain)]),
    ]


def _history(spark: SparkSession, home: Path, landing: Path, last: date) -> tuple[int, float]:
    settings = settings_in(home).model_copy(update={"landing_root": landing})
    pipeline = load_pipeline("flights", settings)
    before = _jobs(spark)
    with opened(settings, pipeline, command="bench", options=Options(pages=False)) as run:
        used = cost(lambda: run.walk(chosen(pipeline, steps="raw,validated,features", model=None), span(FIRST, last)))
    return _jobs(spark) - before, used


def _jobs(spark: SparkSession) -> int:
    """The number of jobs so far: ids are counted up."""
    spark.range(1).count()
    return max(spark.sparkContext.statusTracker().getJobIdsForGroup(None))


def _copy(spark: SparkSession, folder: Path) -> None:
    for feed in ("schedule", "outcomes", "weather"):
        spark.read.option("header", "true").csv(str(folder / "landing" / feed)).write.format("delta").save(str(folder / "copy" / feed))
