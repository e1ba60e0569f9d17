"""A large night to PostgreSQL by the step `published`, by the clock, against psql's COPY of the same rows into a table with the same indexes."""

import subprocess
from datetime import date
from math import nan
from pathlib import Path
from statistics import median

from pyspark.sql import DataFrame, SparkSession

from jobs.config.loading import load_pipeline
from jobs.lake.lake import Draft
from jobs.plan import tasks
from jobs.runner import opened
from jobs.settings import Settings
from tests.benchmarks.measured import ROUNDS, Measured, seconds
from tests.integration.postgresql import binaries, running

ROWS, NIGHT, MODEL, TABLE = 1_000_000, date(2013, 5, 18), "delayed", "flights_delayed_predictions"
WHAT = f"publication of {ROWS:,} rows to PostgreSQL, by the clock"


def measure(folder: Path) -> list[Measured]:
    """Generations of one night, in turn: both tables grow alike, and have a generation from a round that is left out."""
    if binaries() is None:
        return [Measured(WHAT, [(nan, nan)], unit="", note="not measured: PostgreSQL is not installed")]
    with running() as url:
        pairs = _rounds(Settings(home=folder, warehouse_secret=url), url.replace("+psycopg", ""), folder / "rows.csv")
    ours, theirs = (ROWS / median(side) for side in zip(*pairs, strict=True))
    return [Measured(WHAT, pairs, unit="s", at_most=2, note=f"{ours:,.0f} rows/s against {theirs:,.0f}: wanted are half as many")]


def _rounds(settings: Settings, server: str, file: Path) -> list[tuple[float, float]]:
    pipeline, pairs = load_pipeline("flights", settings), []
    of = {task.step.name: task for task in tasks(pipeline) if task.item == MODEL}
    with opened(settings, pipeline, command="bench") as run:
        lake = run.work(of["published"]).lake
        for number in range(1, ROUNDS + 2):
            draft = Draft(night=NIGHT, fingerprint=f"{number}", detail={"champion": 1, "digest": "d" * 64})
            lake.commit(_scores(lake.spark, number, run.run_id), of["predictions"].table, [draft], step="predictions")
            ours = seconds(lambda: run.do(of["published"], [NIGHT]))
            _psql(server, f"CREATE TABLE IF NOT EXISTS plain (LIKE {TABLE} INCLUDING ALL)")
            _psql(server, f"\\copy (SELECT * FROM {TABLE} WHERE generation = {number}) TO '{file}' (FORMAT csv)")
            pairs.append((ours, seconds(lambda: _psql(server, f"\\copy plain FROM '{file}' (FORMAT csv)"))))
        _require_same(server)
    return pairs[1:]


def _scores(spark: SparkSession, number: int, run_id: str) -> DataFrame:
    night = f"DATE'{NIGHT}'"
    return spark.range(ROWS, numPartitions=4).selectExpr(
        f"{night} AS day",
        "concat('C', id % 97) AS carrier",
        "id AS flight",
        "concat('K', id % 3) AS origin",
        f"{night} AS night",
        f"rand({number}) AS score",
        "id % 3 = 0 AS predicted",
        "1 AS model_version",
        "repeat('d', 64) AS model_digest",
        "7 AS features_version",
        f"'{run_id}' AS run_id",
    )


def _require_same(server: str) -> None:
    """Whoever copies less is faster."""
    counts = [_psql(server, f"SELECT count(*), sum(score) FROM {table}").rsplit("|", 1)[0] for table in (TABLE, "plain")]
    assert counts == [f"{(ROUNDS + 1) * ROWS}"] * 2, counts


def _psql(server: str, command: str) -> str:
    # Debian keeps it beside the server's own programs.
    program = (binaries() or Path()).joinpath("initdb").resolve().parent / "psql"
    return subprocess.run([program, server, "-q", "-A", "-t", "-c", command], check=True, capture_output=True, text=True).stdout.strip()
