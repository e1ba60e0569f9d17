"""How far apart groups are: the largest difference of a rate between any two of them, with an interval that may begin at 0."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np

from jobs.config.fairness import Measure
from jobs.model.evaluation.evaluation import Estimate
from jobs.model.evaluation.floats import Floats
from jobs.model.evaluation.resampling import LEVEL
from jobs.model.fairness.rates import Rate, RateName

MEASURES: Final[Mapping[Measure, tuple[RateName, ...]]] = {
    "demographic_parity": ("selection_rate",),
    "equal_opportunity": ("true_positive_rate",),
    "equalized_odds": ("true_positive_rate", "false_positive_rate"),
    "predictive_parity": ("precision",),
}


@dataclass(frozen=True)
class Gap:
    """One measure between the groups of an attribute; either an estimate or a problem."""

    estimate: Estimate | None = None
    by_chance: float | None = None
    """How large it would be on average if the groups did not differ: the largest of several differences is never 0."""
    lowest: str = ""
    highest: str = ""
    """The two groups."""
    problem: str | None = None
    samples: Floats | None = None
    """In each draw."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        about = {"by_chance": self.by_chance, "lowest": self.lowest, "highest": self.highest, "problem": self.problem}
        return {"estimate": self.estimate and self.estimate.to_dict(), **about}


def gap(rates: Sequence[Rate], names: list[str], *, blocks: int) -> Gap:
    """The largest difference of any of the rates between two groups.

    The value is fairlearn's (the larger of both differences for equalized odds). Of each pair of groups the difference is given a band of
    so many of its own standard errors over the draws that in 95 % of the draws all bands hold at once (the bootstrap's max-t, as in Romano &
    Wolf 2005, Exact and Approximate Stepdown Methods for Multiple Hypothesis Testing, 4). If all hold, the largest true difference lies
    between the highest lower and the highest upper end: so the interval is right in 95 % at least, and the choice of the most different pair
    makes nothing look different that is not.

    Args:
        rates: of the same groups.
        names: of the groups, two or more.
        blocks: nights or weeks that were drawn; one says nothing of chance.
    """
    if problem := next((found for one in rates if (found := one.too_few(names))), None):
        return Gap(problem=problem)
    values, samples = np.stack([one.values for one in rates]), np.stack([one.samples for one in rates])
    spread = np.ptp(samples, axis=2).max(axis=0)
    widest = values[np.ptp(values, axis=1).argmax()]
    about = {"lowest": names[int(widest.argmin())], "highest": names[int(widest.argmax())], "samples": spread}
    value = float(np.ptp(widest))
    if blocks < 2 or not np.isfinite(samples).all():
        return Gap(Estimate(value, None, None), **about)
    chance = float(np.ptp(samples - values[:, None], axis=2).max(axis=0).mean())
    return Gap(Estimate(value, *_ends(values, samples)), chance, **about)


def _ends(values: Floats, samples: Floats) -> tuple[float, float]:
    pairs = np.array(list(combinations(range(values.shape[1]), 2))).T
    apart, drawn = values[:, pairs[0]] - values[:, pairs[1]], samples[:, :, pairs[0]] - samples[:, :, pairs[1]]
    error = drawn.std(axis=1, ddof=1)
    off = np.abs(drawn - apart[:, None])
    certain = np.divide(off, error[:, None], out=np.zeros_like(off), where=error[:, None] > 0).max(axis=(0, 2))
    band = float(np.quantile(certain, LEVEL)) * error
    return float(max(0.0, (np.abs(apart) - band).max())), float(min(1.0, (np.abs(apart) + band).max()))
