"""What the labels that became known in a night say about the scores of past nights."""

from typing import Any, Final

import numpy as np
import pandas as pd

from jobs.config.models import METRICS, Kind
from jobs.errors import DataError
from jobs.model.evaluation.evaluation import point

COUNTED: Final = "night date, scored_night date, model_version int, rows bigint, mean_label double, mean_score double"


def schema(kind: Kind) -> str:
    """The table's columns, in Spark's words."""
    return ", ".join([COUNTED, *[f"{name} double" for name in METRICS[kind]]])


def realised(pairs: pd.DataFrame, kind: Kind) -> list[tuple[Any, ...]]:
    """A row of `schema` for every night of labels, scored night and version.

    Args:
        pairs: a row per score whose label became known: `night`, `scored_night`, `model_version`, `label`, `score`.
        kind: the model's type.

    Returns:
        Metrics that have no value for the rows, such as the AUC of one class, are None: shown as such, never as a number.
    """
    groups = pairs.groupby(["night", "scored_night", "model_version"], sort=True)
    return [(night, scored, int(str(version)), *_measured(rows, kind)) for (night, scored, version), rows in groups]


def _measured(rows: pd.DataFrame, kind: Kind) -> tuple[Any, ...]:
    label, score = rows["label"].to_numpy(np.float64), rows["score"].to_numpy(np.float64)
    return (len(rows), float(label.mean()), float(score.mean()), *[_value(metric, label, score) for metric in METRICS[kind]])


def _value(metric: Any, label: Any, score: Any) -> float | None:
    try:
        return float(point(metric, label, score))
    except DataError:
        return None
