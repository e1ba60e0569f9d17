"""What a policy's scores were worth: from nightly tallies to metrics by month, with intervals, over one or several seeds."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from jobs.config.models import METRICS, Kind, Metric
from jobs.errors import DataError
from jobs.model.evaluation.evaluation import Estimate
from jobs.model.evaluation.floats import Floats
from jobs.model.evaluation.resampling import draw, interval
from jobs.performance.tally import measures

SEED: Final = 0
"""Of the draws: the same ones for all policies, so that their differences are paired."""
ALL: Final = "all"


@dataclass(frozen=True)
class Sampled:
    """A metric by seed, and in each draw of nights."""

    values: Floats
    samples: Floats
    """A row per seed, a column per draw."""

    @property
    def estimate(self) -> Estimate:
        """The mean over seeds, with the interval over nights; none where a draw has no value."""
        return estimate(float(self.values.mean()), self.samples.mean(axis=0))


def estimate(value: float, samples: Floats) -> Estimate:
    """A value with the interval of its draws, where there is one."""
    try:
        return Estimate(value, *interval(samples))
    except DataError:
        return Estimate(value, None, None)


def sampled(tallies: Floats, nights: Sequence[date], kind: Kind) -> dict[Metric, Sampled]:
    """The metrics of some nights together.

    Args:
        tallies: by seed and night.
        nights: theirs.
        kind: the model's type.
    """
    draws = draw(np.array(nights, dtype=object), seed=SEED)
    values, samples = measures(tallies.sum(axis=1), kind), measures(draws.weights[:, draws.block] @ tallies, kind)
    # One block drawn again is the same block: that is no interval.
    spread = {name: found if draws.blocks > 1 else np.full_like(found, np.nan) for name, found in samples.items()}
    return {metric: Sampled(values[metric], spread[metric]) for metric in METRICS[kind]}


def by_month(tallies: Floats, nights: Sequence[date], kind: Kind) -> dict[str, dict[Metric, Sampled]]:
    """The metrics of each month and, last, of all nights; as in `sampled`."""
    months = np.array([f"{night:%Y-%m}" for night in nights])
    parts = {str(month): np.flatnonzero(months == month).tolist() for month in np.unique(months)}
    parts[ALL] = list(range(len(nights)))
    return {name: sampled(tallies[:, places], [nights[place] for place in places], kind) for name, places in parts.items()}
