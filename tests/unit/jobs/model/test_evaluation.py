import json
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from jobs.config.models import METRICS, Metric
from jobs.errors import DataError
from jobs.model.decision import Decision
from jobs.model.evaluation.evaluation import calibration_error, evaluate, paired, point, pooled
from jobs.model.evaluation.floats import Floats
from jobs.model.evaluation.resampling import BINS, SAMPLED, draw

SKLEARN = {
    "roc_auc": metrics.roc_auc_score,
    "pr_auc": metrics.average_precision_score,
    "log_loss": metrics.log_loss,
    "brier": metrics.brier_score_loss,
    "mae": metrics.mean_absolute_error,
    "rmse": metrics.root_mean_squared_error,
    "r2": metrics.r2_score,
}


def rows_of(rows: int = 3000, *, nights: int = 20, decimals: int = 3, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    score = random.beta(2, 5, rows).round(decimals).clip(0.001, 0.999)
    night = [date(2013, 5, 1) + timedelta(days=int(day)) for day in random.integers(0, nights, rows)]
    return pd.DataFrame({"night": night, "label": (random.random(rows) < score).astype(int), "score": score})


def quantities(rows: int = 3000, *, nights: int = 20, seed: int = 0) -> pd.DataFrame:
    """A skewed quantity with a guess at it."""
    random, frame = np.random.default_rng(seed), rows_of(rows, nights=nights, seed=seed)
    return frame.assign(label=random.gamma(2, 10, rows) + 30 * frame["score"], score=20 + 30 * frame["score"])


def scores(frame: pd.DataFrame) -> Floats:
    return frame["score"].to_numpy(float)


@pytest.mark.parametrize("metric", METRICS["binary"])
def test_each_draw_has_the_value_that_scikit_learn_gives_it(metric: Metric) -> None:
    frame = rows_of(decimals=2)  # many ties
    label, draws = frame["label"].to_numpy(float), draw(frame["night"], seed=1, resamples=25)
    expected = [SKLEARN[metric](label, scores(frame), sample_weight=weights[draws.block]) for weights in draws.weights]
    np.testing.assert_allclose(SAMPLED[metric](draws, label, scores(frame)), expected, rtol=1e-12)


@pytest.mark.parametrize("metric", METRICS["regression"])
def test_each_draw_of_a_quantity_has_the_value_that_scikit_learn_gives_it(metric: Metric) -> None:
    frame = quantities()
    label, draws = frame["label"].to_numpy(float), draw(frame["night"], seed=1, resamples=25)
    expected = [SKLEARN[metric](label, scores(frame), sample_weight=weights[draws.block]) for weights in draws.weights]
    np.testing.assert_allclose(SAMPLED[metric](draws, label, scores(frame)), expected, rtol=1e-12)


def test_a_regression_is_measured_in_the_labels_unit_and_has_no_threshold() -> None:
    frame = quantities()
    found = evaluate(frame, scores(frame), kind="regression", decision=None, baselines={"constant": np.full(len(frame), 30.0)}, seed=7)
    assert set(found.metrics) == {"mae", "rmse", "r2"}
    assert found.decided is None
    assert found.metrics["mae"].value == metrics.mean_absolute_error(frame["label"], frame["score"])
    assert found.baselines["constant"]["mae"].value > found.metrics["mae"].value
    assert found.flat()["holdout.mean_label"] == frame["label"].mean()


@pytest.mark.parametrize(("changes", "told"), [({"label": 3.0}, "values that differ"), ({"label": np.inf}, "not finite"), ({"score": np.nan}, "not finite")])
def test_a_quantity_that_cannot_be_measured_is_refused(changes: dict[str, float], told: str) -> None:
    with pytest.raises(DataError, match=told):
        pooled(quantities().assign(**changes), kind="regression", seed=7)


def test_beyond_the_bins_average_precision_is_off_by_less_than_a_thousandth() -> None:
    frame = rows_of(30_000, decimals=9)
    label, draws = frame["label"].to_numpy(float), draw(frame["night"], seed=1, resamples=5)
    assert frame["score"].nunique() > 5 * BINS
    expected = [metrics.average_precision_score(label, scores(frame), sample_weight=weights[draws.block]) for weights in draws.weights]
    np.testing.assert_allclose(SAMPLED["pr_auc"](draws, label, scores(frame)), expected, atol=1e-3)


def test_intervals_hold_the_value_and_are_the_same_every_time() -> None:
    frame = rows_of()
    found = pooled(frame, kind="binary", seed=7)
    assert found == pooled(frame, kind="binary", seed=7)
    assert found != pooled(frame, kind="binary", seed=8)
    assert all(estimate.low < estimate.value < estimate.high for estimate in found.values())


def test_rows_that_share_their_nights_luck_widen_the_interval() -> None:
    frame = rows_of()
    luck = frame.assign(label=frame["night"].map(lambda night: night.day % 2))
    alone, shared = pooled(frame, kind="binary", seed=7)["brier"], pooled(luck, kind="binary", seed=7)["brier"]
    assert shared.high - shared.low > 3 * (alone.high - alone.low)


def test_weeks_are_drawn_where_there_are_eight_and_bad_weeks_widen_the_interval() -> None:
    frame = rows_of(8000, nights=70)
    assert (draw(frame["night"], seed=1).unit, draw(frame["night"], seed=1).blocks) == ("week", 10)
    assert draw(frame[frame["night"] < date(2013, 6, 20)]["night"], seed=1).unit == "night"
    odd = frame["night"].map(lambda night: (night - date(2013, 5, 1)).days // 7 % 2)
    bad = frame.assign(label=np.where(frame.index % 10 == 0, 1 - odd, odd))
    alone, shared = pooled(frame, kind="binary", seed=7)["brier"], pooled(bad, kind="binary", seed=7)["brier"]
    assert shared.high - shared.low > 5 * (alone.high - alone.low)
    assert evaluate(frame, scores(frame), kind="binary", decision=None, baselines={}, seed=7).block == "week"


def test_the_calibration_error_is_the_mean_distance_over_tenths() -> None:
    frame = rows_of(20_000)
    label = frame["label"].to_numpy(float)
    assert calibration_error(label, scores(frame)) < 0.02
    assert calibration_error(label, scores(frame) * 0.5) == pytest.approx(float(scores(frame).mean()) / 2, abs=0.02)


def test_one_night_has_values_and_no_interval() -> None:
    found = pooled(rows_of(nights=1), kind="binary", seed=7)
    assert (found["roc_auc"].low, found["roc_auc"].high) == (None, None)
    assert found["roc_auc"].value > 0.5


def test_the_evaluation_is_json_with_baselines_and_threshold() -> None:
    frame = rows_of()
    found = evaluate(frame, scores(frame), decision=Decision(threshold=0.5), baselines={"constant": np.full(len(frame), 0.3)}, kind="binary", seed=7)
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["metrics"]["roc_auc"]["value"] == metrics.roc_auc_score(frame["label"], frame["score"])
    assert plain["baselines"]["constant"]["roc_auc"] == {"value": 0.5, "low": 0.5, "high": 0.5}
    assert (plain["rows"], plain["nights"]) == (3000, 20)
    at = found.decided
    assert at.precision.value == metrics.precision_score(frame["label"], frame["score"] >= 0.5)
    assert at.recall.low < at.recall.value < at.recall.high
    assert at.recall.value == metrics.recall_score(frame["label"], frame["score"] >= 0.5)
    assert found.flat()["holdout.roc_auc.low"] == found.metrics["roc_auc"].low
    assert found.flat()["constant.log_loss"] == found.baselines["constant"]["log_loss"].value


def test_nothing_above_the_threshold_has_no_precision() -> None:
    frame = rows_of()
    at = evaluate(frame, scores(frame), decision=Decision(threshold=1.0), baselines={}, kind="binary", seed=7).decided
    assert (at.precision, at.lift, at.recall.value, at.true_positives) == (None, None, 0, 0)


def test_the_best_few_of_each_night_are_predicted_and_lift_is_told() -> None:
    frame = rows_of()
    at = evaluate(frame, scores(frame), decision=Decision(top=10), baselines={}, kind="binary", seed=7).decided
    assert at.true_positives + at.false_positives == 10 * frame["night"].nunique()
    best = frame.sort_values("score", ascending=False).groupby("night").head(10)
    assert at.lift.value == pytest.approx(best["label"].mean() / frame["label"].mean(), rel=0.02)


@pytest.mark.parametrize("metric", METRICS["binary"])
def test_a_difference_is_paired(metric: Metric) -> None:
    frame = rows_of()
    noisy = (scores(frame) + np.random.default_rng(5).normal(0, 0.02, len(frame))).clip(0.001, 0.999)
    difference, alone = paired(frame, challenger=scores(frame), champion=noisy, metric=metric, seed=7), pooled(frame, kind="binary", seed=7)[metric]
    assert difference.value == pytest.approx(
        point(metric, frame["label"].to_numpy(float), scores(frame)) - point(metric, frame["label"].to_numpy(float), noisy)
    )
    assert difference.high - difference.low < 0.3 * (alone.high - alone.low)
    assert paired(frame, challenger=noisy, champion=noisy, metric=metric, seed=7) == (0, 0, 0)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"label": 1}, "both classes"),
        ({"label": np.nan}, "must be 0 or 1"),
        ({"score": np.nan}, "3000 of 3000 scores are not probabilities"),
        ({"score": np.inf}, "not probabilities"),
        ({"score": 1.5}, "not probabilities"),
        ({"night": None}, "rows without a night"),
    ],
    ids=["one class", "no label", "NaN", "infinite", "above 1", "no night"],
)
def test_what_cannot_be_measured_is_an_error(changes: dict[str, object], told: str) -> None:
    with pytest.raises(DataError, match=told):
        pooled(rows_of().assign(**changes), kind="binary", seed=7)


def test_no_rows_are_an_error() -> None:
    with pytest.raises(DataError, match="no rows"):
        pooled(rows_of()[:0], kind="binary", seed=7)


def test_scores_of_other_rows_are_an_error() -> None:
    frame = rows_of()
    with pytest.raises(DataError, match="2999 scores for 3000 rows"):
        evaluate(frame, scores(frame)[1:], decision=Decision(threshold=0.5), baselines={}, kind="binary", seed=7)


def test_an_interval_over_nights_of_one_class_is_an_error() -> None:
    frame = rows_of(nights=3)
    one_late_night = frame.assign(label=(frame["night"] == date(2013, 5, 1)).astype(int))
    with pytest.raises(DataError, match="too few nights with both classes"):
        pooled(one_late_night, kind="binary", seed=7)


def test_a_metric_without_a_value_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "roc_auc_score", lambda *_: float("nan"))
    with pytest.raises(DataError, match="`roc_auc` has no finite value"):
        pooled(rows_of(), kind="binary", seed=7)
