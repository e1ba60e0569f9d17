"""What the labels that became known in a night say about the scores of past nights."""

from typing import Any, Final

import numpy as np
import pandas as pd

from jobs.errors import DataError
from jobs.model.evaluation import METRICS, point

COLUMNS: Final = ("night", "scored_night", "model_version", "rows", "positives", "mean_score", *METRICS)
COUNTED: Final = "night date, scored_night date, model_version int, rows bigint, positives bigint, mean_score double"
SCHEMA: Final = ", ".join([COUNTED, *[f"{name} double" for name in METRICS]])


def realised(pairs: pd.DataFrame) -> list[tuple[Any, ...]]:
    """A row of `COLUMNS` for every night of labels, scored night and version.

    Args:
        pairs: a row per score whose label became known: `night`, `scored_night`, `model_version`, `label` (0 or 1), `score`.

    Returns:
        Metrics that have no value for the rows, such as the AUC of one class, are None: shown as such, never as a number.
    """
    groups = pairs.groupby(["night", "scored_night", "model_version"], sort=True)
    return [(night, scored, int(str(version)), *_measured(rows)) for (night, scored, version), rows in groups]


def _measured(rows: pd.DataFrame) -> tuple[Any, ...]:
    label, score = rows["label"].to_numpy(np.float64), rows["score"].to_numpy(np.float64)
    return (len(rows), int(label.sum()), float(score.mean()), *[_value(metric, label, score) for metric in METRICS])


def _value(metric: Any, label: Any, score: Any) -> float | None:
    try:
        return float(point(metric, label, score))
    except DataError:
        return None
