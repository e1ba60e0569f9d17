"""Slices: parts of the holdout that the pipeline file names, each with its size, its metrics and whether the model is of use there."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.config.models import Metric
from jobs.model.evaluation.evaluation import KIND, Estimate, paired, pooled
from jobs.model.evaluation.floats import Floats

# More values than this make a feature no name for parts of the rows.
MOST_VALUES: Final = 64
REST: Final = "others"


@dataclass(frozen=True)
class Slice:
    """The rows of the holdout on which a feature has one value."""

    name: str
    """`carrier=AA`; `carrier=others` are the values that are too rare to be judged alone."""
    rows: int
    share: float
    mean_label: float
    mean_score: float
    metrics: Mapping[str, Estimate]
    """Empty where the labels are all alike."""
    over_constant: Estimate | None
    """The loss less that of the constant baseline on the same rows: below 0, the model is of use here."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        metrics = {name: estimate.to_dict() for name, estimate in self.metrics.items()}
        return {**vars(self), "metrics": metrics, "over_constant": self.over_constant and self.over_constant.to_dict()}


def members(frame: pd.DataFrame, features: Sequence[str], *, min_rows: int) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """The name of each slice, and which rows it has; values with fewer than `min_rows` rows are taken together."""
    for feature in features:
        values = frame[feature].astype(object).where(frame[feature].notna(), "missing").map(str).to_numpy()
        found, counts = np.unique(values, return_counts=True)
        large = [value for value, count in zip(found, counts, strict=True) if count >= min_rows][:MOST_VALUES]
        yield from ((f"{feature}={value}", values == value) for value in large)
        rest = ~np.isin(values, large)
        if rest.sum() >= min_rows:
            yield f"{feature}={REST}", rest


def by_slice(frame: pd.DataFrame, scores: Floats, constant: Floats, features: Sequence[str], *, loss: Metric, min_rows: int, seed: int) -> list[Slice]:
    """Measure each slice, the one where the model is of least use first.

    Args:
        frame: the holdout: `night`, `label` and the features.
        scores: the model's.
        constant: the constant baseline's, on the same rows.
        features: whose values name the slices.
        loss: what training minimises.
        min_rows: of a slice.
        seed: of the draws behind the intervals.
    """
    found = [_measured(name, frame[rows], scores[rows], constant[rows], len(frame), loss, seed) for name, rows in members(frame, features, min_rows=min_rows)]
    return sorted(found, key=lambda one: -(one.over_constant.value if one.over_constant else -np.inf))


def _measured(name: str, rows: pd.DataFrame, scores: Floats, constant: Floats, everything: int, loss: Metric, seed: int) -> Slice:
    label = rows["label"].to_numpy(np.float64)
    about = (name, len(rows), len(rows) / everything, float(label.mean()), float(scores.mean()))
    if label.min() == label.max():
        return Slice(*about, {}, None)
    frame = rows[["night", "label"]].assign(score=scores)
    return Slice(*about, pooled(frame, kind=KIND[loss], seed=seed), paired(frame, challenger=scores, champion=constant, metric=loss, seed=seed))
