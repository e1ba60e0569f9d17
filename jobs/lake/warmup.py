"""Makes the archive that shortens Spark's start, from a small run of what a night does; `python -m jobs.lake.warmup`."""

import logging
import os
import sys
import tempfile
from pathlib import Path
from typing import Final

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs.errors import MatinsError
from jobs.lake import archive
from jobs.lake.jars import jar_paths
from jobs.lake.java import find_java
from jobs.lake.session import close_spark, spark_session
from jobs.settings import Settings

# The JVM writes the archive as it ends: seconds on an idle machine, minutes on a busy one.
WRITING_SECONDS: Final = 600
log = logging.getLogger(__name__)


def exercise(spark: SparkSession, folder: Path) -> int:
    """Writes, replaces and reads a small Delta table in `folder`, so that the JVM loads what a night loads; the rows read."""
    (folder / "in.csv").write_text("night,n,at\n2013-01-01,1,2013-01-01 05:00:00\n2013-01-02,2,2013-01-02 05:00:00\n", encoding="utf-8")
    table = str(folder / "table")
    rows = spark.read.csv(str(folder / "in.csv"), header=True)
    typed = rows.select(F.col("night").try_cast("date").alias("night"), F.col("n").try_cast("int").alias("n"), F.col("at").try_cast("timestamp").alias("at"))
    typed.write.format("delta").partitionBy("night").save(table)
    typed.where("n = 2").write.format("delta").mode("overwrite").option("replaceWhere", "night = '2013-01-02'").save(table)
    read = spark.read.format("delta").option("versionAsOf", 1).load(table)
    sums = read.groupBy("night").agg(F.sum("n").alias("total"))
    frame = read.join(sums, "night", how="left").orderBy("night").toPandas()
    return len(frame)


def main() -> int:
    """Makes the archive unless it is there already; the exit status."""
    logging.basicConfig(format="%(message)s")
    log.setLevel(logging.INFO)
    try:
        _make()
    except (MatinsError, OSError) as error:
        # Spark starts without it too, only slower: never a reason for a set-up to fail.
        log.warning("Spark will start slower than it could: %s", error)
    return 0


def _make() -> None:
    java, jars = find_java(os.environ), jar_paths()
    if not archive.archive_path(java, jars).is_file():
        log.info("Making Spark's start archive")
        archive.make(java, jars, _run)


def _run(java_options: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        exercise(spark_session(Settings(spark_profile="local"), archive_use=lambda _java, _jars: java_options), Path(folder))
        close_spark(patience=WRITING_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
