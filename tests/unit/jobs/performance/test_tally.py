"""Tallies: the metrics of scikit-learn from sums that nights are added by."""

import numpy as np
import pytest
from sklearn import metrics as sk

from jobs.config.models import METRICS, Kind, Metric
from jobs.model.evaluation.floats import Floats
from jobs.performance.tally import BINS, CENTERS, SUMS, losses, measures, pooled, tallies, width

CONSTANT = 0.3


def binary(rows: int = 2000, *, seed: int = 0, on_centers: bool = False) -> tuple[Floats, Floats]:
    """Labels and calibrated scores, on request one value per bin, where no two of a bin differ."""
    draw = np.random.default_rng(seed)
    score = draw.beta(2, 4, rows)
    score = CENTERS[np.abs(CENTERS - score[:, None]).argmin(axis=1)] if on_centers else score
    return (draw.random(rows) < score).astype(float), score


def quantities(rows: int = 2000) -> tuple[Floats, Floats]:
    draw = np.random.default_rng(0)
    score = draw.normal(12, 30, rows)
    return score + draw.normal(0, 20, rows), score


def tally(label: Floats, score: Floats, *, kind: Kind = "binary", loss: Metric = "log_loss", constant: float = CONSTANT) -> Floats:
    (one,) = tallies(np.zeros(len(score), dtype=np.int64), 1, label, score, constant=constant, kind=kind, loss=loss)
    return np.asarray(one)


def test_losses_of_probabilities_are_exact() -> None:
    label, score = binary()
    found = measures(tally(label, score), "binary")
    assert found["log_loss"] == pytest.approx(sk.log_loss(label, score), rel=1e-12)
    assert found["brier"] == pytest.approx(sk.brier_score_loss(label, score), rel=1e-12)
    assert found["constant"] == pytest.approx(sk.log_loss(label, np.full_like(score, CONSTANT)), rel=1e-12)
    assert (found["rows"], found["mean_label"], found["mean_score"]) == (2000, pytest.approx(label.mean()), pytest.approx(score.mean()))


