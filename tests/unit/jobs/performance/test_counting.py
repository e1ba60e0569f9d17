"""Tallies in Spark: the same sums as in memory."""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession

from jobs.config.models import Kind, Metric
from jobs.model.evaluation.floats import Floats
from jobs.performance.counting import tallied
from jobs.performance.tally import BINS, SUMS, measures, tallies

NIGHTS = [date(2013, 5, 1), date(2013, 5, 2)]
CONSTANTS = {1: 0.3, 2: 0.2}
SCHEMA = "night date, model_version int, label double, score double"


def rows(kind: Kind) -> pd.DataFrame:
    draw = np.random.default_rng(0)
    night, version = draw.integers(0, 2, 600), draw.integers(1, 3, 600)
    score = draw.random(600) if kind == "binary" else draw.normal(12, 30, 600)
    # Bounds of bins, and what lies at the ends.
    score[:104] = np.append(np.arange(101) / 100, [1e-18, 1 - 1e-18, 0.29]) if kind == "binary" else score[:104]
    label = (draw.random(600) < 0.4).astype(float) if kind == "binary" else score + draw.normal(0, 9, 600)
    return pd.DataFrame({"night": [NIGHTS[n] for n in night], "model_version": version, "label": label, "score": score})


def in_spark(spark: SparkSession, found: pd.DataFrame, *, kind: Kind, loss: Metric, constants: Any = None) -> dict[tuple[Any, ...], Floats]:
    plain = [tuple(row) for row in found.astype(object).itertuples(index=False)]
    frame = spark.createDataFrame(plain, SCHEMA).repartition(3)
    return tallied(frame, ["night", "model_version"], constants=CONSTANTS if constants is None else constants, kind=kind, loss=loss)


@pytest.mark.parametrize(("kind", "loss"), [("binary", "log_loss"), ("regression", "mae"), ("regression", "rmse")])
def test_spark_sums_as_memory_does(spark: SparkSession, kind: Kind, loss: Metric) -> None:
    given = rows(kind)
    found = in_spark(spark, given, kind=kind, loss=loss)
    assert list(found) == [(night, version) for night in NIGHTS for version in (1, 2)]
    for (night, version), tally in found.items():
        some = given[(given["night"] == night) & (given["model_version"] == version)]
        label, score, group = some["label"].to_numpy(), some["score"].to_numpy(), np.zeros(len(some), dtype=np.int64)
        (wanted,) = tallies(group, 1, label, score, constant=CONSTANTS[version], kind=kind, loss=loss)
        assert tally.tolist() == pytest.approx(wanted.tolist(), rel=1e-9)


def test_a_label_may_be_a_probability(spark: SparkSession) -> None:
    given = rows("binary").assign(label=lambda frame: frame["score"] ** 2, model_version=1, night=NIGHTS[0])
    (found,) = in_spark(spark, given, kind="binary", loss="log_loss").values()
    score, group = given["score"].to_numpy(), np.zeros(len(given), dtype=np.int64)
    (wanted,) = tallies(group, 1, score**2, score, constant=0.3, kind="binary", loss="log_loss")
    assert found.tolist() == pytest.approx(wanted.tolist(), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("kind", "loss"), [("binary", "log_loss"), ("regression", "rmse")])
def test_a_version_without_a_constant_lacks_its_loss_and_nothing_else(spark: SparkSession, kind: Kind, loss: Metric) -> None:
    found = in_spark(spark, rows(kind), kind=kind, loss=loss, constants={1: 0.3})
    place = SUMS[kind].index("constant")
    for (_, version), tally in found.items():
        assert np.flatnonzero(np.isnan(tally)).tolist() == ([] if version == 1 else [place])
    told = measures(found[NIGHTS[0], 2], kind)
    assert [name for name, value in told.items() if np.isnan(value)] == ["constant"]


def test_every_row_lies_in_one_bin(spark: SparkSession) -> None:
    for tally in in_spark(spark, rows("binary"), kind="binary", loss="log_loss").values():
        assert tally[-2 * BINS :].sum() == tally[0]


def test_no_rows_are_no_tally(spark: SparkSession) -> None:
    assert in_spark(spark, rows("binary").iloc[:0], kind="binary", loss="log_loss") == {}
