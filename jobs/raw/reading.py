"""Deliveries as rows of text: the declared columns, everything else as JSON beside them, and where each row came from."""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import reduce
from itertools import groupby
from pathlib import Path

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from jobs.config.feeds import Feed
from jobs.errors import UsageError
from jobs.raw.deliveries import Delivery

META = ("night", "generation", "known_night", "row", "corrupt", "extra")


def read_deliveries(spark: SparkSession, deliveries: Sequence[Delivery], feed: Feed, *, hash_key: str | None) -> DataFrame:
    """Every row of the deliveries, as it came: strings, NULL where a column was not delivered.

    Files with different headers are read apart, since a reader that is given them together takes the first header for all.

    Returns:
        The feed's kept columns, then `night`, `generation`, `known_night`, `row` (1 is the first), `corrupt` (the whole line
        where it does not have the header's number of fields) and `extra` (JSON of columns that the feed does not declare).

    Raises:
        UsageError: a column is to be hashed and there is no key.
    """
    by_header = sorted(deliveries, key=lambda one: (one.path.suffix, one.header))
    frames = []
    for (suffix, header), group in groupby(by_header, key=lambda one: (one.path.suffix, one.header)):
        paths = [one.path for one in group]
        read = _read_parquet if suffix == ".parquet" else _read_csv
        frames.append(_declared(read(spark, paths, header), feed, header))
    rows = reduce(DataFrame.unionByName, frames).join(F.broadcast(_origins(spark, deliveries)), "file_", how="inner")
    return _without_personal(_numbered(rows), feed, hash_key).select(*feed.kept, *META)


def _read_csv(spark: SparkSession, paths: Iterable[Path], header: Sequence[str]) -> DataFrame:
    names = _unique(header)
    schema = T.StructType([T.StructField(name, T.StringType()) for name in [*names, "corrupt"]])
    reader = spark.read.schema(schema).option("header", "true").option("mode", "PERMISSIVE").option("columnNameOfCorruptRecord", "corrupt")
    return reader.option("escape", '"').option("enforceSchema", "true").csv([str(path) for path in paths]).select("*", *_place())


def _read_parquet(spark: SparkSession, paths: Iterable[Path], header: Sequence[str]) -> DataFrame:
    frames = spark.read.parquet(*[str(path) for path in paths])
    texts = [F.col(f"`{name}`").cast("string").alias(name) for name in header]
    return frames.select(*texts, F.lit(None).cast("string").alias("corrupt"), *_place())


def _place() -> tuple[Column, ...]:
    """The file, and the order of its rows also where Spark reads it in several pieces."""
    return (
        F.regexp_replace("_metadata.file_path", "^file:/+", "file:/").alias("file_"),
        F.col("_metadata.file_block_start").alias("block_"),
        F.monotonically_increasing_id().alias("order_"),
    )


def _unique(header: Sequence[str]) -> list[str]:
    """Column names that Spark accepts for any header; the contract refuses odd ones by the original."""
    seen: set[str] = set()
    names = []
    for place, name in enumerate(header):
        odd = not name or name.lower() in seen or name in META
        names.append(f"column {place + 1}" if odd else name)
        seen.add(name.lower())
    return names


def _declared(rows: DataFrame, feed: Feed, header: Sequence[str]) -> DataFrame:
    names = _unique(header)
    kept = [(F.col(f"`{name}`") if name in names else F.lit(None).cast("string")).alias(name) for name in feed.columns]
    others = [F.col(f"`{name}`").alias(name) for name in names if name not in feed.columns]
    extra = F.to_json(F.struct(*others)) if others else F.lit(None).cast("string")
    return rows.select(*kept, "corrupt", extra.alias("extra"), "file_", "block_", "order_")


def _origins(spark: SparkSession, deliveries: Sequence[Delivery]) -> DataFrame:
    rows = [(one.path.as_uri().replace("file:///", "file:/"), one.night, one.generation, one.known_night) for one in deliveries]
    return spark.createDataFrame(rows, "file_ string, night date, generation int, known_night date")


def _numbered(rows: DataFrame) -> DataFrame:
    in_file = Window.partitionBy("night", "generation").orderBy("block_", "order_").rowsBetween(Window.unboundedPreceding, Window.currentRow)
    return rows.withColumn("row", F.row_number().over(in_file).cast("bigint"))


def _without_personal(rows: DataFrame, feed: Feed, hash_key: str | None) -> DataFrame:
    """Dropped columns leave with the caller's select; hashed ones become HMAC-SHA256 under the product's key (RFC 2104)."""
    if feed.sql or not any(column.personal for column in feed.columns.values()):
        return rows  # what is queried was made impersonal before it was stored
    # In a line that could not be taken apart, the personal value may stand anywhere.
    whole = F.col("corrupt").isNull()
    kept = [F.when(whole, F.col(name)).alias(name) for name in feed.kept]
    withheld = F.when(~whole, F.lit("(withheld: the feed has personal columns)")).alias("corrupt")
    rows = rows.select(*kept, *[withheld if name == "corrupt" else F.col(name) for name in META])
    return rows.mapInArrow(_hashing(personal_columns(feed, "hash"), hash_key_of(feed, hash_key)), schema=rows.schema)


def personal_columns(feed: Feed, treatment: str) -> list[str]:
    """The feed's columns that are marked `personal: drop` or `personal: hash`."""
    return [name for name, column in feed.columns.items() if column.personal == treatment]


def hash_key_of(feed: Feed, hash_key: str | None) -> bytes:
    """The key for the feed's hashed columns; empty if it has none.

    Raises:
        UsageError: a column is to be hashed and there is no key.
    """
    if (hashed := personal_columns(feed, "hash")) and not hash_key:
        msg = f"The columns {hashed} are marked `personal: hash`; set MATINS_HASH_KEY to a secret key."
        raise UsageError(msg)
    return (hash_key or "").encode()


def keyed_hash(value: str | None, key: bytes) -> str | None:
    """What stands for a personal value: equal for equal values, and not to be undone without the key."""
    return None if value is None else hmac.new(key, value.encode(), hashlib.sha256).hexdigest()


def _hashing(columns: Sequence[str], key: bytes) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    # In a worker and not as an SQL expression, since a key in a query plan is shown by Spark's pages and logs.
    def replaced(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for name in columns:
                hashed = pa.array([keyed_hash(value, key) for value in batch.column(name).to_pylist()], batch.schema.field(name).type)
                batch = batch.set_column(batch.schema.get_field_index(name), batch.schema.field(name), hashed)  # noqa: PLW2901
            yield batch

    return replaced
