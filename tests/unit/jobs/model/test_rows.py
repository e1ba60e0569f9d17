from datetime import date, timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from jobs.config.loading import load_pipeline, read_pipeline
from jobs.errors import UsageError
from jobs.model.rows import read_rows
from jobs.model.segments import Span
from jobs.settings import Settings
from tests.tiny import write_pipeline

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


def test_a_label_that_a_correction_has_left_out_is_none_from_then_on(spark: SparkSession, tmp_path: Path) -> None:
    night, corrected = date(2024, 1, 9), date(2024, 1, 20)
    pipeline = read_pipeline(write_pipeline(tmp_path, tmp_path / "landing", nights=1).path)
    features = spark.createDataFrame([(night, "a", night, False), (night, "b", night, False)], "day date, order_id string, night date, restated boolean")
    given = [(night, key, night, night, 1, True, replaced) for key, replaced in (("a", corrected), ("b", None))]
    schema = "day date, order_id string, night date, known_night date, generation int, returned boolean, replaced_night date"
    spans = {"scored": Span(night, night)}
    for as_of, known in ((corrected - timedelta(days=1), ["a", "b"]), (corrected, ["b"])):
        rows = read_rows(features, spark.createDataFrame(given, schema), pipeline, "returned", spans, as_of=as_of)
        assert rows.labelled(spans["scored"])["order_id"].tolist() == known
