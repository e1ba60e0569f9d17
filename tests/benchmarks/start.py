"""Process start to the first finished Delta read, against Delta's own set-up: jars by Ivy, default flags."""

import os
import resource
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.measured import ROUNDS, Measured

OURS = """
import sys
from jobs.lake.session import spark_session
from jobs.settings import Settings
spark = spark_session(Settings())
print(spark.read.format("delta").load(sys.argv[1]).count())
"""
STOCK = """
import sys
from delta import configure_spark_with_delta_pip
from pyspark.sql import SparkSession
builder = SparkSession.builder.master("local[2]").config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
builder = builder.config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
spark = configure_spark_with_delta_pip(builder).getOrCreate()
print(spark.read.format("delta").load(sys.argv[1]).count())
"""
WRITE = OURS.replace("print(spark.read.format", "spark.range(1000).write.format").replace(".load(sys.argv[1]).count())", ".save(sys.argv[1])")


def measure(folder: Path) -> list[Measured]:
    """Child processes, in turn."""
    table = str(folder / "table")
    _child(WRITE, table, folder)
    _child(STOCK, table, folder)  # Ivy's first download does not count
    pairs = [(_child(OURS, table, folder), _child(STOCK, table, folder)) for _ in range(ROUNDS)]
    return [Measured("process start to first Delta read", pairs, at_most=0.5)]


def _child(code: str, table: str, folder: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "PYSPARK_PYTHON": sys.executable}
    subprocess.run([sys.executable, "-c", code, table], check=True, capture_output=True, env=environment, cwd=folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
