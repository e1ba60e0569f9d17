"""What a model's scores turn out to be worth, month by month."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import DataFrame, SparkSession
from sklearn.metrics import roc_auc_score

from jobs.config.loading import read_pipeline
from jobs.config.pipeline import Pipeline
from jobs.errors import DataError
from jobs.performance.labels import arrived, known
from jobs.performance.months import as_table, by_month
from tests.tiny import write_pipeline

DAY = date(2013, 5, 1)


@pytest.fixture
def tiny(tmp_path: Path) -> Pipeline:
    return read_pipeline(write_pipeline(tmp_path, tmp_path / "landing", nights=1).path)


def pairs(first: date, nights: int, *, version: int = 1, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    days = np.repeat([first + timedelta(days=n) for n in range(nights)], 40)
    score = rng.uniform(size=len(days))
    return pd.DataFrame({"scored_night": days, "model_version": version, "label": (rng.uniform(size=len(days)) < score).astype(int), "score": score})


def test_months_are_pooled_over_their_rows_with_intervals_over_nights() -> None:
    may, june = pairs(date(2013, 5, 20), 12), pairs(date(2013, 6, 1), 10, version=2, seed=1)
    periods = by_month(pd.concat([may, june]), "binary")
    found = [(one.name, one.versions, one.nights, one.rows) for one in periods]
    assert found == [
        ("2013-05", "1", 12, 480),
        ("2013-06", "2", 10, 400),
        ("all", "1, 2", 22, 880),
    ]
    auc = periods[0].metrics["roc_auc"]
    assert auc.value == pytest.approx(roc_auc_score(may["label"], may["score"]))
    assert auc.low is not None
    assert auc.high is not None
    assert auc.low < auc.value < auc.high


def test_a_month_that_cannot_be_measured_says_why_and_the_others_stand() -> None:
    periods = by_month(pd.concat([pairs(date(2013, 5, 10), 20), pairs(date(2013, 6, 1), 2).assign(label=0)]), "binary")
    assert periods[1].metrics == {}
    assert "both classes" in str(periods[1].problem)
    assert as_table(periods, "binary")[1][1][-1] == "-"
    assert periods[2].metrics["brier"].value > 0


def test_without_labels_nothing_is_measured() -> None:
    with pytest.raises(DataError, match="No score's label is known yet"):
        by_month(pairs(date(2013, 5, 20), 1).iloc[:0], "binary")


class TestLabels:
    """One order, scored on 1 May; its outcome came on 3 May and was corrected on 9 May."""

    LABELS = ((DAY, "a", date(2013, 5, 3), date(2013, 5, 3), 1, False), (DAY, "a", date(2013, 5, 9), date(2013, 5, 9), 1, True))

    def frames(self, spark: SparkSession) -> tuple[DataFrame, DataFrame]:
        labels = spark.createDataFrame(self.LABELS, "day date, order_id string, night date, known_night date, generation int, returned boolean")
        scores = [(DAY, "a", DAY, 0.3, 1, False), (DAY, "a", DAY, 0.9, 2, True), (DAY, "b", DAY, 0.5, 1, False)]
        return labels, spark.createDataFrame(scores, "day date, order_id string, night date, score double, model_version int, restated boolean")

    def test_each_version_of_a_label_arrives_in_its_night(self, spark: SparkSession, tiny: Pipeline) -> None:
        rows = arrived(*self.frames(spark), tiny, "returned").orderBy("night").collect()
        assert [(row["night"], row["label"], row["score"]) for row in rows] == [(date(2013, 5, 3), 0, 0.3), (date(2013, 5, 9), 1, 0.3)]

    def test_the_newest_version_of_a_label_counts(self, spark: SparkSession, tiny: Pipeline) -> None:
        rows = known(*self.frames(spark), tiny, "returned").collect()
        assert [(row["scored_night"], row["label"], row["score"], row["model_version"]) for row in rows] == [(DAY, 1, 0.3, 1)]
