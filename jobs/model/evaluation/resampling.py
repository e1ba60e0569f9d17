"""Block bootstrap: whole nights, or weeks where there are enough, are drawn with replacement, since their rows share weather and trouble.

Each metric is computed for all draws at once from what a block contributes, so that its cost hardly grows with the number of draws.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.config.models import Metric
from jobs.errors import DataError
from jobs.model.evaluation.floats import EPSILON, Floats

RESAMPLES: Final = 1000
WEEKS: Final = 8
LEVEL: Final = 0.95
# Ranks that the average precision of a draw tells apart.
BINS: Final = 4096


@dataclass(frozen=True)
class Draws:
    """Which rows lie in which block, and how often each draw took each block."""

    block: NDArray[np.int64]
    weights: Floats
    """One row per draw, one column per block."""
    unit: str
    """`night` or `week`."""

    @property
    def blocks(self) -> int:
        """How many blocks there are."""
        return int(self.weights.shape[1])

    def totals(self, values: Floats) -> Floats:
        """Per draw, the sum of `values` over its rows."""
        return np.asarray(self.weights @ np.bincount(self.block, values, minlength=self.blocks))


def draw(nights: "pd.Series[Any] | NDArray[np.object_]", *, seed: int, resamples: int = RESAMPLES) -> Draws:
    """Draws of as many blocks as there are, with replacement; the same for the same nights and seed.

    Weeks from the first night on where the nights fill `WEEKS` or more, since bad days come in rows; single nights otherwise, since
    a handful of blocks gives no interval.

    Raises:
        DataError: there are no rows.
    """
    block, names = pd.factorize(np.asarray(nights), sort=True)
    if not len(names) or (block < 0).any():
        msg = "There are no rows to examine, or rows without a night."
        raise DataError(msg)
    week = (pd.to_datetime(names) - pd.to_datetime(names[0])).days.to_numpy() // 7
    unit = "week" if len(names) >= 7 * WEEKS else "night"
    if unit == "week":
        block = pd.factorize(week[block], sort=True)[0]
    count = int(block.max()) + 1
    weights = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples)
    return Draws(block.astype(np.int64), weights.astype(np.float64), unit)


def interval(samples: Floats) -> tuple[float, float]:
    """Percentile interval (Efron & Tibshirani 1993, An Introduction to the Bootstrap, 13.3).

    Raises:
        DataError: a draw has no value, as when its nights have one class only.
    """
    if undefined := int((~np.isfinite(samples)).sum()):
        msg = f"Undefined in {undefined} of {len(samples)} draws: too few nights with both classes for an interval."
        raise DataError(msg)
    low, high = np.quantile(samples, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def log_loss(draws: Draws, label: Floats, score: Floats) -> Floats:
    """Mean negative log likelihood per draw."""
    clipped = np.clip(score, EPSILON, 1 - EPSILON)
    return draws.totals(-np.where(label == 1, np.log(clipped), np.log1p(-clipped))) / draws.totals(np.ones_like(score))


def brier(draws: Draws, label: Floats, score: Floats) -> Floats:
    """Mean squared error of the probability per draw (Brier 1950)."""
    return draws.totals((score - label) ** 2) / draws.totals(np.ones_like(score))


def roc_auc(draws: Draws, label: Floats, score: Floats) -> Floats:
    """Area under the ROC curve per draw: the share of pairs (one of each class) in the right order, ties half.

    With wins[a, b] counted once, for late rows of block a against others of block b, a draw that took the blocks w times has w'·wins·w of
    w'·pairs·w pairs in order (the Mann-Whitney statistic, as in Hanley & McNeil 1982, by blocks).
    """
    is_late = label == 1
    _, rank = np.unique(score, return_inverse=True)
    wins = np.empty((draws.blocks, draws.blocks))
    for other in range(draws.blocks):
        counts = np.bincount(rank[~is_late & (draws.block == other)], minlength=rank.max() + 1)
        below = np.cumsum(counts) - counts / 2
        wins[:, other] = np.bincount(draws.block[is_late], below[rank[is_late]], minlength=draws.blocks)
    with np.errstate(invalid="ignore", divide="ignore"):  # a draw of one class: NaN, which `interval` refuses
        return np.asarray(((draws.weights @ wins) * draws.weights).sum(axis=1) / (draws.totals(label) * draws.totals(1 - label)))


def pr_auc(draws: Draws, label: Floats, score: Floats) -> Floats:
    """Average precision per draw: precision at each score, weighted by the recall that it adds (as scikit-learn's).

    Exact up to `BINS` different scores; beyond, neighbours in rank are taken as ties, which moves the value by less than 0.001.
    """
    found, rank = np.unique(-score, return_inverse=True)
    bins = min(len(found), BINS)
    cells = draws.block * bins + rank * bins // len(found)
    late, rows = (np.bincount(cells, given, minlength=draws.blocks * bins).reshape(draws.blocks, bins) for given in (label, np.ones_like(label)))
    hits, taken = draws.weights @ np.cumsum(late, axis=1), draws.weights @ np.cumsum(rows, axis=1)
    gained = np.diff(hits, axis=1, prepend=0)
    with np.errstate(invalid="ignore", divide="ignore"):  # a draw without a late row is NaN, which `interval` refuses
        return np.asarray((gained * hits / np.maximum(taken, 1)).sum(axis=1) / hits[:, -1])


def mae(draws: Draws, label: Floats, score: Floats) -> Floats:
    """Mean absolute error per draw."""
    return draws.totals(np.abs(score - label)) / draws.totals(np.ones_like(score))


def rmse(draws: Draws, label: Floats, score: Floats) -> Floats:
    """Root of the mean squared error per draw."""
    return np.sqrt(brier(draws, label, score))


def r2(draws: Draws, label: Floats, score: Floats) -> Floats:
    """Coefficient of determination per draw: 1 less the squared error over that of the draw's own mean."""
    rows, middle = draws.totals(np.ones_like(score)), label.mean()  # about the mean, so that squares of large labels do not cancel
    around = draws.totals((label - middle) ** 2) - draws.totals(label - middle) ** 2 / rows
    with np.errstate(invalid="ignore", divide="ignore"):  # a draw of one value: NaN or infinite, which `interval` refuses
        return np.asarray(1 - draws.totals((score - label) ** 2) / around)


SAMPLED: Final[Mapping[Metric, Callable[[Draws, Floats, Floats], Floats]]] = {
    "roc_auc": roc_auc,
    "pr_auc": pr_auc,
    "log_loss": log_loss,
    "brier": brier,
    "mae": mae,
    "rmse": rmse,
    "r2": r2,
}
