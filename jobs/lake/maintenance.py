"""Upkeep of one table: many small files become few, and files go that no version needs which anything rests on."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from urllib.parse import unquote

from delta.tables import DeltaTable
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from jobs.errors import DataError
from jobs.lake import delta
from jobs.lake.lake import Lake
from jobs.ledger.leases import lease
from jobs.nights import utc_now

MANY_FILES: Final = 50
"""From so many on they are written anew as few: each commit of a night adds one."""
YOUNG: Final = timedelta(days=7)
"""Files younger than this stay: a writer that is not done yet may be about to name them (as Delta's own VACUUM does it)."""
LOGGED: Final = "add struct<path: string>, remove struct<path: string>"
"""What is read of a commit's actions."""


@dataclass(frozen=True)
class File:
    """A data file in the table's folder."""

    path: Any
    """As Hadoop names it."""
    name: str
    size: int
    modified: float
    """Seconds since 1970."""


@dataclass(frozen=True)
class Upkeep:
    """What was done to a table, or would be."""

    table: str
    pinned: int
    """Versions that something rests on."""
    files: int
    """In its folder, before."""
    rewritten: int
    """Of its newest version, put together into few."""
    removed: int
    removed_bytes: int


def keep(lake: Lake, table: str, pinned: Collection[int], *, dry: bool) -> Upkeep:
    """Put small files together, then remove what neither the newest version nor a pinned one needs.

    Not by VACUUM: it goes by age alone, and knows nothing of versions that are to stay.

    Args:
        lake: the pipeline's.
        table: its folder below the pipeline's.
        pinned: versions that stay readable.
        dry: only say what would be done.

    Raises:
        RetryableError: another process holds the table.
    """
    with lease(lake.ledger, lake.path(table)) as turn, turn.commit_lock():
        files = list(_files(lake.spark, lake.path(table)))
        small = len(lake.read(table).frame.inputFiles())
        if small >= MANY_FILES and not dry:
            DeltaTable.forPath(lake.spark, lake.path(table)).optimize().executeZOrderBy("night")
        unneeded = list(_unneeded(lake, table, files, pinned))
        if not dry:
            _remove(lake.spark, unneeded)
    rewritten = small if small >= MANY_FILES else 0
    return Upkeep(table, len(pinned), len(files), rewritten, len(unneeded), sum(one.size for one in unneeded))


def _unneeded(lake: Lake, table: str, files: list[File], pinned: Collection[int]) -> Iterator[File]:
    path = lake.path(table)
    newest = delta.version_of(lake.spark, path)
    needed = needed_files(lake.spark, path, {*pinned, newest}) | set(_named(lake.read_version(table, newest).inputFiles()))
    old = (utc_now() - YOUNG).timestamp()
    return (one for one in files if one.name not in needed and one.modified < old)


def needed_files(spark: SparkSession, path: str, versions: Collection[int]) -> set[str]:
    """The names of the data files that make up the given versions of the table at `path`, as its log has them.

    A file belongs to the versions from the one that added it to the last before the one that removed it.

    Raises:
        DataError: the log is not whole, so that it cannot be told.
    """
    log = spark.read.text(f"{path}/_delta_log/*.json").withColumn("at", F.regexp_extract("_metadata.file_name", r"^(\d+)\.json$", 1).cast("bigint"))
    acts = log.select("at", F.from_json("value", LOGGED).alias("act")).groupBy("at")
    named = acts.agg(F.collect_list("act.remove.path").alias("removed"), F.collect_list("act.add.path").alias("added")).orderBy("at").collect()
    newest = max(versions)
    if {row["at"] for row in named} != set(range(newest + 1)):
        msg = f"{path}: of its log not every commit up to version {newest} is there, so that it cannot be told what is needed; nothing was removed."
        raise DataError(msg)
    alive: dict[str, int] = {}
    needed: set[str] = set()
    for at, removed, added in named:
        gone = {name: alive.pop(name) for name in _named(removed) if name in alive}
        needed |= {name for name, since in gone.items() if any(since <= one < at for one in versions)}
        for name in _named(added):
            alive.setdefault(name, at)
    return needed | {name for name, since in alive.items() if since <= newest}


def _named(paths: Iterable[str]) -> Iterator[str]:
    return (unquote(path).rpartition("/")[2] for path in paths)


def _files(spark: SparkSession, path: str) -> Iterator[File]:
    # Of any place that Spark can write to; its readers would not list a Delta table's folder.
    folder = getattr(spark._jvm, "org.apache.hadoop.fs.Path")(path)
    found = folder.getFileSystem(spark._jsc.hadoopConfiguration()).listFiles(folder, False)
    while found.hasNext():
        one = found.next()
        yield File(one.getPath(), one.getPath().getName(), one.getLen(), one.getModificationTime() / 1000)


def _remove(spark: SparkSession, files: Iterable[File]) -> None:
    for one in files:
        one.path.getFileSystem(spark._jsc.hadoopConfiguration()).delete(one.path, False)
