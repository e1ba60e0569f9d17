"""The process that Spark's Python workers are forked from."""

from collections.abc import Iterator

import pyarrow as pa
from pyspark.sql import SparkSession


def test_a_worker_has_xgboost_before_it_scores(spark: SparkSession) -> None:
    def loaded(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import sys

        for batch in batches:
            yield pa.RecordBatch.from_arrays([pa.array(["xgboost" in sys.modules] * batch.num_rows)], names=["loaded"])

    assert [row.loaded for row in spark.range(2).mapInArrow(loaded, "loaded boolean").collect()] == [True, True]
