"""How much each feature tells: what shuffling it costs."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from jobs.config.models import HIGHER_IS_BETTER, Metric
from jobs.model.artifact import Artifact
from jobs.model.evaluation.evaluation import point


class Importance(NamedTuple):
    """One feature, and by how much the metric is worse without what it says of each row."""

    feature: str
    cost: float


def importances(artifact: Artifact, rows: pd.DataFrame, *, metric: Metric, seed: int) -> list[Importance]:
    """Permutation importance (Breiman 2001, Random Forests, 10), the most telling feature first.

    Args:
        artifact: the model.
        rows: with the features and `label`; rows that it was not trained on.
        metric: a cost is above 0 where the metric gets worse, in either direction of it.
        seed: of the shuffling.
    """
    return sorted(_costs(artifact, rows, metric, seed), key=lambda one: (-one.cost, one.feature))


def most_telling(artifact: Artifact, rows: pd.DataFrame, *, loss: Metric, count: int, seed: int) -> list[str]:
    """The names of the `count` features that tell most, in the matrix's order."""
    best = {one.feature for one in importances(artifact, rows, metric=loss, seed=seed)[:count]}
    return [name for name in artifact.learned.names if name in best]


def _costs(artifact: Artifact, rows: pd.DataFrame, metric: Metric, seed: int) -> Iterator[Importance]:
    label, matrix = rows["label"].to_numpy(np.float64), artifact.learned.matrix(rows)
    random, sign = np.random.default_rng(seed), -1 if metric in HIGHER_IS_BETTER else 1
    whole = point(metric, label, artifact.score_matrix(matrix))
    for place, name in enumerate(artifact.learned.names):
        shuffled = matrix.copy()
        shuffled[:, place] = random.permutation(shuffled[:, place])
        yield Importance(name, sign * (point(metric, label, artifact.score_matrix(shuffled)) - whole))
