"""Tallies of rows in Spark: the sums of `tally.py` in one grouped aggregate, whatever the number of rows."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from jobs.config.models import Kind, Metric
from jobs.model.evaluation.floats import EPSILON, Floats
from jobs.performance.tally import BINS, SUMS, width

Key = tuple[Any, ...]


def tallied(rows: DataFrame, by: Sequence[str], *, constants: Mapping[int, float], kind: Kind, loss: Metric) -> dict[Key, Floats]:
    """The tally of each group, in the order of the groups.

    Args:
        rows: `model_version`, `label` (of a binary model perhaps a probability), `score` and the columns of `by`.
        by: what makes a group.
        constants: by version, what its training would have said of every row; a version without one has no loss of it.
        kind: the model's type.
        loss: what the model minimises.
    """
    cell = F.least(F.floor(F.asin(F.sqrt("score")) * (2 / np.pi * BINS)), F.lit(BINS - 1)) if kind == "binary" else F.lit(0)
    sums = {**_sums(kind), "constant": _of_constant(constants, loss)}
    grouped = rows.groupBy(*by, cell.alias("cell_")).agg(*[F.sum(column).alias(name) for name, column in sums.items()])
    found: dict[Key, Floats] = {}
    for row in grouped.collect():
        tally = found.setdefault(tuple(row[name] for name in by), np.zeros(width(kind)))
        given = [row[name] for name in SUMS[kind]]
        tally[: len(given)] += [np.nan if one is None else one for one in given]
        if kind == "binary":
            tally[len(given) + row["cell_"]] = row["label"]
            tally[len(given) + BINS + row["cell_"]] = row["rows"] - row["label"]
    return dict(sorted(found.items()))


def _sums(kind: Kind) -> dict[str, Column]:
    label, score = F.col("label").cast("double"), F.col("score")
    plain = {"rows": F.lit(1.0), "label": label, "score": score}
    if kind == "regression":
        return {**plain, "mae": F.abs(score - label), "squared": (score - label) ** 2, "label_squared": label**2}
    inside = F.least(F.greatest(score, F.lit(EPSILON)), F.lit(1 - EPSILON))
    log_loss = -(label * F.log(inside) + (1 - label) * F.log1p(-inside))
    return {**plain, "log_loss": log_loss, "brier": label * (1 - inside) ** 2 + (1 - label) * inside**2}


def _of_constant(constants: Mapping[int, float], loss: Metric) -> Column:
    label, constant = F.col("label").cast("double"), F.lit(None).cast("double")
    for version, value in constants.items():
        constant = F.when(F.col("model_version") == version, F.lit(value)).otherwise(constant)
    if loss == "log_loss":
        return -(label * F.log(constant) + (1 - label) * F.log1p(-constant))
    return F.abs(label - constant) if loss == "mae" else (label - constant) ** 2
