"""Evaluation: metrics by scikit-learn on rows that nothing was fitted on, with intervals over nights, beside baselines."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from jobs.config.models import METRICS, Kind, Metric
from jobs.errors import DataError
from jobs.model.decision import Decision
from jobs.model.evaluation.floats import Floats
from jobs.model.evaluation.resampling import RESAMPLES, SAMPLED, Draws, draw, interval
from jobs.model.evaluation.values import labels_of, scores_of

DECIDED: Final = ("precision", "recall", "f1", "lift")
TENTHS: Final = 10
HOLDOUT: Final = "The holdout"
KIND: Final[Mapping[Metric, Kind]] = {metric: kind for kind, metrics in METRICS.items() for metric in metrics}


class Estimate(NamedTuple):
    """A metric and its 95 % interval; a single night has no interval."""

    value: float
    low: float | None
    high: float | None

    def __str__(self) -> str:
        """`0.6912 [0.6710, 0.7105]`."""
        return f"{self.value:.4f}" if self.low is None or self.high is None else f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}]"

    @property
    def detectable(self) -> float | None:
        """Of a difference: the smallest true one that four of five holdouts like this would show.

        2.80 standard errors for a power of 80 % at a two-sided 5 % (Cohen 1988, Statistical Power Analysis, 2.2), the error taken from the
        interval's width. None without an interval.
        """
        if self.low is None or self.high is None:
            return None
        certain, power = norm.ppf([0.975, 0.8])
        return float((self.high - self.low) / (2 * certain) * (certain + power))

    def to_dict(self) -> dict[str, float | None]:
        """For JSON."""
        return self._asdict()


@dataclass(frozen=True)
class Decided:
    """What acting on the predictions would have meant."""

    threshold: float | None
    top: int | None
    """Or so many rows of each night."""
    true_negatives: int
    false_positives: int
    false_negatives: int
    true_positives: int
    precision: Estimate | None
    """None if no row was predicted."""
    recall: Estimate
    f1: Estimate
    lift: Estimate | None
    """How many times as many positives among the predicted as among all."""


@dataclass(frozen=True)
class Evaluation:
    """One version on one holdout."""

    kind: Kind
    rows: int
    nights: int
    mean_label: float
    """Of a binary label, the share of positives."""
    mean_score: float
    metrics: Mapping[str, Estimate]
    baselines: Mapping[str, Mapping[str, Estimate]]
    decided: Decided | None
    """Of a binary model."""
    block: str
    """What was drawn for the intervals: `night` or `week`."""
    calibration_error: float | None
    """Of a binary model: mean distance between score and label over tenths of the rows."""
    resamples: int = RESAMPLES

    def to_dict(self) -> dict[str, Any]:
        """For JSON: `{"metrics": {"roc_auc": {"value": …, "low": …, "high": …}, …}, "baselines": {"constant": {…}}, …}`."""
        plain = asdict(self)
        plain["metrics"] = _plain(self.metrics)
        plain["baselines"] = {name: _plain(metrics) for name, metrics in self.baselines.items()}
        if self.decided:
            plain["decided"] |= {name: estimate and estimate.to_dict() for name in DECIDED for estimate in [getattr(self.decided, name)]}
        return plain

    def flat(self) -> dict[str, float]:
        """For MLflow: `holdout.roc_auc`, `holdout.roc_auc.low`, `constant.roc_auc`, …"""
        counted = {"rows": self.rows, "nights": self.nights, "mean_label": self.mean_label, "mean_score": self.mean_score}
        numbers = {f"holdout.{name}": float(number) for name, number in counted.items()}
        if self.decided:
            told = {name: getattr(self.decided, name) for name in DECIDED}
            numbers |= {f"holdout.{name}": estimate.value for name, estimate in told.items() if estimate is not None}
        if self.calibration_error is not None:
            numbers["holdout.calibration_error"] = self.calibration_error
        for name, metrics in {"holdout": self.metrics, **self.baselines}.items():
            for metric, estimate in metrics.items():
                given = {"": estimate.value, ".low": estimate.low, ".high": estimate.high}
                numbers |= {f"{name}.{metric}{end}": number for end, number in given.items() if number is not None}
        return numbers


def evaluate(frame: pd.DataFrame, scores: Floats, *, kind: Kind, decision: Decision | None, baselines: Mapping[str, Floats], seed: int) -> Evaluation:
    """Examine the scores of a holdout.

    Args:
        frame: one row per labelled row, with `night` and `label`.
        scores: the version's, in the order of `frame`.
        kind: the model's type.
        decision: which rows a binary model predicts.
        baselines: the scores of each baseline, in the same order.
        seed: of the draws of nights; the same draws serve every column of scores.

    Raises:
        DataError: no rows, one class or value only, a label or score that is missing, or a metric without a value.
    """
    labels = labels_of(frame, kind, where=HOLDOUT)
    draws = draw(frame["night"], seed=seed)
    return Evaluation(
        kind=kind,
        rows=len(labels),
        nights=frame["night"].nunique(),
        mean_label=float(labels.mean()),
        mean_score=float(np.mean(scores)),
        metrics=_estimates(draws, labels, scores, kind),
        baselines={name: _estimates(draws, labels, given, kind) for name, given in baselines.items()},
        block=draws.unit,
        calibration_error=calibration_error(labels, scores) if kind == "binary" else None,
        decided=None if decision is None else decided(draws, labels, decision.predicted(frame, scores), decision),
    )


def pooled(frame: pd.DataFrame, *, kind: Kind, seed: int) -> dict[str, Estimate]:
    """Every metric over all rows of `frame` (`night`, `label`, `score`): a month, a year, one night (then without intervals).

    Raises:
        DataError: as in `evaluate`.
    """
    labels = labels_of(frame, kind, where=HOLDOUT)
    return _estimates(draw(frame["night"], seed=seed), labels, frame["score"].to_numpy(np.float64), kind)


def paired(frame: pd.DataFrame, *, challenger: Floats, champion: Floats, metric: Metric, seed: int) -> Estimate:
    """The challenger's metric less the champion's, on the same rows and the same draws of nights: what both suffer cancels out.

    Raises:
        DataError: as in `evaluate`.
    """
    labels, draws = labels_of(frame, KIND[metric], where=HOLDOUT), draw(frame["night"], seed=seed)
    both = [scores_of(given, len(labels), KIND[metric]) for given in (challenger, champion)]
    value = point(metric, labels, both[0]) - point(metric, labels, both[1])
    if draws.blocks < 2:
        return Estimate(value, None, None)
    return Estimate(value, *interval(SAMPLED[metric](draws, labels, both[0]) - SAMPLED[metric](draws, labels, both[1])))


def point(metric: Metric, label: Floats, score: Floats) -> float:
    """The metric over all rows, by scikit-learn.

    Raises:
        DataError: it has no finite value.
    """
    from sklearn import metrics

    functions = {
        "roc_auc": metrics.roc_auc_score,
        "pr_auc": metrics.average_precision_score,
        "log_loss": metrics.log_loss,
        "brier": metrics.brier_score_loss,
        "mae": metrics.mean_absolute_error,
        "rmse": metrics.root_mean_squared_error,
        "r2": metrics.r2_score,
    }
    value = float(functions[metric](label, score))
    if not np.isfinite(value):
        msg = f"`{metric}` has no finite value on {len(label)} rows (got {value})."
        raise DataError(msg)
    return value


def calibration_error(label: Floats, score: Floats) -> float:
    """Expected calibration error over tenths of the rows by score (Naeini et al. 2015, Obtaining Well Calibrated Probabilities, 3)."""
    tenths = np.array_split(np.argsort(score, kind="stable"), TENTHS)
    return float(sum(abs(float(score[rows].mean() - label[rows].mean())) * len(rows) for rows in tenths if len(rows)) / len(label))


def decided(draws: Draws, label: Floats, predicted: NDArray[np.bool_], decision: Decision) -> Decided:
    """Confusion and what follows from it, with intervals over nights where every draw has a value."""
    from sklearn.metrics import confusion_matrix

    (tn, fp), (fn, tp) = confusion_matrix(label, predicted, labels=[0, 1]).tolist()
    hits, taken, late = (draws.totals(values.astype(np.float64)) for values in (predicted & (label == 1), predicted, label == 1))
    rows = draws.totals(np.ones_like(label))
    with np.errstate(invalid="ignore", divide="ignore"):
        sampled = {"precision": hits / taken, "recall": hits / late, "f1": 2 * hits / (taken + late), "lift": hits / taken / (late / rows)}
    base = (tp + fn) / len(label)
    values = {"recall": tp / (tp + fn), "f1": 2 * tp / (2 * tp + fp + fn)}
    if tp + fp:
        values |= {"precision": tp / (tp + fp), "lift": tp / (tp + fp) / base}
    told = {name: _estimate(values[name], sampled[name], draws) if name in values else None for name in DECIDED}
    return Decided(decision.threshold, decision.top, tn, fp, fn, tp, **told)  # type: ignore[arg-type]


def _estimate(value: float, samples: Floats, draws: Draws) -> Estimate:
    whole = draws.blocks > 1 and bool(np.isfinite(samples).all())
    return Estimate(value, *interval(samples)) if whole else Estimate(value, None, None)


def _estimates(draws: Draws, label: Floats, score: Floats, kind: Kind) -> dict[str, Estimate]:
    score = scores_of(score, len(label), kind)
    values = {metric: point(metric, label, score) for metric in METRICS[kind]}
    if draws.blocks < 2:
        return {metric: Estimate(value, None, None) for metric, value in values.items()}
    return {metric: Estimate(value, *interval(SAMPLED[metric](draws, label, score))) for metric, value in values.items()}


def _plain(metrics: Mapping[str, Estimate]) -> dict[str, dict[str, float | None]]:
    return {name: estimate.to_dict() for name, estimate in metrics.items()}
