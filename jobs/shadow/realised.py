"""What became known of nights in shadow: sums of both versions on the same labelled rows, and the difference that they come to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from jobs.config.models import Kind, Metric
from jobs.errors import DataError
from jobs.model.evaluation.evaluation import Estimate
from jobs.model.evaluation.floats import Floats
from jobs.model.evaluation.resampling import draw, interval
from jobs.performance.tally import losses, measures

AREAS: Final = frozenset({"roc_auc", "pr_auc"})
SEED: Final = 0


@dataclass(frozen=True)
class Labelled:
    """One scored night, as far as its labels were known."""

    night: date
    ours: Floats
    """The challenger's tally."""
    theirs: Floats
    """The champion's, on the same rows."""

    @property
    def rows(self) -> int:
        """With a label."""
        return round(float(self.ours[0]))


def difference(nights: Sequence[Labelled], *, metric: Metric, kind: Kind) -> Estimate | None:
    """The challenger's metric less the champion's over all the nights, with a 95 % interval over nights, or weeks where they are many.

    None where there is no value, as without a night or of one class; a single night has no interval.
    """
    if not nights:
        return None
    ours, theirs = np.array([one.ours for one in nights]), np.array([one.theirs for one in nights])
    value = _difference(ours.sum(axis=0), theirs.sum(axis=0), metric, kind)
    if not np.isfinite(value):
        return None
    draws = draw(np.array([one.night for one in nights], dtype=object), seed=SEED)
    if draws.blocks < 2:
        return Estimate(float(value), None, None)
    member = np.eye(draws.blocks)[draws.block].T
    try:
        return Estimate(float(value), *interval(_difference(draws.weights @ member @ ours, draws.weights @ member @ theirs, metric, kind)))
    except DataError:  # a draw without a value, as of nights of one class
        return Estimate(float(value), None, None)


def _difference(ours: Floats, theirs: Floats, metric: Metric, kind: Kind) -> Floats:
    measured = measures if metric in AREAS else losses
    return np.asarray(measured(ours, kind)[metric] - measured(theirs, kind)[metric])
