from datetime import date

import pytest
from pyspark.sql import SparkSession

from jobs.config.loading import load_pipeline
from jobs.errors import UsageError
from jobs.model.rows import read_rows
from jobs.model.segments import Span
from jobs.settings import Settings

SPANS = {
    "train": Span(date(2013, 2, 1), date(2013, 4, 1)),
    "tune": Span(date(2013, 4, 3), date(2013, 4, 9)),
    "holdout": Span(date(2013, 4, 11), date(2013, 4, 30)),
}


def test_more_rows_than_memory_are_refused_with_the_size_and_the_setting(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.model.rows.available_memory_mb", lambda: 1.0)
    features = spark.range(20_000).selectExpr("date'2013-02-01' AS night", "false AS restated", "id")
    with pytest.raises(
        UsageError, match=r"20000 rows of 3 columns, which take about 4 MiB .*; 1 MiB are free here\. Shorten `models\.delayed\.segments\.train`"
    ):
        read_rows(features, features, load_pipeline("flights", Settings()), "delayed", SPANS, as_of=date(2013, 5, 2))
