"""Evaluation: metrics by scikit-learn on rows that nothing was fitted on, with intervals over nights, beside baselines."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import norm

from jobs.config.models import Metric
from jobs.errors import DataError
from jobs.model.resampling import RESAMPLES, SAMPLED, Draws, Floats, draw, interval

METRICS: Final[tuple[Metric, ...]] = tuple(SAMPLED)


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
class AtThreshold:
    """What acting from `threshold` on would have meant."""

    threshold: float
    true_negatives: int
    false_positives: int
    false_negatives: int
    true_positives: int
    precision: float | None
    """None if no row reached the threshold."""
    recall: float
    f1: float


@dataclass(frozen=True)
class Evaluation:
    """One version on one holdout."""

    rows: int
    nights: int
    positives: int
    metrics: Mapping[str, Estimate]
    baselines: Mapping[str, Mapping[str, Estimate]]
    at_threshold: AtThreshold
    resamples: int = RESAMPLES
    block: str = "night"

    def to_dict(self) -> dict[str, Any]:
        """For JSON: `{"metrics": {"roc_auc": {"value": …, "low": …, "high": …}, …}, "baselines": {"constant": {…}}, …}`."""
        plain = asdict(self)
        plain["metrics"] = _plain(self.metrics)
        plain["baselines"] = {name: _plain(metrics) for name, metrics in self.baselines.items()}
        return plain

    def flat(self) -> dict[str, float]:
        """For MLflow: `holdout.roc_auc`, `holdout.roc_auc.low`, `constant.roc_auc`, …"""
        numbers = {"holdout.rows": float(self.rows), "holdout.nights": float(self.nights), "holdout.recall": self.at_threshold.recall}
        for name, metrics in {"holdout": self.metrics, **self.baselines}.items():
            for metric, estimate in metrics.items():
                given = {"": estimate.value, ".low": estimate.low, ".high": estimate.high}
                numbers |= {f"{name}.{metric}{end}": number for end, number in given.items() if number is not None}
        return numbers


def evaluate(frame: pd.DataFrame, scores: Floats, *, threshold: float, baselines: Mapping[str, Floats], seed: int) -> Evaluation:
    """Examine the scores of a holdout.

    Args:
        frame: one row per labelled row, with `night` and `label` (0 or 1).
        scores: the version's, in the order of `frame`.
        threshold: the score from which the label is predicted.
        baselines: the scores of each baseline, in the same order.
        seed: of the draws of nights; the same draws serve every column of scores.

    Raises:
        DataError: no rows, one class only, a label or score that is missing, or a metric without a value.
    """
    labels = _labels(frame)
    draws = draw(frame["night"], seed=seed)
    return Evaluation(
        rows=len(labels),
        nights=draws.nights,
        positives=int(labels.sum()),
        metrics=_estimates(draws, labels, scores),
        baselines={name: _estimates(draws, labels, given) for name, given in baselines.items()},
        at_threshold=at_threshold(labels, scores, threshold),
    )


def pooled(frame: pd.DataFrame, *, seed: int) -> dict[str, Estimate]:
    """Every metric over all rows of `frame` (`night`, `label`, `score`): a month, a year, one night (then without intervals).

    Raises:
        DataError: as in `evaluate`.
    """
    return _estimates(draw(frame["night"], seed=seed), _labels(frame), frame["score"].to_numpy(np.float64))


def paired(frame: pd.DataFrame, *, challenger: Floats, champion: Floats, metric: Metric, seed: int) -> Estimate:
    """The challenger's metric less the champion's, on the same rows and the same draws of nights: what both suffer cancels out.

    Raises:
        DataError: as in `evaluate`.
    """
    labels, draws = _labels(frame), draw(frame["night"], seed=seed)
    both = [_finite(given, len(labels)) for given in (challenger, champion)]
    value = point(metric, labels, both[0]) - point(metric, labels, both[1])
    if draws.nights < 2:
        return Estimate(value, None, None)
    return Estimate(value, *interval(SAMPLED[metric](draws, labels, both[0]) - SAMPLED[metric](draws, labels, both[1])))


def point(metric: Metric, label: Floats, score: Floats) -> float:
    """The metric over all rows, by scikit-learn.

    Raises:
        DataError: it has no finite value.
    """
    from sklearn import metrics

    functions = {"roc_auc": metrics.roc_auc_score, "pr_auc": metrics.average_precision_score, "log_loss": metrics.log_loss, "brier": metrics.brier_score_loss}
    value = float(functions[metric](label, score))
    if not np.isfinite(value):
        msg = f"`{metric}` has no finite value on {len(label)} rows (got {value})."
        raise DataError(msg)
    return value


def at_threshold(label: Floats, score: Floats, threshold: float) -> AtThreshold:
    """Confusion and what follows from it; a score equal to the threshold is predicted."""
    from sklearn.metrics import confusion_matrix

    (tn, fp), (fn, tp) = confusion_matrix(label, score >= threshold, labels=[0, 1]).tolist()
    precision = tp / (tp + fp) if tp + fp else None
    return AtThreshold(threshold, tn, fp, fn, tp, precision=precision, recall=tp / (tp + fn), f1=2 * tp / (2 * tp + fp + fn))


def _estimates(draws: Draws, label: Floats, score: Floats) -> dict[str, Estimate]:
    score = _finite(score, len(label))
    values = {metric: point(metric, label, score) for metric in METRICS}
    if draws.nights < 2:
        return {metric: Estimate(value, None, None) for metric, value in values.items()}
    return {metric: Estimate(value, *interval(SAMPLED[metric](draws, label, score))) for metric, value in values.items()}


def _labels(frame: pd.DataFrame) -> Floats:
    if frame.empty:
        msg = "The holdout has no rows with a known label: nothing can be measured."
        raise DataError(msg)
    values = frame["label"].to_numpy(np.float64, na_value=np.nan)
    classes = set(np.unique(values).tolist())
    if classes != {0.0, 1.0}:
        msg = f"Metrics need labels of both classes, 0 and 1, and no others (got {sorted(classes)[:5]} in {len(values)} rows)."
        raise DataError(msg)
    return values


def _finite(score: Floats, rows: int) -> Floats:
    if len(score) != rows:
        msg = f"There are {len(score)} scores for {rows} rows."
        raise DataError(msg)
    outside = int((~((score >= 0) & (score <= 1))).sum())  # NaN is in no range
    if outside:
        msg = f"{outside} of {rows} scores are not probabilities (missing, infinite, or outside 0 to 1)."
        raise DataError(msg)
    return score.astype(np.float64)


def _plain(metrics: Mapping[str, Estimate]) -> dict[str, dict[str, float | None]]:
    return {name: estimate.to_dict() for name, estimate in metrics.items()}
