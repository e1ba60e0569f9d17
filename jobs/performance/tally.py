"""Tallies: what scores and labels add up to, so that nights can be pooled and drawn again without their rows.

A tally is a vector of sums. All of them are linear in the label, so that a label may be a probability: then the metrics are
the ones to expect. Nights are pooled by adding their tallies.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jobs.config.models import Kind, Metric
from jobs.model.evaluation.floats import EPSILON, Floats

BINS: Final = 150
"""Of equal width in the arc sine of the root of the probability, so that they are narrow where positives or negatives are rare.

Areas under curves are exact but for ties within a bin.
"""
CENTERS: Final = np.sin((np.arange(BINS) + 0.5) * np.pi / 2 / BINS) ** 2
TENTHS: Final = 10
SUMS: Final[Mapping[Kind, tuple[str, ...]]] = {
    "binary": ("rows", "label", "score", "log_loss", "brier", "constant"),
    "regression": ("rows", "label", "score", "mae", "squared", "label_squared", "constant"),
}
"""In the order of the vector. `constant` is what the constant that training knew loses, squared where squares are minimised.

Binary: then positives and negatives per bin."""


def width(kind: Kind) -> int:
    """The length of a tally."""
    return len(SUMS[kind]) + (2 * BINS if kind == "binary" else 0)


def pooled(tallies: Sequence[Floats], kind: Kind) -> Floats:
    """Their sum."""
    return np.asarray(np.sum(np.reshape(tallies, (-1, width(kind))), axis=0))


def measures(tally: Floats, kind: Kind) -> dict[str, Floats]:
    """The metrics of one tally, or of many along the leading axes; NaN where a metric has no value, as the area of one class.

    Returns:
        What `losses` gives and, of probabilities, areas under curves and `calibration_error`.
    """
    found = losses(tally, kind)
    if kind == "regression":
        return found
    positives, negatives = np.split(tally[..., len(SUMS[kind]) :], 2, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        areas = {"roc_auc": _roc_auc(positives, negatives), "pr_auc": _pr_auc(positives, negatives)}
        return {**found, **areas, "calibration_error": _calibration_error(positives, negatives)}


def losses(tally: Floats, kind: Kind) -> dict[str, Floats]:
    """Of these metrics, those that need no more than the `SUMS`: the first numbers of a tally are enough.

    Returns:
        `rows`, `mean_label`, `mean_score`, `constant` (its loss), `log_loss` and `brier`, or `mae`, `rmse` and `r2`.
    """
    sums = {name: tally[..., place] for place, name in enumerate(SUMS[kind])}
    rows = sums["rows"]
    with np.errstate(invalid="ignore", divide="ignore"):
        found = {"rows": rows, "mean_label": sums["label"] / rows, "mean_score": sums["score"] / rows, "constant": sums["constant"] / rows}
        if kind == "binary":
            return {**found, **{name: sums[name] / rows for name in ("log_loss", "brier")}}
        around = sums["label_squared"] - sums["label"] ** 2 / rows
        return {**found, "mae": sums["mae"] / rows, "rmse": np.sqrt(sums["squared"] / rows), "r2": 1 - sums["squared"] / around}


def tallies(group: NDArray[np.int64], groups: int, label: Floats, score: Floats, *, constant: float, kind: Kind, loss: Metric) -> Floats:
    """A tally for each of `groups`, a row each.

    Args:
        group: which one each row is of.
        groups: how many there are.
        label: of each row; of a binary model it may be a probability.
        score: of each row.
        constant: what training would have said of every row: the mean label, or the median where absolute errors are minimised.
        kind: the model's type.
        loss: what it minimises.
    """
    clipped = np.clip(score, EPSILON, 1 - EPSILON) if kind == "binary" else score
    columns = [np.ones_like(score), label, score, *COLUMNS[kind](label, clipped), _of_constant(label, constant, loss)]
    sums = [np.bincount(group, column, minlength=groups) for column in columns]
    if kind == "regression":
        return np.stack(sums, axis=1)
    cell = group * BINS + np.minimum((np.arcsin(np.sqrt(score)) * 2 / np.pi * BINS).astype(np.int64), BINS - 1)
    bins = [np.bincount(cell, column, minlength=groups * BINS).reshape(groups, BINS) for column in (label, 1 - label)]
    return np.concatenate([np.stack(sums, axis=1), *bins], axis=1)


def _of_constant(label: Floats, constant: float, loss: Metric) -> Floats:
    if loss == "log_loss":
        return np.asarray(-(label * np.log(constant) + (1 - label) * np.log1p(-constant)))
    return np.abs(label - constant) if loss == "mae" else np.asarray((label - constant) ** 2)


COLUMNS: Final[Mapping[Kind, Callable[[Floats, Floats], tuple[Floats, ...]]]] = {
    # Both linear in the label, so that a probability in its place gives the loss to expect.
    "binary": lambda label, score: (
        -(label * np.log(score) + (1 - label) * np.log1p(-score)),
        label * (1 - score) ** 2 + (1 - label) * score**2,
    ),
    "regression": lambda label, score: (np.abs(score - label), (score - label) ** 2, label**2),
}


def loss_ratio(found: Mapping[str, Floats], loss: str) -> float:
    """The loss by that of the constant that training knew."""
    # What is summed of the constant are squares where squares are minimised.
    constant = float(np.sqrt(found["constant"]) if loss == "rmse" else found["constant"])
    return float(found[loss]) / constant if constant else float("nan")


def _roc_auc(positives: Floats, negatives: Floats) -> Floats:
    below = np.cumsum(negatives, axis=-1) - negatives / 2
    return np.asarray((positives * below).sum(axis=-1) / (positives.sum(axis=-1) * negatives.sum(axis=-1)))


def _pr_auc(positives: Floats, negatives: Floats) -> Floats:
    """Average precision: precision from each bin on, weighted by the positives in it."""
    hits = np.cumsum(positives[..., ::-1], axis=-1)
    taken = np.cumsum((positives + negatives)[..., ::-1], axis=-1)
    return np.asarray((positives[..., ::-1] * hits / np.maximum(taken, 1e-12)).sum(axis=-1) / hits[..., -1])


def _calibration_error(positives: Floats, negatives: Floats) -> Floats:
    """Expected calibration error over tenths of the rows by score (Naeini et al. 2015, 3), each bin as a whole in one tenth."""
    rows = positives + negatives
    said = rows * CENTERS
    middle = (np.cumsum(rows, axis=-1) - rows / 2) / rows.sum(axis=-1, keepdims=True)
    tenth = np.minimum((middle * TENTHS).astype(int), TENTHS - 1)
    apart = [np.abs(((said - positives) * (tenth == number)).sum(axis=-1)) for number in range(TENTHS)]
    return np.asarray(np.sum(apart, axis=0) / rows.sum(axis=-1))
