"""Exact contributions of features to a margin, and the proof that they add up to it.

They are XGBoost's own SHAP values of trees (Lundberg et al. 2020, From Local Explanations to Global Understanding with Explainable AI for Trees), in the
unit of the margin: log odds, or the label's.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from jobs.errors import DataError
from jobs.model.evaluation.floats import Floats

if TYPE_CHECKING:
    from xgboost import Booster

TOLERANCE: Final = 5e-5
"""Of the sum of all absolute parts: XGBoost adds them as 32-bit floats. Seen at 600 trees: 2e-6."""


@dataclass(frozen=True)
class Contributions:
    """Of some rows: margin = base + the sum of the effects."""

    margin: Floats
    """What the trees give, before it becomes a probability and before any map."""
    base: Floats
    """What they would give if nothing were known of the row; the same for all rows."""
    effects: Floats
    """A row per row, a column per feature."""

    @property
    def gap(self) -> Floats:
        """Per row, how far the parts are from the margin, as a share of their absolute sum."""
        parts = np.abs(self.base) + np.abs(self.effects).sum(axis=1)
        return np.asarray(np.abs(self.base + self.effects.sum(axis=1) - self.margin) / np.maximum(parts, np.finfo(np.float32).tiny))


def contributions(booster: "Booster", matrix: NDArray[np.float32]) -> Contributions:
    """What each feature contributed to the margin of each row.

    Args:
        booster: the trees.
        matrix: rows in the order of the booster's features, missing as NaN.

    Raises:
        DataError: the parts of a row do not add up to its margin.
    """
    import xgboost

    if not len(matrix):
        return Contributions(np.empty(0), np.empty(0), np.empty((0, matrix.shape[1])))
    # Inputs are what the booster was trained on: categories come as codes, so that their type must be said.
    built = xgboost.DMatrix(matrix, feature_names=booster.feature_names, feature_types=booster.feature_types, enable_categorical=True)
    parts = booster.predict(built, pred_contribs=True).astype(np.float64)
    margin = np.asarray(booster.inplace_predict(matrix, predict_type="margin"), dtype=np.float64)
    found = Contributions(margin, parts[:, -1], parts[:, :-1])
    require_additive(found)
    return found


def require_additive(found: Contributions) -> None:
    """An explanation that does not add up explains nothing.

    Raises:
        DataError: the parts of a row do not add up to its margin.
    """
    # NaN is worse than any gap and smaller than none.
    worst = float(np.max(found.gap, initial=0.0))
    if not worst <= TOLERANCE:
        msg = f"Contributions do not add up to the margin: they are {worst:.1e} of their sum away, {TOLERANCE:.0e} is allowed; nothing was written."
        raise DataError(msg)
