"""Keys that are instants, on a host whose clock was put back: the two hours of one name stay apart."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
import xgboost
from pyspark.sql import DataFrame, SparkSession

from jobs.errors import DataError
from jobs.lineage.asked import require_scored, row_of
from jobs.lineage.values import same
from jobs.lineage.why import features_of
from jobs.model.artifact import Artifact
from jobs.model.training.learned import fit

EARLIER, LATER = datetime(2024, 11, 3, 5, 30, tzinfo=UTC), datetime(2024, 11, 3, 6, 30, tzinfo=UTC)
"""Both are 01:30 in New York."""
TEXTS = ("2024-11-03 05:30:00", "2024-11-03 06:30:00")


@pytest.fixture
def rows(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> Iterator[DataFrame]:
    """A row for each of the two, on a host in New York."""
    with monkeypatch.context() as host:
        host.setenv("TZ", "America/New_York")
        time.tzset()
        yield spark.createDataFrame([(EARLIER, 1.0), (LATER, 2.0)], "placed timestamp, amount double")
    time.tzset()


@pytest.mark.parametrize(("text", "amount"), [*zip(TEXTS, (1.0, 2.0), strict=True)])
def test_a_row_has_its_own_features(rows: DataFrame, text: str, amount: float) -> None:
    train = pd.DataFrame({"amount": [1.0, 2.0]})
    learned = fit(train, features=["amount"])
    booster = xgboost.train({"nthread": 1}, xgboost.DMatrix(learned.matrix(train), [0, 1], feature_names=["amount"]), 1)
    found, matrix = features_of(rows, {"placed": text}, Artifact(bytes(booster.save_raw("ubj")), learned, threads=1))
    assert (found["amount"], found["amount.text"], matrix.tolist()) == (amount, str(amount), [[np.float32(amount)]])


@pytest.mark.parametrize("text", TEXTS)
def test_a_value_that_spark_has_given_is_found_again(rows: DataFrame, text: str) -> None:
    row = row_of(rows, {"placed": text})
    assert row is not None
    assert [one.asDict() for one in rows.where(same({"placed": row["placed"]})).collect()] == [row]


def test_the_nearest_rows_are_named_as_they_have_to_be_asked_for(rows: DataFrame) -> None:
    asked = {"placed": "2024-11-03 07:30:00"}
    with pytest.raises(DataError, match=f"--key placed={TEXTS[0]} .*--key placed={TEXTS[1]} "):
        require_scored(row_of(rows, asked), rows, rows, asked, population=None)
