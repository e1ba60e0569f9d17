"""What stressed scores are held against: the same rows' scores without the stress, on the same draws of nights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.config.models import Kind, Metric
from jobs.model.decision import Decision
from jobs.model.evaluation.evaluation import Estimate
from jobs.model.evaluation.floats import Floats
from jobs.model.evaluation.resampling import SAMPLED, Draws, draw, interval
from jobs.model.evaluation.values import labels_of, scores_of
from jobs.model.stress.stressed import About, Stressed

# The average precision is left out: over hundreds of stresses it alone would cost more than all else.
TOLD: Final[Mapping[Kind, tuple[Metric, ...]]] = {"binary": ("log_loss", "brier", "roc_auc"), "regression": ("mae", "rmse", "r2")}


@dataclass(frozen=True)
class Yardstick:
    """Rows, and a version's scores of them."""

    rows: pd.DataFrame
    """With `night`, `label` and what the decision looks at, which no stress alters."""
    matrix: NDArray[np.float32]
    """What the version scores of them."""
    scores: Floats
    kind: Kind
    loss: Metric
    decision: Decision | None
    """Of a binary model."""
    seed: int
    where: str = "The holdout"

    @cached_property
    def labels(self) -> Floats:
        """Of the rows."""
        return labels_of(self.rows, self.kind, where=self.where)

    @cached_property
    def draws(self) -> Draws:
        """All rows once, then the draws of nights: what is computed of each draw is so computed of the whole as well."""
        drawn = draw(self.rows["night"], seed=self.seed)
        return replace(drawn, weights=np.vstack([np.ones(drawn.blocks), drawn.weights]))

    @cached_property
    def samples(self) -> dict[Metric, Floats]:
        """Each metric without stress: over all rows, then in each draw."""
        return self.sampled(self.scores)

    def sampled(self, scores: Floats) -> dict[Metric, Floats]:
        """Each metric of these scores: over all rows, then in each draw.

        Raises:
            DataError: labels that cannot be measured by, or scores that are none.
        """
        fit = scores_of(scores, len(self.rows), self.kind)
        return {metric: SAMPLED[metric](self.draws, self.labels, fit) for metric in TOLD[self.kind]}

    def against(self, about: About, given: Sequence[Floats]) -> Stressed:
        """What a stress did, by the scores under it; several, where chance has a part in it, are taken together.

        Raises:
            DataError: as in `sampled`.
        """
        found = [self.sampled(one) for one in given]
        differences = {metric: np.stack([one[metric] - samples for one in found]) for metric, samples in self.samples.items()}
        return Stressed(
            **about._asdict(),
            loss=self.loss,
            rows=len(self.rows),
            nights=self.rows["night"].nunique(),
            change=float(np.mean([np.abs(one - self.scores).mean() for one in given])),
            flips=self._flips(given),
            shift=float(np.mean([one.mean() for one in given]) - self.scores.mean()),
            differences={metric: estimated(one, self.draws) for metric, one in differences.items()},
        )

    def beside(self, about: About, other: "Yardstick") -> Stressed:
        """How these rows fare beside the other's, which are none of them: each is drawn for itself, so intervals are wide."""
        differences = {metric: samples - other.samples[metric] for metric, samples in self.samples.items()}
        return Stressed(
            **about._asdict(),
            loss=self.loss,
            rows=len(self.rows),
            nights=self.rows["night"].nunique(),
            shift=float(self.scores.mean() - other.scores.mean()),
            differences={metric: estimated(one[None], self.draws, other.draws) for metric, one in differences.items()},
        )

    def _flips(self, given: Sequence[Floats]) -> float | None:
        if self.decision is None:
            return None
        decided = self.decision.predicted
        return float(np.mean([(decided(self.rows, one) != decided(self.rows, self.scores)).mean() for one in given]))


def estimated(found: Floats, *draws: Draws) -> Estimate:
    """The mean over the first column, which is of all rows, and the interval over the others; none from a single night, or undefined in a draw."""
    value, samples = float(found[:, 0].mean()), found[:, 1:].ravel()
    whole = min(one.blocks for one in draws) > 1 and bool(np.isfinite(samples).all())
    return Estimate(value, *interval(samples)) if whole else Estimate(value, None, None)
