"""A table without a pipeline: nights of twenty rows, committed as every step commits."""

from datetime import date, timedelta
from typing import Final

from pyspark.sql import DataFrame, SparkSession

from jobs.lake.lake import Committed, Draft, Lake
from jobs.ledger.ledger import Ledger
from jobs.settings import Settings

PIPELINE: Final = "faults"
TABLE: Final = "things"
NIGHT: Final = date(2024, 3, 1)
ROWS: Final = 20


def ledger_of(settings: Settings) -> Ledger:
    return Ledger.of(settings)


def lake_of(settings: Settings, spark: SparkSession, *, run_id: str = "test") -> Lake:
    return Lake(spark, ledger_of(settings), root=settings.lake, pipeline=PIPELINE, run_id=run_id)


def rows_of(spark: SparkSession, night: date, value: float, *, rows: int = ROWS) -> DataFrame:
    """A night whose rows all carry `value`, so that a mixture of two writers shows."""
    return spark.range(rows, numPartitions=1).selectExpr("id AS key", f"DOUBLE('{value}') AS value", f"DATE'{night}' AS night")


def commit(lake: Lake, value: float, *, night: date = NIGHT, rows: int = ROWS) -> Committed:
    draft = Draft(night=night, fingerprint=f"{value}")
    return lake.commit(rows_of(lake.spark, night, value, rows=rows), TABLE, [draft], step="things")


def contents(lake: Lake) -> dict[date, list[tuple[float, int, int]]]:
    """Of each night: the values that stand there, their generation, and how many rows have them."""
    found: dict[date, list[tuple[float, int, int]]] = {}
    counted = lake.read(TABLE).frame.groupBy("night", "value", "generation").count()
    for row in sorted(counted.collect(), key=lambda row: (row["night"], row["value"])):
        found.setdefault(row["night"], []).append((row["value"], row["generation"], row["count"]))
    return found


def after(days: int) -> date:
    return NIGHT + timedelta(days=days)
