"""Leak watch: what is too good to be known in the night that it is used in."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import pandas as pd

from jobs.config.models import Kind
from jobs.model.evaluation.evaluation import Evaluation
from jobs.model.evaluation.floats import Floats
from jobs.model.evaluation.values import labels_of
from jobs.model.training.learned import Feature, Learned

ALONE: Final = 0.9
"""Area under the ROC curve, or absolute rank correlation with a quantity, from which a single feature nearly decides the label."""
PROPORTION: Final = 4.0
"""How many times the best simple baseline's gain over the constant is out of all proportion..."""
SHARE: Final = 0.5
"""...where the model's own gain is this share of the constant's loss or more."""


def suspicions(frame: pd.DataFrame, learned: Learned, evaluation: Evaluation, *, loss: str) -> list[str]:
    """Sentences, none where nothing is suspicious.

    Args:
        frame: the holdout: `night`, `label` and the features.
        learned: says which features the model uses.
        evaluation: the model's, beside the baselines.
        loss: what training minimises.
    """
    label = labels_of(frame, evaluation.kind, where="The holdout")
    alone = {feature.name: _alone(feature, frame, label, evaluation.kind) for feature in learned.features}
    found = [f"`{name}` alone nearly decides the label ({told:.3f})" for name, told in alone.items() if told >= ALONE]
    return [*found, *_out_of_proportion(evaluation, loss)]


def _out_of_proportion(evaluation: Evaluation, loss: str) -> Iterator[str]:
    losses = {name: metrics[loss].value for name, metrics in evaluation.baselines.items()}
    constant, model = losses.pop("constant"), evaluation.metrics[loss].value
    simple = max([constant - other for other in losses.values()], default=0.0)
    if constant - model >= SHARE * constant and constant - model >= PROPORTION * max(simple, 0.0):
        yield f"the model takes {1 - model / constant:.0%} off the constant's {loss}, the best simple baseline {max(simple, 0.0) / constant:.0%}"


def _alone(feature: Feature, frame: pd.DataFrame, label: Floats, kind: Kind) -> float:
    column = _rates(frame, feature, label) if feature.kind == "text" else feature.values(frame[feature.name])
    missing = np.isnan(column)
    told = [missing.astype(np.float64)] if missing.any() and not missing.all() else []
    if not missing.all():
        told.append(np.where(missing, np.nanmedian(column), column))
    return max((_agreement(one, label, kind) for one in told if one.min() < one.max()), default=0.0)


def _agreement(column: Floats, label: Floats, kind: Kind) -> float:
    if kind == "binary":
        from sklearn.metrics import roc_auc_score

        area = float(roc_auc_score(label, column))
        return max(area, 1 - area)
    from scipy.stats import spearmanr

    return abs(float(spearmanr(column, label).statistic))


def _rates(frame: pd.DataFrame, feature: Feature, label: Floats) -> Floats:
    """The mean label of a text's value in the other half of the nights, so that a rare value does not tell its own label."""
    half = pd.factorize(frame["night"], sort=True)[0] % 2
    values, found = frame[feature.name].astype(object).where(frame[feature.name].notna(), ""), np.full(len(frame), np.nan)
    for one in (0, 1):
        means = pd.Series(label[half != one]).groupby(values[half != one].to_numpy()).mean()
        found[half == one] = values[half == one].map(means).to_numpy(np.float64)
    return found
