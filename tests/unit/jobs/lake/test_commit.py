"""What a commit makes of rows: checksums that stay what they have always been, and files that a night's reader finds few of."""

from collections import Counter
from datetime import date, timedelta

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from jobs.lake import layout
from jobs.lake.lake import Draft, Lake, checksums
from jobs.ledger.ledger import Ledger
from jobs.settings import Settings

FIRST = date(2024, 3, 1)


def rows_of(spark: SparkSession, *counts: int) -> DataFrame:
    """So many rows on the first night, on the second and so on."""
    nights = [FIRST + timedelta(days=place) for place, count in enumerate(counts) for _ in range(count)]
    schema = "night date, key bigint, text string, value double, flag boolean"
    return spark.createDataFrame([(night, n, None if n % 3 else "ü", n / 7, n % 2 == 0 or None) for n, night in enumerate(nights)], schema)


def test_checksums_are_those_that_ledgers_have_had_from_the_first_release(spark: SparkSession) -> None:
    rows = rows_of(spark, 40, 60)
    content = ["key", "text", "value", "flag"]
    row_hash = F.xxhash64(*content, F.array(*[F.col(column).isNull() for column in content])).cast("decimal(20,0)")
    was = rows.groupBy("night").agg(F.count("*"), F.sum(row_hash).cast("string")).collect()
    assert checksums(rows, by=["night"]) == {(night,): (count, total) for night, count, total in was}


@pytest.mark.parametrize(
    ("counts", "files_by_night"),
    [([30, 30, 30, 30], [1, 1, 1, 1]), ([30, 0, 250, 30], [1, 0, 2, 1]), ([90], [1]), ([450], [4])],
    ids=["small nights", "a large one among them", "one file's worth", "one large night"],
)
def test_neighbouring_nights_share_files_and_a_large_night_has_several(
    home: Settings, spark: SparkSession, monkeypatch: pytest.MonkeyPatch, counts: list[int], files_by_night: list[int]
) -> None:
    monkeypatch.setattr(layout, "ROWS_PER_FILE", 100)
    lake = Lake(spark, Ledger.of(home), root=home.lake, pipeline="p", run_id="r")
    nights = [FIRST + timedelta(days=place) for place in range(len(counts))]
    rows = rows_of(spark, *counts)
    lake.commit(rows, "things", [Draft(night=night, fingerprint="f") for night in nights], step="things")
    found = lake.read("things").frame
    assert {row["night"]: row["count"] for row in found.groupBy("night").count().collect()} == {
        night: count for night, count in zip(nights, counts, strict=True) if count
    }
    assert len(found.inputFiles()) <= -(-sum(counts) // 100)
    in_files = Counter(night for night, _ in found.select("night", F.input_file_name()).distinct().collect())
    assert [in_files[night] for night in nights] == files_by_night
