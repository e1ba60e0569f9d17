"""A few rows of Python's as a frame."""

from collections.abc import Sequence
from typing import Any, cast

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType


def local_frame(spark: SparkSession, rows: Sequence[tuple[Any, ...]], schema: str) -> DataFrame:
    """The rows in Spark, handed over in columns: pickled rows would be a job of Python's for every pass over them.

    Args:
        spark: the session.
        rows: values in the order of the columns.
        schema: names and types, in Spark's words.
    """
    import pyarrow as pa
    from pyspark.sql.pandas.types import to_arrow_schema

    arrow = to_arrow_schema(cast("StructType", StructType.fromDDL(schema)))
    columns = list(zip(*rows, strict=True)) or [()] * len(arrow)
    table = pa.Table.from_arrays([pa.array(values, field.type) for values, field in zip(columns, arrow, strict=True)], schema=arrow)
    # In one partition, so that nothing is moved about.
    return spark.createDataFrame(table).coalesce(1)
