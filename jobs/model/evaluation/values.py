"""Labels and scores as numbers that can be learned from and measured."""

import numpy as np
import pandas as pd

from jobs.config.models import Kind
from jobs.errors import DataError
from jobs.model.evaluation.floats import Floats


def labels_of(frame: pd.DataFrame, kind: Kind, *, where: str) -> Floats:
    """The column `label`: 0 and 1, both present, or finite numbers that differ.

    Args:
        frame: rows with a known label.
        kind: the model's type.
        where: which rows they are, for the message: "The segment `tune`".

    Raises:
        DataError: there are no rows, or their labels are others.
    """
    if frame.empty:
        msg = f"{where} has no rows with a known label; choose a later --as-of, or look at the label's feed."
        raise DataError(msg)
    values = frame["label"].to_numpy(np.float64, na_value=np.nan)
    found = np.unique(values)
    if kind == "binary" and not set(found.tolist()) <= {0.0, 1.0}:
        msg = f"{where}: a binary label must be 0 or 1 everywhere (got {found[:5].tolist()} in {len(values)} rows)."
        raise DataError(msg)
    if outside := int((~np.isfinite(values)).sum()):
        msg = f"{where}: {outside} of {len(values)} labels are not finite numbers."
        raise DataError(msg)
    if len(found) == 1:
        msg = f"{where}: all {len(values)} labels are {found[0]:g}: it takes both classes, or values that differ, to learn or to measure."
        raise DataError(msg)
    return values


def scores_of(score: Floats, rows: int, kind: Kind) -> Floats:
    """The scores: one for each of `rows`, probabilities or finite numbers.

    Raises:
        DataError: they are others.
    """
    if len(score) != rows:
        msg = f"There are {len(score)} scores for {rows} rows."
        raise DataError(msg)
    fit = (score >= 0) & (score <= 1) if kind == "binary" else np.isfinite(score)  # NaN is in no range
    if outside := int((~fit).sum()):
        what = "probabilities (missing, infinite, or outside 0 to 1)" if kind == "binary" else "finite numbers"
        msg = f"{outside} of {rows} scores are not {what}."
        raise DataError(msg)
    return score.astype(np.float64)
