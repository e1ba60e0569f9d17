"""Reweighing: training rows weigh such that which group a row is of says nothing about its label."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from jobs.errors import DataError
from jobs.model.evaluation.floats import Floats
from jobs.model.fairness.groups import Value, groups_of, placed


@dataclass(frozen=True)
class Weights:
    """What a row weighs by its group and its label; every other row weighs 1."""

    attribute: str
    negative: Mapping[Value, float]
    positive: Mapping[Value, float]

    def per_row(self, rows: pd.DataFrame, label: Floats) -> Floats:
        """Each row's weight."""
        given = [placed(rows, self.attribute, of, otherwise=1.0) for of in (self.negative, self.positive)]
        return np.where(label == 1, given[1], given[0])


def weights_of(rows: pd.DataFrame, label: Floats, attribute: str, *, min_rows: int) -> Weights:
    """P(group) · P(label) / P(group, label) on these rows (Kamiran & Calders 2012, Data Preprocessing Techniques for Classification without
    Discrimination, 4.3); their mean is 1.

    Groups with fewer rows than `min_rows`, or with one label only, keep the weight 1 and have no part in the shares.

    Raises:
        DataError: fewer than two groups are left, or the attribute names no groups.
    """
    groups = groups_of(rows, attribute)
    of_group = groups.rows.astype(np.float64)
    positive = np.bincount(groups.code, label, minlength=len(groups.values))
    fit = np.flatnonzero((of_group >= min_rows) & (positive > 0) & (positive < of_group))
    if len(fit) < 2:
        msg = (
            f"fairness.mitigate: of the groups of `{attribute}`, {len(fit)} has {min_rows} rows and both labels to be reweighed by, and it takes two: "
            f"{dict(zip(groups.names, groups.rows.tolist(), strict=True))}. Take `mitigate` out, or train on more nights."
        )
        raise DataError(msg)
    rate = positive[fit].sum() / of_group[fit].sum()
    values = [groups.values[number] for number in fit]
    return Weights(
        attribute,
        negative=dict(zip(values, ((1 - rate) * of_group[fit] / (of_group - positive)[fit]).tolist(), strict=True)),
        positive=dict(zip(values, (rate * of_group[fit] / positive[fit]).tolist(), strict=True)),
    )
