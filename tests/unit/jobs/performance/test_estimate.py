"""Performance before labels: near the truth while only the features change, and off when their meaning does."""

import json
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession
from sklearn.metrics import log_loss, roc_auc_score

from jobs.model.evaluation.floats import Floats
from jobs.performance.estimate import BLOCK, Estimator
from jobs.performance.tally import measures, tallies

FIRST = date(2013, 5, 1)
CONSTANT = 0.4


def scored(rows: int, *, seed: int, shift: float = 0.0, spread: float = 1.0, turned: float = 1.0) -> tuple[Floats, Floats]:
    """Labels, and what a model says that knows the relation as it was: log odds 1.2 · feature − 0.5.

    Args:
        rows: how many.
        seed: of the draw.
        shift: of the feature's mean.
        spread: of the feature.
        turned: what the relation is multiplied with, so that the model's is no longer true.
    """
    draw = np.random.default_rng(seed)
    feature = draw.normal(shift, spread, rows)
    chance, score = (1 / (1 + np.exp(-(slope * feature - 0.5))) for slope in (1.2 * turned, 1.2))
    return (draw.random(rows) < chance).astype(float), score


def fitted(*, nights: int = 28, rows: int = 20_000) -> Estimator:
    label, score = scored(rows, seed=0)
    frame = pd.DataFrame({"night": [FIRST + timedelta(days=n % nights) for n in range(rows)], "label": label})
    return Estimator.fit(frame, score, constant=CONSTANT, loss="log_loss")


def expected(one: Estimator, score: Floats) -> dict[str, float]:
    group = np.zeros(len(score), dtype=np.int64)
    (tally,) = tallies(group, 1, one.expected(score), score, constant=one.constant, kind="binary", loss="log_loss")
    return {name: float(value) for name, value in measures(tally, "binary").items()}


@pytest.fixture(scope="module")
def estimator() -> Estimator:
    return fitted()


def test_calibrated_scores_stay_as_they_are(estimator: Estimator) -> None:
    score = np.array([0.05, 0.3, 0.5, 0.9])
    assert estimator.expected(score) == pytest.approx(score, abs=0.02)


def test_scores_that_are_off_are_mended() -> None:
    label, score = scored(20_000, seed=0)
    frame = pd.DataFrame({"night": FIRST, "label": label})
    too_high = 1 / (1 + np.exp(-(np.log(score) - np.log1p(-score) + 1)))
    one = Estimator.fit(frame, too_high, constant=CONSTANT, loss="log_loss")
    assert one.expected(too_high) == pytest.approx(score, abs=0.02)


@pytest.mark.parametrize(("shift", "spread"), [(0.0, 1.0), (1.0, 1.0), (-1.0, 1.0), (0.0, 2.0), (0.5, 0.5)])
def test_the_estimate_is_near_the_truth_when_the_features_shift(estimator: Estimator, shift: float, spread: float) -> None:
    label, score = scored(20_000, seed=1, shift=shift, spread=spread)
    found = expected(estimator, score)
    assert found["roc_auc"] == pytest.approx(roc_auc_score(label, score), abs=0.012)
    assert found["log_loss"] == pytest.approx(log_loss(label, score), abs=0.012)
    assert found["mean_label"] == pytest.approx(label.mean(), abs=0.012)


@pytest.mark.parametrize("turned", [-1.0, 0.0, 0.3])
def test_the_estimate_does_not_see_that_the_relation_changed(estimator: Estimator, turned: float) -> None:
    label, score = scored(20_000, seed=1, turned=turned)
    found = expected(estimator, score)
    assert found["roc_auc"] - roc_auc_score(label, score) > 0.1
    assert log_loss(label, score) - found["log_loss"] > 0.1


def test_errors_are_the_spread_over_spans_of_nights(estimator: Estimator) -> None:
    """About 0.5 / √n of an area, and of a loss, with n = 5000 rows in a span of seven nights."""
    assert 0.001 < estimator.auc_error < 0.02
    assert 0.001 < estimator.loss_error < 0.02


def test_fewer_rows_make_greater_errors(estimator: Estimator) -> None:
    few = fitted(rows=2_000)
    assert few.auc_error > estimator.auc_error
    assert few.loss_error > estimator.loss_error


@pytest.mark.parametrize(("nights", "known"), [(BLOCK, False), (BLOCK + 1, True)])
def test_errors_need_two_spans(nights: int, known: bool) -> None:
    one = fitted(nights=nights, rows=2_000)
    assert [one.auc_error > 0, one.loss_error > 0] == [known, known]


def test_nights_of_one_class_do_not_make_errors_nan() -> None:
    label, score = scored(2_000, seed=0)
    nights = np.arange(2_000) % 20
    frame = pd.DataFrame({"night": [FIRST + timedelta(days=int(n)) for n in nights], "label": np.where(nights < 9, 0.0, label)})
    assert np.isfinite([*Estimator.fit(frame, score, constant=CONSTANT, loss="log_loss").to_plain().values()]).all()


def test_an_estimator_survives_its_file(estimator: Estimator) -> None:
    assert Estimator(**json.loads(json.dumps(estimator.to_plain()))) == estimator


def test_spark_says_what_memory_says(spark: SparkSession, estimator: Estimator) -> None:
    score = [0.0, 1e-12, 1e-7, 0.2, 0.5, 0.93, 1 - 1e-9, 1.0]
    rows = spark.createDataFrame([(one,) for one in score], "score double").select("score", estimator.expression("score").alias("expected")).collect()
    assert [row["expected"] for row in sorted(rows, key=lambda row: row["score"])] == pytest.approx(estimator.expected(np.array(score)).tolist(), rel=1e-9)
