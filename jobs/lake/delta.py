"""Delta Lake's own operations, with this product's table properties and errors."""

import re
from collections.abc import Mapping
from typing import Any, Final

from delta.tables import DeltaTable
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from jobs.errors import DataError, MatinsError, RetryableError

PROPERTIES: Final[Mapping[str, str]] = {
    # What a model or a published night rests on must outlive Delta's 30 days of log and 7 days of files.
    "delta.logRetentionDuration": "interval 3650 days",
    "delta.deletedFileRetentionDuration": "interval 3650 days",
    "delta.enableDeletionVectors": "false",
}
SKIPPED_BY: Final = ("night", "known_night", "generation")
"""Whose least and largest values a new table's log keeps, so that readers pass over files. Of more columns it costs a fifth of a commit and may be personal."""
CONFLICT: Final = ("Concurrent", "CONCURRENT", "DELTA_CONCURRENT")
FULL: Final = ("No space left on device", "Disk quota exceeded")
GONE: Final = ("FILE_NOT_EXIST", "DELTA_FILE_NOT_FOUND", "DELTA_VERSION_NOT_FOUND", "VersionNotFound", "FileNotFoundException")
OWN: Final = re.compile(r"^jobs\.errors\.DataError: (.+)$", re.MULTILINE)
"""A sentence of ours at the end of a Python worker's traceback."""
DENIED: Final = ("Permission denied", "Read-only file system", "AccessDenied", "Mkdirs failed")


def version_of(spark: SparkSession, path: str) -> int:
    """The table's newest version; -1 if there is no table."""
    return int(_snapshot(spark, path).version())


def history(spark: SparkSession, path: str) -> list[dict[str, Any]]:
    """The table's commits, newest first."""
    return [row.asDict(recursive=True) for row in DeltaTable.forPath(spark, path).history().collect()]


def create_if_absent(spark: SparkSession, path: str, schema: StructType) -> None:
    """Make the table, with the product's properties; assert them where it exists.

    Raises:
        DataError: an existing table has other retention properties.
        RetryableError: the folder cannot be written.
    """
    try:
        if version_of(spark, path) < 0:
            builder = DeltaTable.createIfNotExists(spark).location(path).addColumns(schema)
            skipped_by = ",".join(name for name in SKIPPED_BY if name in schema.names)
            for name, value in {**PROPERTIES, "delta.dataSkippingStatsColumns": skipped_by}.items():
                builder = builder.property(name, value)
            builder.execute()
    except (PySparkException, Py4JJavaError) as error:
        raise in_words(error, path) from error
    # From the snapshot at hand: asking Delta for the table's details would be a Spark job before every commit.
    have = _snapshot(spark, path).metadata().configuration()
    if wrong := [name for name, value in PROPERTIES.items() if not have.contains(name) or have.apply(name) != value]:
        msg = f"{path}: the table's properties {wrong} are not {dict(PROPERTIES)}; past nights would be lost. Set them with ALTER TABLE … SET TBLPROPERTIES."
        raise DataError(msg)


def replace_where(rows: DataFrame, path: str, condition: str, *, user_metadata: str) -> int:
    """Replace the rows of the table that meet `condition`; returns the new version. New columns are added.

    Raises:
        RetryableError: a conflicting commit, a full disk, a folder that cannot be written.
        DataError: the rows do not fit the table.
    """
    writer = rows.write.format("delta").mode("overwrite").option("replaceWhere", condition)
    try:
        writer.option("mergeSchema", "true").option("userMetadata", user_metadata).save(path)
    except (PySparkException, Py4JJavaError) as error:
        raise in_words(error, path) from error
    return version_of(rows.sparkSession, path)


def in_words(error: Exception, path: str) -> MatinsError:
    """Spark's exception as one of ours, that says whether a retry can help."""
    text = str(error)
    if told := OWN.search(text):
        return DataError(told[1])
    # Py4J begins with the name of the call, which says nothing to anybody.
    lines = [line.strip(" :") for line in text.splitlines() if not line.startswith("An error occurred while calling")]
    first = next((line for line in lines if line), type(error).__name__)[:300]
    if any(word in text for word in FULL):
        return RetryableError(f"{path}: the disk is full; the table is as it was before. Free some space and run again.")
    if any(word in text for word in DENIED):
        return DataError(
            f"{path}: the folder cannot be written; the table is as it was before. Give this user write access or set MATINS_LAKE to another folder."
        )
    if any(word in text for word in CONFLICT):
        return RetryableError(f"{path}: another commit came between; nothing was written. Run again. ({first})")
    if any(word in text for word in GONE):
        return DataError(f"{path}: a file that is needed is gone: its nights are past `retention.nights`, or it was removed by hand. ({first})")
    return DataError(f"{path}: Spark refused, and the table is as it was before. {first}")


def _snapshot(spark: SparkSession, path: str) -> Any:
    # Delta's Python API has no call for the version or the properties alone. Each class is asked for by its whole name:
    # step by step, `org`, `org.apache` and so on would each be looked for as a class in every jar.
    log = getattr(spark._jvm, "org.apache.spark.sql.delta.DeltaLog").forTable(spark._jsparkSession, path)
    nothing = getattr(spark._jvm, "scala.Option").empty()
    return log.update(False, nothing, nothing)