def test_areas_are_exact_where_only_ties_share_a_bin() -> None:
    label, score = binary(on_centers=True)
    found = measures(tally(label, score), "binary")
    assert found["roc_auc"] == pytest.approx(sk.roc_auc_score(label, score), rel=1e-12)
    assert found["pr_auc"] == pytest.approx(sk.average_precision_score(label, score), rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_areas_are_close_where_scores_of_a_bin_differ(seed: int) -> None:
    label, score = binary(20_000, seed=seed)
    found = measures(tally(label, score), "binary")
    assert found["roc_auc"] == pytest.approx(sk.roc_auc_score(label, score), abs=0.001)
    assert found["pr_auc"] == pytest.approx(sk.average_precision_score(label, score), abs=0.005)


@pytest.mark.parametrize("loss", ["rmse", "mae"])
def test_errors_of_quantities_are_exact(loss: Metric) -> None:
    label, score = quantities()
    found = measures(tally(label, score, kind="regression", loss=loss, constant=10.0), "regression")
    assert found["mae"] == pytest.approx(sk.mean_absolute_error(label, score), rel=1e-12)
    assert found["rmse"] == pytest.approx(sk.root_mean_squared_error(label, score), rel=1e-12)
    assert found["r2"] == pytest.approx(sk.r2_score(label, score), rel=1e-9)
    constant = {"mae": sk.mean_absolute_error, "rmse": sk.mean_squared_error}[loss](label, np.full_like(score, 10.0))
    assert found["constant"] == pytest.approx(constant, rel=1e-12)


@pytest.mark.parametrize("kind", ["binary", "regression"])
def test_nights_are_pooled_by_adding_them(kind: Kind) -> None:
    label, score = binary() if kind == "binary" else quantities()
    loss: Metric = "log_loss" if kind == "binary" else "rmse"
    night = np.random.default_rng(1).integers(0, 5, len(score))
    nights = tallies(night, 5, label, score, constant=CONSTANT, kind=kind, loss=loss)
    assert nights.shape == (5, width(kind))
    assert pooled(list(nights), kind) == pytest.approx(tally(label, score, kind=kind, loss=loss), rel=1e-9)
    assert pooled(list(nights[:2]), kind) == pytest.approx(tally(label[night < 2], score[night < 2], kind=kind, loss=loss), rel=1e-9)


def test_no_night_is_a_tally_of_nothing() -> None:
    assert pooled([], "binary").tolist() == [0.0] * width("binary")


def test_many_tallies_are_measured_at_once() -> None:
    label, score = binary()
    night = np.repeat(np.arange(4), 500)
    nights = tallies(night, 4, label, score, constant=CONSTANT, kind="binary", loss="log_loss")
    together = measures(nights.reshape(2, 2, -1), "binary")
    for name, found in together.items():
        assert found.ravel().tolist() == pytest.approx([float(measures(one, "binary")[name]) for one in nights]), name


def test_a_probability_in_the_place_of_a_label_gives_what_is_to_be_expected() -> None:
    score, chance = np.array([0.2, 0.7]), np.array([0.25, 0.5])
    outcomes = [(first, second) for first in (0.0, 1.0) for second in (0.0, 1.0)]
    weights = [np.prod(np.where(np.array(one) == 1, chance, 1 - chance)) for one in outcomes]
    expected = sum(weight * tally(np.array(one), score) for weight, one in zip(weights, outcomes, strict=True))
    assert tally(chance, score) == pytest.approx(expected)


def test_scores_of_nought_and_one_lie_in_the_outer_bins() -> None:
    one = tally(np.array([0.0, 1.0, 1.0]), np.array([0.0, 1.0, 0.99999]))
    positives, negatives = np.split(one[-2 * BINS :], 2)
    assert (positives[-1], negatives[0], positives.sum(), negatives.sum()) == (2, 1, 2, 1)


def test_a_sure_score_that_is_wrong_costs_much_but_not_infinitely() -> None:
    found = measures(tally(np.array([1.0, 0.0]), np.array([0.0, 0.0])), "binary")
    assert found["log_loss"] == pytest.approx(sk.log_loss([1, 0], [0.0, 0.0], labels=[0, 1]), rel=1e-6)


@pytest.mark.parametrize("label", [0.0, 1.0], ids=["negatives", "positives"])
def test_one_class_has_losses_and_no_area_under_the_roc(label: float) -> None:
    found = measures(tally(np.array([label] * 3), np.array([0.1, 0.5, 0.6])), "binary")
    assert np.isnan(found["roc_auc"])
    assert np.isnan(found["pr_auc"]) == (label == 0)
    assert np.isfinite([found[name] for name in ("log_loss", "brier", "constant", "calibration_error")]).all()


@pytest.mark.parametrize("kind", ["binary", "regression"])
def test_no_rows_have_no_metric_and_warn_of_nothing(kind: Kind) -> None:
    found = measures(np.zeros(width(kind)), kind)
    assert found["rows"] == 0
    assert not np.isfinite([found[name] for name in (*METRICS[kind], "constant", "mean_label", "mean_score")]).any()


def test_labels_that_are_all_the_same_have_an_error_and_no_share_of_it() -> None:
    found = measures(tally(np.array([5.0, 5.0]), np.array([4.0, 6.0]), kind="regression", loss="rmse"), "regression")
    assert found["rmse"] == 1
    assert not np.isfinite(found["r2"])


def test_calibration_is_off_by_how_far_labels_are_from_scores_in_tenths_of_the_rows() -> None:
    # Half of the rows at 0.2, of which half are late; half at 0.8, of which 90 % are.
    # In the middle of their bins, so that it is exact.
    low, high = (CENTERS[np.abs(CENTERS - middle).argmin()] for middle in (0.2, 0.8))
    score = np.repeat([low, high], 100)
    label = np.concatenate([np.tile([0.0, 1.0], 50), np.tile([1.0] * 9 + [0.0], 10)])
    assert measures(tally(label, score), "binary")["calibration_error"] == pytest.approx((0.5 - low + 0.9 - high) / 2)


def test_calibrated_scores_are_nearly_not_off() -> None:
    label, score = binary(200_000)
    assert measures(tally(label, score), "binary")["calibration_error"] < 0.005
    assert measures(tally(1 - label, score), "binary")["calibration_error"] > 0.2


@pytest.mark.parametrize("kind", ["binary", "regression"])
def test_losses_need_the_first_numbers_alone(kind: Kind) -> None:
    whole = tally(*binary()) if kind == "binary" else tally(*quantities(), kind=kind, loss="mae")
    found, wanted = losses(whole[: len(SUMS[kind])], kind), measures(whole, kind)
    assert {name: float(value) for name, value in found.items()} == {name: float(wanted[name]) for name in found}
    assert {*wanted} - {*found} == ({"roc_auc", "pr_auc", "calibration_error"} if kind == "binary" else set())
