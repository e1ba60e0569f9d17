"""Histograms in Spark: the same counts as in memory, whatever the types, nights and partitions."""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession

from jobs.drift_report.histogram import histograms
from jobs.drift_report.judged import nightly_counts
from jobs.drift_report.reference import Reference

NIGHTS = [date(2013, 5, day) for day in (1, 2, 9)]
SCHEMA = "night date, x double, whole int, flag boolean, text string, score double, always_missing string, empty double"
COLUMNS = ("x", "whole", "flag", "text", "score", "always_missing", "empty")


@pytest.fixture(scope="module")
def rows() -> list[tuple[Any, ...]]:
    draw = np.random.default_rng(0)

    def row(night: date) -> tuple[Any, ...]:
        def or_none(value: Any) -> Any:
            return None if draw.random() < 0.1 else value

        x = float("nan") if draw.random() < 0.1 else float(draw.normal())
        whole, flag = int(draw.integers(0, 5)), bool(draw.random() < 0.95)
        return night, or_none(x), or_none(whole), or_none(flag), or_none(str(draw.choice(["a", "b", "ü", ""]))), float(draw.random()), None, None

    return [row(NIGHTS[n % 3]) for n in range(400)]


@pytest.fixture(scope="module")
def in_memory(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["night", *COLUMNS]).astype({"flag": object, "text": object, "always_missing": object})


@pytest.fixture(scope="module")
def references(in_memory: pd.DataFrame) -> list[Reference]:
    # Made from one night, so that the others have values that were never seen.
    return [Reference.of(name, in_memory[in_memory["night"] == NIGHTS[0]][name]) for name in COLUMNS]


@pytest.fixture(scope="module")
def frame(spark: SparkSession, rows: list[tuple[Any, ...]]) -> DataFrame:
    return spark.createDataFrame(rows, SCHEMA)


@pytest.mark.parametrize("partitions", [1, 5])
def test_spark_counts_as_memory_does(frame: DataFrame, in_memory: pd.DataFrame, references: list[Reference], partitions: int) -> None:
    found = histograms(frame.repartition(partitions), references)
    wanted = nightly_counts(in_memory, references)
    assert list(found) == list(wanted) == NIGHTS
    for night in NIGHTS:
        assert {one.name: counts.tolist() for one, counts in zip(references, found[night], strict=True)} == {
            name: counts.tolist() for name, counts in wanted[night].items()
        }


def test_every_row_is_counted_once(frame: DataFrame, in_memory: pd.DataFrame, references: list[Reference]) -> None:
    rows_of = in_memory["night"].value_counts()
    for night, some in histograms(frame, references).items():
        assert {float(counts[:-1].sum()) for counts in some} == {float(rows_of[night])}


def test_partitions_without_rows_add_nothing(frame: DataFrame, references: list[Reference]) -> None:
    one = frame.limit(1).repartition(4)
    assert [len(some) for some in histograms(one, references).values()] == [len(references)]


def test_no_rows_are_no_night(frame: DataFrame, references: list[Reference]) -> None:
    assert histograms(frame.where("false"), references) == {}
