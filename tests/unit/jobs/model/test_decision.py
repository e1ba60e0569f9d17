from datetime import date

import numpy as np
import pandas as pd
import pytest
from model_rows import Made
from pyspark.sql import SparkSession
from sklearn.metrics import precision_score, recall_score

from jobs.config.models import Target
from jobs.errors import DataError
from jobs.model.decision import Decision, learned_threshold
from jobs.model.training.learned import Learned


def scored(rows: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    score = random.beta(2, 5, rows)
    return (random.random(rows) < score).astype(float), score


def test_a_precision_or_recall_is_met_by_the_threshold_that_gives_away_least() -> None:
    label, score = scored()
    precise, found = learned_threshold(Target(precision=0.5), label, score), learned_threshold(Target(recall=0.8), label, score)
    assert precision_score(label, score >= precise) >= 0.5
    assert recall_score(label, score >= found) >= 0.8
    assert recall_score(label, score >= np.nextafter(found, 1)) < 0.8
    with pytest.raises(DataError, match="is out of reach: the best on 4000 rows is"):
        learned_threshold(Target(precision=0.999), np.where(score > 0.3, 0, label), score)


@pytest.mark.parametrize("decision", [Decision(top=2), Decision(threshold=0.5)])
def test_spark_decides_as_the_evaluation_does(spark: SparkSession, decision: Decision) -> None:
    scores = [0.1, 0.5, 0.9, 0.7, 0.7, 0.7, 0.2]
    rows = pd.DataFrame({"night": [date(2013, 5, 1)] * 3 + [date(2013, 5, 2)] * 4, "id": range(7), "score": scores})
    expected = decision.predicted(rows, rows["score"].to_numpy(float)).tolist()
    found = spark.createDataFrame(rows).withColumn("predicted", decision.expression(["id"])).orderBy("id").collect()
    assert [row.predicted for row in found] == expected
    assert sum(expected) == 4 + (decision.threshold is not None)


def test_a_learned_threshold_travels_with_the_version(made: Made) -> None:
    trained = made.again(threshold=Target(recall=0.9))
    learned = trained.artifact.learned
    assert Learned.from_json(learned.to_json()) == learned
    tune = made.rows["tune"]
    assert recall_score(tune["label"], trained.artifact.score(tune) >= learned.threshold) >= 0.9
